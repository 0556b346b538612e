//! The per-frame part of the network, in which frames do not interact.
//!
//! Whole videos and clips share it. On a GPU it is launched as one CUDA graph per frame size and batch size: nothing in
//! it waits for the device, and all constants are created before.

use std::rc::Rc;

use seqformer_cuda::device::{CudnnChoice, CudnnScope};
use seqformer_libtorch::out_of_memory::catch_out_of_memory;
use seqformer_masks::ImageSize;
use tch::Tensor;

use super::encoded_frames::EncodedFrames;
use super::model::InferenceModel;
use super::split_on_oom::split_on_oom;
use crate::frame_size::{check_frames, height_x_width};
use crate::stage_clock::{self, Stage, timed};
use crate::{ModelError, TokenLayout};

/// How work on frames is launched on a GPU; makes no difference on a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Launch {
    /// As a single CUDA graph, if the network can be recorded. Its stages cannot be timed.
    #[default]
    Graph,
    /// Kernel by kernel, for timing stages; see [`crate::time_stages`].
    Kernels,
}

/// Runs the per-frame part of the network on frames of one size.
#[derive(Debug)]
pub(crate) struct FrameEncoder<'a> {
    model: &'a InferenceModel,
    frame_size: ImageSize,
    layout: Rc<TokenLayout>,
    launch: Launch,
}

impl<'a> FrameEncoder<'a> {
    /// Prepares for frames of `frame_size`.
    pub(crate) fn new(model: &'a InferenceModel, frame_size: ImageSize) -> Self {
        let make = || tch::no_grad(|| model.token_layout(&[frame_size]));
        let layout = model.device_cache().layout(frame_size, make);
        Self { model, frame_size, layout, launch: Launch::default() }
    }

    /// Sets how work is launched on a GPU.
    pub(crate) fn set_launch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// Size of the frames.
    pub(crate) fn frame_size(&self) -> ImageSize {
        self.frame_size
    }

    /// Runs the network on frames `[T, 3, H, W]` in 0..255, all together if they fit into the device's memory.
    ///
    /// # Errors
    ///
    /// If the frames do not have this size, or a single frame does not fit.
    pub(crate) fn encode(&self, frames: &Tensor) -> Result<Vec<EncodedFrames>, ModelError> {
        check_frames(frames, self.frame_size)?;
        let (cache, device) = (self.model.device_cache(), self.model.device());
        let before = cache.most_at_once(self.frame_size);
        let mut most = before;
        let mut run = |part: std::ops::Range<i64>| {
            let frames = frames.narrow(0, part.start, part.end - part.start);
            tch::no_grad(|| self.caught("one frame at a time", || self.run(&frames)))
        };
        let mut release_memory = || cache.release_memory(device);
        let encoded = split_on_oom(frames.size()[0], &mut most, &mut run, &mut release_memory);
        if most < before {
            cache.set_most_at_once(self.frame_size, most);
        }
        encoded
    }

    /// Runs a part of inference, and returns an error if the device runs out of memory.
    pub(crate) fn caught<R>(
        &self,
        what: &str,
        work: impl FnOnce() -> Result<R, ModelError>,
    ) -> Result<R, ModelError> {
        let what = format!("{what}, {} pixels (height x width)", height_x_width(self.frame_size));
        match catch_out_of_memory(work) {
            Ok(Err(ModelError::OutOfMemory { message, .. })) => {
                Err(ModelError::OutOfMemory { what, message })
            }
            Ok(result) => result,
            Err(error) => Err(ModelError::out_of_memory(&what, error)),
        }
    }

    fn run(&self, frames: &Tensor) -> Result<EncodedFrames, ModelError> {
        let network = |frames: &Tensor| self.network(frames);
        if self.model.device().is_cuda() && self.launch == Launch::Graph {
            let (cache, device) = (self.model.device_cache(), self.model.device());
            let part = (self.frame_size, frames);
            // Nothing may wait for the device while a graph is recorded, as the stage clock does.
            let replay = || cache.replay(part, &self.layout, device, &network);
            if let Some(encoded) = stage_clock::paused(replay)? {
                return Ok(encoded);
            }
        }
        let _algorithms = self.choose_algorithms();
        network(frames)
    }

    /// A size that comes for the first time may not come again, and trials take seconds. Stages are timed with the
    /// algorithms of the graph.
    fn choose_algorithms(&self) -> Option<CudnnScope> {
        let choice = match self.launch {
            Launch::Graph => CudnnChoice::Heuristics,
            Launch::Kernels => CudnnChoice::Trial,
        };
        // Without the part for GPUs the setting stays libtorch's, about which the predictor warns.
        self.model.device().is_cuda().then(|| CudnnScope::begin(choice).ok()).flatten()
    }

    fn network(&self, frames: &Tensor) -> Result<EncodedFrames, ModelError> {
        let (model, layout) = (self.model, &*self.layout);
        let images = model.preprocess(frames, self.frame_size)?;
        let memory = model.encode_images(&images, layout); // [1, T', S, C]
        let mask_features = timed(Stage::Masks, || model.mask_features(&memory.get(0), layout));
        let features = timed(Stage::Decoder, || model.read_frames(&memory, layout));
        Ok(EncodedFrames { mask_features, features })
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, nn};

    use super::*;
    use crate::config::tests::tiny;
    use crate::{Precision, SeqFormer, initialize};

    const SIZE: ImageSize = ImageSize { height: 40, width: 64 };

    fn network() -> InferenceModel {
        let vs = nn::VarStore::new(Device::Cpu);
        let model = SeqFormer::new(&vs.root(), &tiny()).unwrap();
        initialize(&vs, &tiny()).unwrap();
        model.prepare(vs, Precision::F32)
    }

    fn frames(count: i64) -> Tensor {
        let [height, width] = SIZE.sides();
        let size = [count, 3, height, width];
        let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Int64, Device::Cpu));
        (index.square() * 31).remainder(251).to_kind(Kind::Uint8).view(size)
    }

    #[test]
    fn frames_that_go_in_smaller_parts_give_the_same_numbers() {
        let model = network();
        let frames = frames(5);
        let whole = FrameEncoder::new(&model, SIZE).encode(&frames).unwrap();
        assert_eq!(whole.len(), 1);
        // As after a device had no memory for three.
        model.device_cache().set_most_at_once(SIZE, 2);
        let parts = FrameEncoder::new(&model, SIZE).encode(&frames).unwrap();
        let lengths: Vec<i64> = parts.iter().map(|part| part.mask_features.size()[0]).collect();
        assert_eq!(lengths, [2, 2, 1]);
        let features: Vec<&Tensor> = parts.iter().map(|part| &part.mask_features).collect();
        let off =
            (Tensor::cat(&features, 0) - &whole[0].mask_features).abs().max().double_value(&[]);
        assert!(off < 1e-5, "{off}");
        // Other sizes are not held back.
        let other = ImageSize { height: 64, ..SIZE };
        assert_eq!(model.device_cache().most_at_once(other), i64::MAX);
    }

    #[test]
    fn a_copy_has_the_same_numbers_in_other_memory() {
        let model = network();
        let encoded = FrameEncoder::new(&model, SIZE).encode(&frames(2)).unwrap().remove(0);
        let copy = encoded.copy();
        let boxes = |encoded: EncodedFrames| (encoded.mask_features, encoded.features.into_boxes());
        let ((features, boxes), (copied, copied_boxes)) = (boxes(encoded), boxes(copy));
        for (a, b) in [(&features, &copied), (&boxes.pred_boxes, &copied_boxes.pred_boxes)] {
            assert_eq!(a, b);
            assert_ne!(a.data_ptr(), b.data_ptr());
        }
    }

    #[test]
    fn constants_are_kept_from_video_to_video() {
        let model = network();
        let layout = |model| Rc::as_ptr(&FrameEncoder::new(model, SIZE).layout);
        let kept = FrameEncoder::new(&model, SIZE).layout;
        assert_eq!(layout(&model), Rc::as_ptr(&kept));
    }

    #[test]
    fn an_error_about_memory_names_the_size() {
        let model = network();
        let encoder = FrameEncoder::new(&model, SIZE);
        let fail = || -> Result<(), ModelError> {
            Err(tch::TchError::Torch("CUDA out of memory. Tried to allocate 1 GiB".to_owned())
                .into())
        };
        assert_eq!(
            encoder.caught("the decoder", fail).unwrap_err().to_string(),
            "the device ran out of memory for the decoder, 40x64 pixels (height x width): CUDA out of memory. Tried to \
             allocate 1 GiB"
        );
    }
}
