//! The initial state of training: a checkpoint, given weights, or random ones.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use seqformer::{LoadReport, SeqFormer, initialize, load_matching, load_state_dict};
use seqformer_checkpoint::Provenance;
use seqformer_config::{CfgNode, Config};
use seqformer_data::{ClipSource, Loader, TrainingSet};
use seqformer_training_data::BatchPlan;
use tch::{Tensor, nn};

use crate::checkpointer::{Checkpointer, Position};
use crate::collate::Collate;
use crate::plan::TrainPlan;
use crate::{EngineError, Optimizer, checkpointer, initial_weights};

/// Batches from which the statistics of a new backbone are computed.
const CALIBRATION_BATCHES: usize = 4;

/// Resumes from the newest readable checkpoint of the folder; `None` if there is none.
pub(super) fn resume(
    checkpointer: &Checkpointer,
    plan: &TrainPlan,
    variables: &mut nn::VarStore,
) -> Result<Option<(Position, Optimizer)>, EngineError> {
    let mut broken = Vec::new();
    while let Some(path) = checkpointer.last_but(&mut broken)? {
        match resume_from(&path, plan, variables) {
            Err(error) if checkpointer::is_damage(&error) => broken.push((path, error)),
            done => return done.map(Some),
        }
    }
    tracing::warn!(
        "{}: there is no checkpoint to resume from: training starts at iteration 0",
        plan.output_dir.display()
    );
    Ok(None)
}

/// Takes over the training state of a checkpoint.
fn resume_from(
    path: &Path,
    plan: &TrainPlan,
    variables: &mut nn::VarStore,
) -> Result<(Position, Optimizer), EngineError> {
    let tree = Checkpointer::read(path)?;
    let seed = plan.seed.unwrap_or_else(random_seed);
    let position = checkpointer::position_of(&tree, path, seed)?;
    let state = checkpointer::model_of(&tree, path)?;
    let provenance = checkpointer::provenance_of(&tree);
    initial_weights::check(&state, &provenance, &plan.network, path)?;
    if let Some(note) = provenance.config.as_deref().and_then(|text| other_rate(text, plan, path)) {
        tracing::warn!("{note}");
    }
    load_state_dict(variables, &state)
        .map_err(|source| EngineError::Weights { path: path.to_path_buf(), source })?;
    let mut optimizer = Optimizer::new(variables, &plan.optimizer);
    checkpointer::restore_optimizer(&tree, &mut optimizer, path)?;
    tracing::info!("{}: resuming after iteration {}", path.display(), position.iterations);
    Ok((position, optimizer))
}

/// Tells that the learning rate differs from that of the checkpoint at `path`, whose configuration is `text`.
fn other_rate(text: &str, plan: &TrainPlan, path: &Path) -> Option<String> {
    let mut node = CfgNode::defaults();
    node.merge_from_text(text, path).ok()?;
    let before = Config::try_from(&node).ok()?.solver.base_lr;
    let now = plan.optimizer.base_lr;
    (before != now).then(|| {
        format!(
            "{}: trained with SOLVER.BASE_LR {before}; the training goes on with {now}, at the same position of the \
             schedule",
            path.display()
        )
    })
}

/// Starts a new training, with given or random weights.
pub(super) fn start(
    model: &SeqFormer,
    plan: &TrainPlan,
    variables: &mut nn::VarStore,
    (set, collate): (&Arc<TrainingSet>, &Collate),
) -> Result<(Position, Optimizer), EngineError> {
    let mut position = Position::new(plan.seed.unwrap_or_else(random_seed));
    let report = fill(variables, plan, position.seed)?;
    let calibrates = plan.calibrates_norm;
    let weights = || plan.weights.as_deref().unwrap_or(Path::new("")).display();
    match report.map(|report| report.uncalibrated_convolutions(variables)) {
        None if calibrates => {
            position.batches =
                calibrate(model, &plan.batches, &|_name| true, (set, collate), &position)?;
        }
        Some(missing) if calibrates && !missing.is_empty() => {
            tracing::warn!(
                "{}: {} layers of the backbone have no normalization statistics; these are computed from the first \
                 clips",
                weights(),
                missing.len()
            );
            let is_missing = |name: &str| missing.contains(name);
            position.batches =
                calibrate(model, &plan.batches, &is_missing, (set, collate), &position)?;
        }
        Some(missing) if !missing.is_empty() => tracing::warn!(
            "{}: {} layers of the backbone have no normalization statistics, and training does not change them; with \
             MODEL.RESNETS.CALIBRATE_NORM True they are computed from the first clips",
            weights(),
            missing.len()
        ),
        _ => {}
    }
    Ok((position, Optimizer::new(variables, &plan.optimizer)))
}

/// Random weights, replaced by those of `MODEL.WEIGHTS` that fit, if there are any.
fn fill(
    variables: &mut nn::VarStore,
    plan: &TrainPlan,
    seed: u64,
) -> Result<Option<LoadReport>, EngineError> {
    tch::manual_seed(seed as i64);
    initialize(variables, &plan.network.model)?;
    let Some(path) = &plan.weights else { return Ok(None) };
    let state = seqformer_checkpoint::read(path)?;
    initial_weights::log_remarks(&state, path);
    let provenance = Provenance::of(&state);
    initial_weights::check_hash(&state, &provenance, path)?;
    // Another number of classes is no reason to stop, but different preprocessing may be a mistake.
    for difference in initial_weights::differences(&provenance, &plan.network, path) {
        tracing::warn!("{}: trained with another setting, {difference} here", path.display());
    }
    let state = initial_weights::translate(variables, state, &plan.network, path)?;
    let report = load_matching(variables, &state)
        .map_err(|source| EngineError::Weights { path: path.clone(), source })?;
    tracing::info!("{}: {} tensors loaded", path.display(), report.loaded);
    for name in &report.missing {
        tracing::warn!("{}: {name} is missing and is initialized randomly", path.display());
    }
    for tensor in &report.wrong_shape {
        tracing::warn!(
            "{}: {} has the shape {:?}, the network needs {:?}; it is initialized randomly",
            path.display(),
            tensor.name,
            tensor.found,
            tensor.expected
        );
    }
    for name in &report.unexpected {
        tracing::info!("{}: {name} does not exist in the network", path.display());
    }
    Ok(Some(report))
}

/// Computes the statistics after the convolutions that `which` selects from the first batches, which training then
/// skips; returns the number of these convolutions.
fn calibrate(
    model: &SeqFormer,
    plan: &BatchPlan,
    which: &dyn Fn(&str) -> bool,
    (set, collate): (&Arc<TrainingSet>, &Collate),
    position: &Position,
) -> Result<u64, EngineError> {
    let source = Arc::clone(set) as Arc<dyn ClipSource>;
    let batches = plan.batches(set, position.seed, position.batches);
    let mut loader = Loader::new(source, batches, plan.num_workers)?;
    let mut images = Vec::new();
    let mut size = None;
    for batch in loader.by_ref().take(CALIBRATION_BATCHES) {
        for sample in &batch? {
            let clip = collate.clip(sample);
            let found = clip.target.size;
            // Frames of different sizes would need padding, and padding must not enter the statistics.
            if *size.get_or_insert(found) == found {
                images.push(model.preprocess(&clip.frames, found)?);
            }
        }
    }
    if !images.is_empty() {
        model.calibrate_convolutions(&Tensor::cat(&images, 0), which);
    }
    Ok(loader.num_batches())
}

/// A seed that no other run has; it is logged and stored in every checkpoint.
fn random_seed() -> u64 {
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    now ^ u64::from(std::process::id()).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_lr: &str) -> CfgNode {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/ytvis_2019/r50.yaml");
        let mut node = CfgNode::defaults();
        node.merge_from_file(&file).unwrap();
        node.merge_from_list(&["SOLVER.BASE_LR".to_owned(), base_lr.to_owned()]).unwrap();
        node
    }

    #[test]
    fn another_learning_rate_is_used_and_said() {
        let plan = TrainPlan::from_config(&Config::try_from(&config("0.0001")).unwrap());
        assert_eq!(plan.optimizer.base_lr, 0.0001);
        let path = Path::new("out/model_0000999.pth");
        let note = other_rate(&config("0.0002").dump(), &plan, path).unwrap();
        let expected = "out/model_0000999.pth: trained with SOLVER.BASE_LR 0.0002; the training goes on with 0.0001";
        assert!(note.starts_with(expected), "{note}");
        assert_eq!(other_rate(&config("0.0001").dump(), &plan, path), None);
        assert_eq!(other_rate("SOLVER: [", &plan, path), None);
    }
}
