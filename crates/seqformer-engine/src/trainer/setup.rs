//! What happens before the first step.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use seqformer::{AbsentInstances, SeqFormer, initialize, load_matching, load_state_dict};
use seqformer_checkpoint::Provenance;
use seqformer_config::Config;
use seqformer_data::{BatchSampler, ClipSource, Loader, Mixture, Shard};
use tch::{Tensor, nn};

use super::journal::Journal;
use super::{Trainer, TrainerOptions};
use crate::checkpointer::{Checkpointer, Position};
use crate::collate::Collate;
use crate::{EngineError, Optimizer, builder, checkpointer, datasets, files, initial_weights};

/// Batches that the statistics of a new backbone are taken from.
const CALIBRATION_BATCHES: usize = 4;
/// Locked by the run that writes into the folder.
const LOCK: &str = ".lock";

impl Trainer {
    /// Reads the datasets, builds the network, and fills it: from the newest checkpoint of the output
    /// folder, from `MODEL.WEIGHTS`, or at random.
    ///
    /// # Errors
    ///
    /// If a dataset, a checkpoint or the output folder cannot be used, or another run writes there.
    pub fn new(config: &Config, options: TrainerOptions) -> Result<Self, EngineError> {
        seqformer_ops::runtime::keep_freed_memory();
        if options.device.is_cuda() {
            tch::Cuda::cudnn_set_benchmark(config.cudnn_benchmark);
        }
        let folder = &config.output_dir;
        std::fs::create_dir_all(folder)
            .map_err(|source| EngineError::Unwritable { path: folder.clone(), source })?;
        let lock = lock(folder)?;
        let data = datasets::training_data(config)?;
        for note in &data.notes {
            tracing::warn!("{note}");
        }
        let checkpointer = Checkpointer::new(folder, config.solver.keep_checkpoints);
        let mut position = Position {
            iterations: 0,
            batches: 0,
            seed: config.seed.unwrap_or_else(random_seed),
            skipped_steps: 0,
            best_ap: None,
        };
        let mut variables = nn::VarStore::new(options.device);
        let model_config = builder::model_config(config);
        let mut model = SeqFormer::new(&variables.root(), &model_config)?;
        model.set_recomputed_parts(builder::recomputed_parts(config));
        let last = if options.resume { checkpointer.last()? } else { None };
        let mut optimizer = None;
        if let Some(path) = &last {
            let tree = Checkpointer::read(path)?;
            position = checkpointer::position_of(&tree, path, position.seed)?;
            let state = checkpointer::model_of(&tree, path)?;
            let provenance = checkpointer::provenance_of(&tree);
            initial_weights::check(&state, &provenance, config, path)?;
            load_state_dict(&variables, &state)
                .map_err(|source| EngineError::Weights { path: path.clone(), source })?;
            let mut restored = Optimizer::new(&variables, &builder::optimizer_config(config));
            checkpointer::restore_optimizer(&tree, &mut restored, path)?;
            optimizer = Some(restored);
            tracing::info!("{}: going on after iteration {}", path.display(), position.iterations);
        } else {
            fill(&mut variables, config, &model_config, position.seed)?;
        }
        let optimizer = optimizer
            .unwrap_or_else(|| Optimizer::new(&variables, &builder::optimizer_config(config)));
        let mut loader = loader(config, data.set, &position)?;
        let absent = if config.model.seqformer.drop_absent {
            AbsentInstances::Drop
        } else {
            AbsentInstances::Supervise
        };
        let collate = Collate { channels: config.input.format, absent, device: options.device };
        if last.is_none() && config.model.weights.is_empty() && config.model.resnets.calibrate_norm
        {
            calibrate(&model, &mut loader, &collate)?;
            position.batches = loader.num_batches();
        }
        files::replace(&folder.join("config.yaml"), options.config_text.as_bytes())?;
        Ok(Self {
            matcher: builder::matcher(config),
            criterion: builder::criterion(config),
            schedule: builder::lr_schedule(config),
            grad_clip: builder::grad_clip(config),
            collate,
            journal: Journal::new(folder, position.iterations, config.solver.max_iter)?,
            classes: data.categories.names().to_vec(),
            config: config.clone(),
            config_text: options.config_text,
            device: options.device,
            variables,
            model,
            optimizer,
            loader,
            position,
            checkpointer,
            _lock: lock,
        })
    }
}

/// Takes the folder for this process.
fn lock(folder: &Path) -> Result<File, EngineError> {
    let path = folder.join(LOCK);
    let unwritable = |source| EngineError::Unwritable { path: path.clone(), source };
    let file = File::options().create(true).append(true).open(&path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(EngineError::FolderInUse { folder: folder.to_path_buf() })
        }
        Err(TryLockError::Error(source)) => Err(unwritable(source)),
    }
}

/// Random weights, and over them those of `MODEL.WEIGHTS` that fit.
fn fill(
    variables: &mut nn::VarStore,
    config: &Config,
    model_config: &seqformer::SeqFormerConfig,
    seed: u64,
) -> Result<(), EngineError> {
    tch::manual_seed(seed as i64);
    initialize(variables, model_config)?;
    if config.model.weights.is_empty() {
        return Ok(());
    }
    let path = Path::new(&config.model.weights);
    let state = seqformer_checkpoint::read(path)?;
    let provenance = Provenance::of(&state);
    initial_weights::check_hash(&state, &provenance, path)?;
    // Another number of classes is nothing to stop for, but other input may be a mistake.
    for difference in initial_weights::differences(&provenance, config, path) {
        tracing::warn!("{}: trained with another setting, {difference} here", path.display());
    }
    let state = initial_weights::translate(variables, state, config, path)?;
    let report = load_matching(variables, &state)
        .map_err(|source| EngineError::Weights { path: path.to_path_buf(), source })?;
    tracing::info!("{}: {} tensors loaded", path.display(), report.loaded);
    for name in &report.missing {
        tracing::warn!("{}: {name} is missing and starts at random", path.display());
    }
    for tensor in &report.wrong_shape {
        tracing::warn!(
            "{}: {} has the shape {:?}, the network needs {:?}; it starts at random",
            path.display(),
            tensor.name,
            tensor.found,
            tensor.expected
        );
    }
    for name in &report.unexpected {
        tracing::info!("{}: {name} has no place in the network", path.display());
    }
    Ok(())
}

/// Takes the statistics of the backbone from the first batches, which training then does not see.
fn calibrate(model: &SeqFormer, loader: &mut Loader, collate: &Collate) -> Result<(), EngineError> {
    let mut images = Vec::new();
    let mut size = None;
    for batch in loader.by_ref().take(CALIBRATION_BATCHES) {
        for sample in &batch? {
            let clip = collate.clip(sample);
            let found = clip.target.size;
            // Frames of other sizes would have to be padded, and padding is no part of the statistics.
            if *size.get_or_insert(found) == found {
                images.push(model.preprocess(&clip.frames, found)?);
            }
        }
    }
    if !images.is_empty() {
        model.calibrate_backbone(&Tensor::cat(&images, 0));
    }
    Ok(())
}

/// The stream of batches from where the training is.
fn loader(
    config: &Config,
    set: seqformer_data::TrainingSet,
    position: &Position,
) -> Result<Loader, EngineError> {
    let is_wide = set.is_wide();
    let ratio = &config.datasets.dataset_ratio;
    let mixture =
        if ratio.is_empty() { Mixture::Concatenated } else { Mixture::Weighted(ratio.clone()) };
    let batches = BatchSampler::new(
        set.lengths(),
        mixture,
        config.solver.ims_per_batch,
        position.seed,
        Shard::WHOLE,
    );
    let batches = match config.dataloader.repeat_threshold {
        Some(threshold) => batches.repeating(set.repeat_factors(threshold)),
        None => batches,
    };
    let batches =
        if config.dataloader.aspect_ratio_grouping { batches.grouped(is_wide) } else { batches };
    let source: Arc<dyn ClipSource> = Arc::new(set);
    Ok(Loader::new(source, batches.starting_at(position.batches), config.dataloader.num_workers)?)
}

/// A seed that no other run has; it is in the log and in every checkpoint.
fn random_seed() -> u64 {
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    now ^ u64::from(std::process::id()).rotate_left(32)
}
