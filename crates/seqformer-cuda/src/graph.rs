//! CUDA graphs: a sequence of kernel launches, recorded once and replayed as one.
//!
//! A network of many small operations is bound by the time to launch them; a graph launches all of them together. What
//! is recorded must have the same shapes every time, read and write the same tensors, and not wait for the device.

use seqformer_libtorch::OpsError;
use seqformer_libtorch::out_of_memory::OutOfMemory;
use tch::Device;

use crate::binding::graph;

/// Runs of the work before it is recorded: libraries choose their kernels in the first, and keep them in the second.
const WARM_UPS: usize = 2;

/// The stream of a GPU on which work is recorded, and the memory of its graphs.
///
/// Graphs share the memory, so the results of one must be copied before another one runs.
#[derive(Debug)]
pub struct GraphPool(std::rc::Rc<graph::GraphPool>);

/// Recorded work and its results, which live in the graph's own memory.
#[derive(Debug)]
pub struct CapturedGraph<R> {
    // Dropped before the pool, which it uses.
    graph: graph::Graph,
    results: R,
    _pool: std::rc::Rc<graph::GraphPool>,
}

/// Why work could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// There is not enough memory; less work may fit.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// It cannot be recorded on this device, but may run without a graph.
    #[error("{message}")]
    Unsupported {
        /// The message of the device or of libtorch.
        message: String,
    },
}

impl CaptureError {
    fn new(text: &str) -> Self {
        match OutOfMemory::of(text) {
            Some(error) => Self::OutOfMemory(error),
            None => {
                Self::Unsupported { message: text.lines().next().unwrap_or_default().to_owned() }
            }
        }
    }
}

impl GraphPool {
    /// Takes a stream of a GPU.
    ///
    /// # Errors
    ///
    /// If `device` is not a GPU, or `libseqformer_cuda` is missing.
    pub fn new(device: Device) -> Result<Self, OpsError> {
        let torch = |message| OpsError::Torch { operation: "recording of a graph", message };
        match device {
            Device::Cuda(index) => {
                graph::GraphPool::new(index).map(|pool| Self(std::rc::Rc::new(pool))).map_err(torch)
            }
            _ => Err(torch(format!("expected a GPU, found {device:?}"))),
        }
    }

    /// Runs `work` a few times, and then records what it launches. Its results do not exist before the first
    /// [`CapturedGraph::replay`].
    ///
    /// # Errors
    ///
    /// If `work` panics or cannot be recorded. Nothing else is affected.
    pub fn capture<R>(&self, work: impl Fn() -> R) -> Result<CapturedGraph<R>, CaptureError> {
        let failed = |text: String| CaptureError::new(&text);
        for _ in 0..WARM_UPS {
            self.0.warm_up(&mut || drop(work())).map_err(failed)?;
        }
        let mut results = None;
        let graph = self.0.capture(&mut || results = Some(work())).map_err(failed)?;
        let nothing = || CaptureError::Unsupported { message: "nothing was recorded".to_owned() };
        let results = results.ok_or_else(nothing)?;
        Ok(CapturedGraph { graph, results, _pool: std::rc::Rc::clone(&self.0) })
    }
}

impl<R> CapturedGraph<R> {
    /// Launches the work on the current stream, and returns its results: the next replay of any graph of the pool
    /// overwrites them.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn replay(&self) -> Result<&R, OpsError> {
        let torch = |message| OpsError::Torch { operation: "launch of a graph", message };
        self.graph.replay().map_err(torch)?;
        Ok(&self.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gpu_records_and_too_little_memory_is_told_from_what_cannot_be_recorded() {
        let error = GraphPool::new(Device::Cpu).unwrap_err().to_string();
        assert_eq!(error, "recording of a graph: expected a GPU, found Cpu");
        let memory = CaptureError::new("CUDA out of memory. Tried to allocate 1 GiB\nframe #0");
        assert!(matches!(memory, CaptureError::OutOfMemory(_)), "{memory}");
        let other = CaptureError::new("operation not permitted when stream is capturing\nframe #0");
        assert!(matches!(other, CaptureError::Unsupported { .. }), "{other}");
        assert_eq!(other.to_string(), "operation not permitted when stream is capturing");
    }
}
