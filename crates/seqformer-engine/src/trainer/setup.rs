//! What happens before the first step.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use seqformer::SeqFormer;
use seqformer_data::{ClipSource, Loader, Shard};
use seqformer_files::{FolderLock, LockError};
use seqformer_ops::precision::bf16_products_are_slow;
use tch::{Device, Tensor, nn};

use super::checks;
use super::journal::Journal;
use super::start::{resume, start};
use super::{Trainer, TrainerOptions};
use crate::checkpointer::{Checkpointer, Position};
use crate::collate::Collate;
use crate::device::out_of_memory;
use crate::model_summary::ModelSummary;
use crate::plan::TrainPlan;
use crate::{
    Communicator, EngineError, Optimizer, ScoreRules, TensorState, TestScores, files, process,
};

impl Trainer {
    /// Reads the datasets, builds the network and initializes it: from the newest checkpoint of the output folder, from
    /// `MODEL.WEIGHTS`, or at random. If there are several processes, only the first reads and writes files; it sends
    /// the others what it has read.
    ///
    /// # Errors
    ///
    /// If a dataset, a checkpoint or the output folder cannot be used, another run is writing to the folder, or the
    /// processes were given different data or settings.
    pub fn new(
        plan: TrainPlan,
        options: TrainerOptions,
        communicator: Rc<Communicator>,
    ) -> Result<Self, EngineError> {
        out_of_memory("the weights", || Self::set_up(plan, options, communicator))?
    }

    fn set_up(
        mut plan: TrainPlan,
        options: TrainerOptions,
        communicator: Rc<Communicator>,
    ) -> Result<Self, EngineError> {
        process::keep_freed_memory();
        process::choose_cudnn_algorithms(options.device, plan.cudnn_benchmark);
        let folder = &plan.output_dir;
        let lock = if communicator.is_leader() { Some(lock_folder(folder)?) } else { None };
        let data = seqformer_training_data::training_data(&plan.data)?;
        let mut rules = ScoreRules::default();
        if communicator.is_leader() {
            let found = checks::inspect(&plan, &data)?;
            for note in data.notes.iter().chain(&found.warnings) {
                tracing::warn!("{note}");
            }
            rules = found.rules;
        }
        agree(&plan, &options, &data, &communicator)?;
        plan.step.autocast = autocasts(&plan, options.device, &communicator);
        let checkpointer = Checkpointer::new(folder, plan.keep_checkpoints);
        let mut variables = nn::VarStore::new(options.device);
        let mut model = SeqFormer::new(&variables.root(), &plan.network.model)?;
        model.set_recomputed_parts(plan.recomputed_parts);
        let collate = Collate { channels: plan.channels, device: options.device };
        let about_data = data.describe();
        let set = Arc::new(data.set);
        let mut started = None;
        let mut is_resumed = false;
        if communicator.is_leader() {
            let resumed =
                if options.resume { resume(&checkpointer, &plan, &mut variables)? } else { None };
            started = Some(match resumed {
                Some(resumed) => {
                    is_resumed = true;
                    resumed
                }
                None => start(&model, &plan, &mut variables, (&set, &collate))?,
            });
        }
        let (position, optimizer) = share(started, &plan, &variables, &communicator)?;
        let shard = Shard { rank: communicator.rank(), world_size: communicator.world_size() };
        let batches = plan.batches.batches(&set, position.seed, position.batches);
        let workers = plan.batches.num_workers;
        let loader = Loader::sharing(set as Arc<dyn ClipSource>, batches, workers, shard)?;
        let mut journal = None;
        if communicator.is_leader() {
            if is_resumed {
                checkpointer.resume_run(&position.run)?;
            } else {
                checkpointer.start_run(&position.run)?;
            }
            files::replace(&folder.join("config.yaml"), options.config_file.as_bytes())?;
            let started_at = (position.iterations, plan.max_iter());
            journal =
                Some(Journal::new(folder, started_at, options.device, &plan.data.datasets.test)?);
        }
        let parameters: Vec<&Tensor> =
            optimizer.groups().iter().map(|group| &group.parameter).collect();
        let reducer = communicator.reducer(&parameters)?;
        Ok(Self {
            collate,
            journal,
            classes: data.categories.names().to_vec(),
            plan,
            config_text: options.config_text,
            device: options.device,
            model,
            optimizer,
            reducer,
            loader,
            position,
            checkpointer,
            communicator,
            about_data,
            summary: ModelSummary::of(&variables),
            rules,
            scores: TestScores::default(),
            failed_evaluations: Vec::new(),
            variables,
            has_warned_of_crowds: false,
            _lock: lock,
        })
    }
}

/// Creates the output folder and locks it for this process.
fn lock_folder(folder: &Path) -> Result<FolderLock, EngineError> {
    FolderLock::take(folder).map_err(|error| match error {
        LockError::InUse { folder } => EngineError::FolderInUse { folder },
        LockError::Unwritable { path, source } => EngineError::Unwritable { path, source },
    })
}

/// Checks that all processes have the same settings and data.
fn agree(
    plan: &TrainPlan,
    options: &TrainerOptions,
    data: &seqformer_training_data::TrainingData,
    communicator: &Communicator,
) -> Result<(), EngineError> {
    let (batch, world_size) = (plan.batches.num_clips, communicator.world_size());
    if batch < world_size {
        let what = format!(
            "SOLVER.IMS_PER_BATCH {batch} is less than the number of processes, {world_size}: each needs a clip"
        );
        return Err(EngineError::Unsupported(what));
    }
    // Only the first process writes.
    let settings = options.config_text.lines().filter(|line| !line.starts_with("OUTPUT_DIR:"));
    let settings: Vec<&str> = settings.collect();
    let own = format!("{:?} training clips\n{}", data.set.lengths(), settings.join("\n"));
    let texts = communicator.collect_texts(&own)?;
    for (rank, text) in texts.iter().enumerate() {
        if let Some((here, there)) = texts[0].lines().zip(text.lines()).find(|(a, b)| a != b) {
            let what = format!("rank 0 has {:?}, this one {:?}", here.trim(), there.trim());
            return Err(EngineError::Disagreement { rank, what });
        }
    }
    Ok(())
}

/// Whether the training computes in mixed precision: not on a processor that would be slower with it.
fn autocasts(plan: &TrainPlan, device: Device, communicator: &Communicator) -> bool {
    let is_slower = plan.step.autocast && !device.is_cuda() && bf16_products_are_slow();
    if is_slower && communicator.is_leader() {
        tracing::warn!(
            "SOLVER.AMP.ENABLED: this processor multiplies bf16 slower than f32, so the training computes in f32"
        );
    }
    plan.step.autocast && !is_slower
}

/// Sends the initial state of the first process to all others.
fn share(
    started: Option<(Position, Optimizer)>,
    plan: &TrainPlan,
    variables: &nn::VarStore,
    communicator: &Communicator,
) -> Result<(Position, Optimizer), EngineError> {
    communicator.note(0, "broadcasting the weights");
    let text = started.as_ref().map(|(position, optimizer)| {
        let has_state: String = (0..optimizer.groups().len())
            .map(|index| if optimizer.state(index).is_some() { '1' } else { '0' })
            .collect();
        format!("{}\n{has_state}", position.to_text())
    });
    let text = communicator.share_text(text)?;
    let (position, has_state) = text.split_once('\n').unwrap_or((text.as_str(), ""));
    let (position, mut optimizer) = if let Some(started) = started {
        started
    } else {
        let found = Position::parse(position).ok_or_else(|| EngineError::Disagreement {
            rank: communicator.rank(),
            what: format!(
                "the position in the training, {position:?}, was written by another version"
            ),
        })?;
        (found, Optimizer::new(variables, &plan.optimizer))
    };
    let mut tensors: Vec<(String, Tensor)> = variables.variables().into_iter().collect();
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut tensors: Vec<Tensor> = tensors.into_iter().map(|(_, tensor)| tensor).collect();
    for (index, has_state) in has_state.chars().enumerate() {
        if has_state == '1' {
            optimizer.prepare_state(index);
            let state = optimizer.state(index).map(TensorState::tensors).unwrap_or_default();
            tensors.extend(state.into_iter().map(|(_, tensor)| tensor.shallow_clone()));
        }
    }
    communicator.share_tensors(&tensors)?;
    Ok((position, optimizer))
}
