//! What a training tells of itself, without a tensor: scalars and where they are written to.
//!
//! [`Metrics`] smooths the scalars of the last iterations. They leave as the line on the console
//! ([`console_line`]), as lines of `metrics.json` ([`MetricsFile`]), as events for TensorBoard ([`EventFile`]) and as
//! a picture ([`Curves`]). [`RunLog`] is `log.txt`, the log of a run beside the console. [`InferenceTime`] is the
//! time of an evaluation.
//!
//! ```
//! use seqformer_logs::{EventFile, Metrics, MetricsFile, console_line};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let mut file = MetricsFile::create(&folder.join("metrics.json"))?;
//! let mut events = EventFile::create(folder, 0)?;
//! let mut metrics = Metrics::new();
//! for iteration in 0..20 {
//!     metrics.begin_iteration(iteration);
//!     metrics.record(Metrics::TOTAL_LOSS, 31.2);
//! }
//! assert_eq!(console_line(&metrics, None), " iter: 19  total_loss: 31.2  lr: N/A");
//! for record in metrics.take_fresh() {
//!     file.write(&record)?;
//!     events.write_record(&record)?;
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod appender;
mod console_line;
mod curves;
mod error;
mod event_file;
mod inference_time;
mod metrics;
mod run_log;

pub use console_line::console_line;
pub use curves::Curves;
pub use error::LogError;
pub use event_file::EventFile;
pub use inference_time::{InferenceTime, VideoTime};
pub use metrics::{Metrics, MetricsFile, MetricsRecord, ScalarHistory, read_metrics};
pub use run_log::RunLog;
