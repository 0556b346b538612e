//! Converts samples to tensors; the only place where training data become tensors.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.prepare_targets`.

use seqformer::ClipTarget;
use seqformer_config::config::ImageFormat;
use seqformer_cuda::transfer::upload;
use seqformer_data::ClipSample;
use tch::{Device, Kind, Tensor};

use crate::predictor::frames_tensor;

/// One training clip.
#[derive(Debug)]
pub(crate) struct TrainClip {
    /// Frames with values in 0..255, `[T, 3, H, W]`.
    pub(crate) frames: Tensor,
    /// The instances that the network should find.
    pub(crate) target: ClipTarget,
    /// The video and its frames, for messages.
    pub(crate) name: String,
}

/// How samples become clips.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collate {
    /// Channels in the order of the weights.
    pub(crate) channels: ImageFormat,
    /// The device for frames and targets; copies overlap with its computation.
    pub(crate) device: Device,
}

impl Collate {
    /// Converts a sample to tensors.
    ///
    /// # Panics
    ///
    /// If an image or a mask does not have the sample's size, which no mapper produces.
    pub(crate) fn clip(&self, sample: &ClipSample) -> TrainClip {
        let size = sample.size();
        let [height, width] = size.sides();
        let (instances, frames) = (sample.instances.len() as i64, sample.frames.len() as i64);
        let mut boxes = Vec::with_capacity(4 * sample.instances.len() * sample.frames.len());
        let mut masks = Vec::new();
        for frame in sample.instances.iter().flat_map(|instance| &instance.frames) {
            let found = frame.bbox.normalized(size);
            let corners = [found.cx, found.cy, found.width, found.height];
            boxes.extend(if frame.is_visible {
                corners.map(|value| value as f32)
            } else {
                [0.0; 4]
            });
            masks.extend_from_slice(frame.mask.as_bytes());
        }
        let masks = Tensor::from_slice(&masks).view([instances, frames, height, width]);
        let target = ClipTarget {
            labels: sample.instances.iter().map(|instance| instance.label as i64).collect(),
            boxes: Tensor::from_slice(&boxes).view([instances, frames, 4]),
            masks: masks.to_kind(Kind::Bool),
            size,
            exhaustive: sample
                .exhaustive
                .as_ref()
                .map(|classes| classes.iter().map(|&class| class as i64).collect()),
        };
        let indices: Vec<String> = sample.frame_indices.iter().map(ToString::to_string).collect();
        let frames = frames_tensor(&sample.frames, self.channels)
            .expect("the pictures of a sample are whole and of one size");
        TrainClip {
            frames: upload(&frames, self.device),
            target: target.to_device(self.device),
            name: format!("video {} frames {}", sample.video_id, indices.join(",")),
        }
    }
}

#[cfg(test)]
mod tests;
