//! What a prepared network keeps between videos for its device.

use std::cell::RefCell;
use std::rc::Rc;

use seqformer_cuda::device::{CudnnChoice, CudnnScope};
use seqformer_cuda::graph::{CaptureError, CapturedGraph, GraphPool};
use seqformer_libtorch::out_of_memory::OutOfMemory;
use seqformer_masks::ImageSize;
use tch::{Device, Tensor};

use super::encoded_frames::EncodedFrames;
use super::graph_cache::GraphCache;
use crate::{ModelError, TokenLayout};

/// Number of frame sizes whose constants are kept.
const MAX_SIZES: usize = 8;

/// Constants and graphs by frame size.
#[derive(Debug, Default)]
pub(crate) struct DeviceCache(RefCell<Contents>);

#[derive(Debug, Default)]
struct Contents {
    graphs: GraphCache<(ImageSize, i64), RecordedPart>,
    pool: Option<GraphPool>,
    layouts: Vec<(ImageSize, Rc<TokenLayout>)>,
    /// The largest batches of these sizes that fit into memory.
    most_at_once: Vec<(ImageSize, i64)>,
}

/// The network for one batch size, recorded for frames that are copied into `frames`.
#[derive(Debug)]
struct RecordedPart {
    frames: Tensor,
    graph: CapturedGraph<Result<EncodedFrames, ModelError>>,
    // Kept alive because the graph reads its tensors.
    _layout: Rc<TokenLayout>,
}

impl DeviceCache {
    /// The token layout for one frame size; `make` creates it the first time.
    pub(super) fn layout(
        &self,
        size: ImageSize,
        make: impl FnOnce() -> TokenLayout,
    ) -> Rc<TokenLayout> {
        let mut contents = self.0.borrow_mut();
        if let Some((_, layout)) = contents.layouts.iter().find(|(of, _)| *of == size) {
            return Rc::clone(layout);
        }
        let layout = Rc::new(make());
        if contents.layouts.len() >= MAX_SIZES {
            contents.layouts.remove(0);
        }
        contents.layouts.push((size, Rc::clone(&layout)));
        layout
    }

    /// Maximum number of frames of one size that fit together, as far as is known.
    pub(super) fn most_at_once(&self, size: ImageSize) -> i64 {
        let contents = self.0.borrow();
        let found = contents.most_at_once.iter().find(|(of, _)| *of == size);
        found.map_or(i64::MAX, |(_, most)| *most)
    }

    /// Remembers that more frames did not fit.
    pub(super) fn set_most_at_once(&self, size: ImageSize, most: i64) {
        let mut contents = self.0.borrow_mut();
        contents.most_at_once.retain(|(of, _)| *of != size);
        if contents.most_at_once.len() >= MAX_SIZES {
            contents.most_at_once.remove(0);
        }
        contents.most_at_once.push((size, most));
    }

    /// Number of graphs that were recorded so far.
    pub(super) fn num_recordings(&self) -> usize {
        self.0.borrow().graphs.num_recordings()
    }

    /// Frees all graphs, and the memory that libtorch caches.
    pub(super) fn release_memory(&self, device: Device) {
        let mut contents = self.0.borrow_mut();
        contents.graphs.clear();
        contents.pool = None;
        if device.is_cuda()
            && let Err(error) = seqformer_cuda::device::empty_cache()
        {
            tracing::debug!("{error}");
        }
    }

    /// Runs `network` on `frames` as a graph, if one is recorded or can be recorded now; `None`
    /// otherwise.
    ///
    /// # Errors
    ///
    /// If there is no memory for the graph, or the device fails.
    pub(super) fn replay(
        &self,
        (size, frames): (ImageSize, &Tensor),
        layout: &Rc<TokenLayout>,
        device: Device,
        network: &dyn Fn(&Tensor) -> Result<EncodedFrames, ModelError>,
    ) -> Result<Option<EncodedFrames>, ModelError> {
        let mut contents = self.0.borrow_mut();
        let Contents { graphs, pool, .. } = &mut *contents;
        let record = || {
            let unsupported = |error: seqformer_ops::OpsError| CaptureError::Unsupported {
                message: error.to_string(),
            };
            let pool = match pool {
                Some(pool) => pool,
                None => pool.insert(GraphPool::new(device).map_err(unsupported)?),
            };
            let frames = frames.to_device(device).copy();
            // What is recorded repeats, which makes up for the trials. Without the part for GPUs nothing is recorded.
            let _algorithms = CudnnScope::begin(CudnnChoice::Trial).map_err(unsupported)?;
            let graph = pool.capture(|| network(&frames))?;
            Ok(RecordedPart { frames, graph, _layout: Rc::clone(layout) })
        };
        let out_of_memory = |error: OutOfMemory| ModelError::out_of_memory("a graph", error);
        let Some(part) = graphs.get((size, frames.size()[0]), record).map_err(out_of_memory)?
        else {
            return Ok(None);
        };
        let mut input = part.frames.shallow_clone();
        input.f_copy_(frames)?;
        match part.graph.replay()? {
            Ok(encoded) => Ok(Some(encoded.copy())),
            // The frames were checked, so the recorded work cannot fail.
            Err(error) => Err(ModelError::Torch { message: error.to_string() }),
        }
    }
}
