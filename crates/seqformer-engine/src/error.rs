//! What can go wrong between a configuration and a result.

mod describe;
mod from;

use std::path::PathBuf;

use seqformer::ModelError;
use seqformer_checkpoint::CheckpointError;
use seqformer_distributed::DistributedError;
use seqformer_libtorch::OpsError;
use seqformer_logs::LogError;
use seqformer_masks::ImageSize;

/// A model could not be built, filled or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The device that was asked for cannot be used.
    #[error("device {device}: {reason}")]
    Device {
        /// What was asked for.
        device: String,
        /// Why it cannot be had, and what to do.
        reason: String,
    },
    /// A feature that this build does not have.
    #[error("{0}")]
    Unsupported(String),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not fit the configuration.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        source: ModelError,
    },
    /// The network cannot be built or run.
    #[error(transparent)]
    Model(ModelError),
    /// A device has no memory left, however few frames go through the network at once.
    #[error(
        "{source}; use smaller frames (INPUT.MIN_SIZE_TEST and INPUT.MAX_SIZE_TEST), raise --max-memory if it was \
         given, or use --device cpu"
    )]
    DeviceMemory {
        /// What there is no memory for.
        source: ModelError,
    },
    /// Somebody asked for an end; see [`crate::Predictor::stop_on`].
    #[error("interrupted")]
    Interrupted,
    /// A frame could not be had; the inner error names the file.
    #[error(transparent)]
    Frame(Box<dyn std::error::Error + Send + Sync>),
    /// A finished frame could not be handed on; the inner error says why.
    #[error(transparent)]
    Output(Box<dyn std::error::Error + Send + Sync>),
    /// A prediction does not fit into the memory that it may take.
    #[error(
        "--max-memory: {limit_mib} MiB are not enough after {done} frames: program, weights and buffers take \
         {fixed_mib} \
         MiB, and processing one frame at a time needs at least {needed_mib} MiB; raise the limit, or lower \
         INPUT.MIN_SIZE_TEST"
    )]
    Memory {
        /// What was allowed.
        limit_mib: u64,
        /// What is enough to go on.
        needed_mib: u64,
        /// What no size of the frames changes.
        fixed_mib: u64,
        /// Frames that were done.
        done: usize,
    },
    /// A device has no memory for a training step.
    #[error(
        "iteration {iteration}: the device ran out of memory for {clips}: {message}; lower SOLVER.MICRO_BATCH_SIZE, \
         the number of clips that go through the network at once, or recompute activations instead of keeping them: \
         SOLVER.ACTIVATION_CHECKPOINTING \"('backbone', 'encoder', 'decoder')\""
    )]
    TrainingMemory {
        /// The iteration.
        iteration: u64,
        /// The clips of the batch with their sizes.
        clips: String,
        /// What libtorch says.
        message: String,
    },
    /// The system has no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// A frame differs in size from the first one.
    #[error(
        "frame {index}: expected {expected} pixels (height x width) as in the first frame, found {found}"
    )]
    FrameSize {
        /// Number of the frame, from 0.
        index: usize,
        /// Size of the first frame.
        expected: ImageSize,
        /// Size of this frame.
        found: ImageSize,
    },
    /// The gradients or the state of an optimizer do not belong to its parameters.
    #[error("optimizer: {name}: {what}")]
    Optimizer {
        /// The parameter, or what was asked for.
        name: String,
        /// What does not fit.
        what: String,
    },
    /// An operation of libtorch failed.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A video without frames.
    #[error("the video has no frames")]
    NoFrames,
    /// A file of the run cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the run cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A log of a training cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A dataset or a training sample cannot be used.
    #[error(transparent)]
    Data(#[from] seqformer_data::DataError),
    /// The data of a training cannot be used.
    #[error(transparent)]
    TrainingData(#[from] seqformer_training_data::TrainingDataError),
    /// Results or annotations cannot be used.
    #[error(transparent)]
    Evaluation(#[from] seqformer_evaluation::EvaluationError),
    /// A dataset that a training could not be evaluated on.
    #[error(
        "DATASETS.TEST {name}: {source}; training ends with an evaluation on this dataset: fix it, or set \
         DATASETS.TEST \"()\" \
         to train without evaluation"
    )]
    TestDataset {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: Box<EngineError>,
    },
    /// Scores that differ from `TEST.EXPECTED_RESULTS`, each with the expected and the found value.
    #[error("TEST.EXPECTED_RESULTS: {0}")]
    ExpectedResults(String),
    /// Another process of an evaluation could not do its part.
    #[error("rank {rank}: {message}")]
    Elsewhere {
        /// The process.
        rank: usize,
        /// Why.
        message: String,
    },
    /// A checkpoint that a training cannot go on from.
    #[error("{}: {what}", path.display())]
    Resume {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The weights of a training are no finite numbers any more, so they are not saved.
    #[error(
        "after {iterations} iterations: the weights are no longer finite, in {tensors}; no checkpoint is written, \
         and earlier ones are kept: lower SOLVER.BASE_LR, or set SOLVER.CLIP_GRADIENTS, and resume from the last one"
    )]
    NotFiniteWeights {
        /// Iterations that are done.
        iterations: u64,
        /// The tensors, with how many of their values it is true of.
        tensors: String,
    },
    /// Weights of another network, or of one that saw other input.
    #[error(
        "{}: these weights were trained with a different network than that of the configuration (weights first, \
         configuration second): {differences}; use the configuration that was written beside them",
        path.display()
    )]
    OtherNetwork {
        /// The weight file.
        path: PathBuf,
        /// Keys and both values.
        differences: String,
    },
    /// Weights whose tensors are not those that were written.
    #[error(
        "{}: the tensors have changed since they were written (their hash differs); copy or download the file again",
        path.display()
    )]
    AlteredWeights {
        /// The weight file.
        path: PathBuf,
    },
    /// A result whose score is not a number.
    #[error(
        "expected a number as the score of a result, found {score}; check the weights (`seqformer weights inspect`)"
    )]
    Score {
        /// The score.
        score: f32,
    },
    /// A training whose checkpoints are written, but which could not be evaluated.
    #[error(
        "training finished and all checkpoints are written, but an evaluation failed{before}: {last}; fix this, and \
         evaluate with `seqformer eval`"
    )]
    FailedEvaluations {
        /// How many failed before the last one, in words.
        before: String,
        /// The last failure.
        last: String,
    },
    /// Frames of another size than their annotations say.
    #[error("{}: expected {expected} pixels (height x width) as in the annotations, found {found}", path.display())]
    VideoSize {
        /// The first frame.
        path: PathBuf,
        /// Size in the annotations.
        expected: ImageSize,
        /// Size of the frames.
        found: ImageSize,
    },
    /// The network finds classes that the dataset does not have.
    #[error(
        "the network predicted class {label} (counted from 0), but the dataset has {dataset} classes; set \
         MODEL.SeqFormer.NUM_CLASSES, and use weights for this dataset"
    )]
    Classes {
        /// The class.
        label: usize,
        /// Number of classes of the dataset.
        dataset: usize,
    },
    /// Losses were not numbers too often.
    #[error(
        "iteration {iteration}: {skipped} steps were skipped because a loss was not finite; the last was \
         {losses} on {samples}; lower SOLVER.BASE_LR, or check these samples"
    )]
    NotFinite {
        /// The last such iteration.
        iteration: u64,
        /// How many steps were left out.
        skipped: u64,
        /// Names and values.
        losses: String,
        /// The clips of the batch.
        samples: String,
    },
    /// Processes cannot work together, mostly because one of them is gone.
    #[error(transparent)]
    Processes(DistributedError),
    /// Processes of one run that were given different things to do.
    #[error(
        "rank {rank}: {what}; start all processes of a run in the same way, with the same data"
    )]
    Disagreement {
        /// The process that differs from the first.
        rank: usize,
        /// In what.
        what: String,
    },
    /// Another run writes into the same folder.
    #[error("{}: another run is writing here; wait for it, or set another OUTPUT_DIR", folder.display())]
    FolderInUse {
        /// The output folder.
        folder: PathBuf,
    },
}
