//! From a configuration to tracked instances: the crate that joins settings, weights, frames and network.
//!
//! [`PredictPlan`] and [`TrainPlan`] read a configuration once; everything below them takes typed arguments. A
//! [`Predictor`] takes the frames of one video and gives every instance's classes, scores and masks.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use seqformer_config::{CfgNode, Config};
//! use seqformer_data::{DataError, read_image};
//! use seqformer_engine::{DeviceChoice, PredictPlan, Predictor, open_device};
//!
//! let mut node = CfgNode::defaults();
//! node.merge_from_file(Path::new("configs/base_ytvis.yaml"))?;
//! let config = Config::try_from(&node)?;
//! let device = open_device(DeviceChoice::Cpu)?;
//! let plan = PredictPlan::from_config(&config);
//! let predictor = Predictor::new(&plan, Path::new("model_final.pth"), device)?;
//! let frames = (0..5).map(|i| Ok(read_image(Path::new(&format!("frames/{i:05}.jpg")))?.image));
//! let video = predictor.predict(frames, &mut |_progress| {})?;
//! for found in &video.detections {
//!     println!("class {}: {:.3}", found.label, found.score);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod agreement;
pub mod builder;
mod checkpointer;
mod collate;
mod device;
mod encode;
mod error;
mod evaluate;
mod files;
mod grad_clip;
mod gradients;
mod initial_weights;
mod lr_schedule;
mod model_summary;
mod optimizer;
mod options;
mod plan;
mod precision;
mod predictor;
mod process;
mod scores;
mod track_masks;
mod trainer;

pub use checkpointer::Checkpointer;
pub use device::{
    DeviceChoice, count_gpus, forget_gpu_peak, gpu_card, gpu_fallbacks, gpu_memory, gpu_peak,
    open_device,
};
pub use encode::encode_masks;
pub use error::EngineError;
pub use evaluate::{Evaluated, EvaluationOutput, EvaluationProgress, evaluate};
pub use grad_clip::{Clipped, GradClip};
pub use gradients::Gradients;
pub use model_summary::ModelSummary;
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerKind, ParameterGroup, TensorState};
pub use options::{ClipOptions, PredictorOptions};
pub use plan::{PredictPlan, TrainPlan, inference_folders};
pub use precision::{PrecisionChoice, cpu_field, cpu_multiplies_bf16};
pub use predictor::{
    ImagePrediction, OrderedWorkers, PipelineTimes, Predictor, Progress, TrackOnFrame,
    TrackedFrame, VideoPrediction, num_threads, use_threads,
};
pub use scores::{ScoreRules, TestScores, TestSet, score_prefix};
pub use seqformer_distributed::Communicator;
pub use seqformer_ops::precision::bf16_products_are_slow;
pub use seqformer_ops::runtime::instruction_set;
pub use tch::Device;
pub use track_masks::TrackMasks;
pub use trainer::{TrainEnd, Trainer, TrainerOptions};
