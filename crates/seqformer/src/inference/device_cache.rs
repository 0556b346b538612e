//! What a prepared network keeps from video to video for the device that it runs on.

use std::cell::RefCell;
use std::rc::Rc;

use seqformer_masks::ImageSize;
use seqformer_ops::cuda_graph::{CaptureError, CapturedGraph, GraphPool};
use seqformer_ops::out_of_memory::OutOfMemory;
use tch::{Device, Tensor};

use super::encoded_frames::EncodedFrames;
use super::graph_cache::GraphCache;
use crate::{ModelError, TokenLayout};

/// Sizes of frames whose constants are kept.
const MAX_SIZES: usize = 8;

/// Constants and graphs by the size of frames.
#[derive(Debug, Default)]
pub(crate) struct DeviceCache(RefCell<Contents>);

#[derive(Debug, Default)]
struct Contents {
    graphs: GraphCache<(ImageSize, i64), RecordedPart>,
    pool: Option<GraphPool>,
    layouts: Vec<(ImageSize, Rc<TokenLayout>)>,
    /// More frames of these sizes had no memory.
    most_at_once: Vec<(ImageSize, i64)>,
}

/// The network on a part, recorded for frames that are written into `frames`.
#[derive(Debug)]
struct RecordedPart {
    frames: Tensor,
    graph: CapturedGraph<Result<EncodedFrames, ModelError>>,
    // The graph reads its tensors.
    _layout: Rc<TokenLayout>,
}

impl DeviceCache {
    /// The layout of frames of one size, which `make` makes the first time.
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

    /// Frames of one size that may go through the network together, as far as is known.
    pub(super) fn most_at_once(&self, size: ImageSize) -> i64 {
        let contents = self.0.borrow();
        let found = contents.most_at_once.iter().find(|(of, _)| *of == size);
        found.map_or(i64::MAX, |(_, most)| *most)
    }

    /// Remembers that more frames had no memory.
    pub(super) fn set_most_at_once(&self, size: ImageSize, most: i64) {
        let mut contents = self.0.borrow_mut();
        contents.most_at_once.retain(|(of, _)| *of != size);
        if contents.most_at_once.len() >= MAX_SIZES {
            contents.most_at_once.remove(0);
        }
        contents.most_at_once.push((size, most));
    }

    /// Frees all graphs, and what libtorch keeps for later.
    pub(super) fn relieve(&self, device: Device) {
        let mut contents = self.0.borrow_mut();
        contents.graphs.clear();
        contents.pool = None;
        if device.is_cuda()
            && let Err(error) = seqformer_ops::cuda_device::empty_cache()
        {
            tracing::debug!("{error}");
        }
    }

    /// Runs `network` on `frames` as a graph, if that is recorded or can be now; none otherwise.
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
            // The frames were checked, so nothing is recorded that fails.
            Err(error) => Err(ModelError::Torch { message: error.to_string() }),
        }
    }
}
