//! The ground truth of a clip.

use seqformer_cuda::transfer::upload;
use tch::{Device, Kind, Tensor};

use crate::config::MASK_STRIDE;
use crate::{FrameSize, ModelError};

/// The instances of one clip, each the same object in all frames.
///
/// In a frame where an instance is absent, its box is (0, 0, 0, 0) and its mask empty.
#[derive(Debug)]
pub struct ClipTarget {
    /// Class of each instance, 0-based.
    pub labels: Vec<i64>,
    /// Boxes (cx, cy, w, h) in 0..1 of the frame without padding, `[I, T, 4]`.
    pub boxes: Tensor,
    /// True inside the instance, `[I, T, H, W]`.
    pub masks: Tensor,
    /// Height and width of the frames without padding.
    pub size: FrameSize,
}

/// What happens to instances that are visible in no frame of a clip, for instance after cropping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AbsentInstances {
    /// They are targets like all others, with class 0 and empty boxes and masks, as in the reference.
    #[default]
    Supervise,
    /// They are dropped.
    Drop,
}

impl ClipTarget {
    /// Number of instances, `I`.
    pub fn num_instances(&self) -> usize {
        self.labels.len()
    }

    /// The same on another device; its stream waits for the copy, but not this thread.
    pub fn to_device(&self, device: Device) -> Self {
        Self {
            labels: self.labels.clone(),
            boxes: upload(&self.boxes, device),
            masks: upload(&self.masks, device),
            size: self.size,
        }
    }

    /// Handles instances that are visible in no frame as `absent` says.
    ///
    /// Dropping reads the masks: do it before they are moved to another device.
    pub fn with_absent(self, absent: AbsentInstances) -> Self {
        if absent == AbsentInstances::Supervise || self.labels.is_empty() {
            return self;
        }
        let visible =
            tch::no_grad(|| self.masks.flatten(1, -1).to_kind(Kind::Bool).any_dim(1, false));
        let kept: Vec<i64> =
            (0..self.labels.len() as i64).filter(|&i| visible.int64_value(&[i]) != 0).collect();
        let index = Tensor::from_slice(&kept).to_kind(Kind::Int64).to_device(self.masks.device());
        Self {
            labels: kept.iter().map(|&i| self.labels[i as usize]).collect(),
            boxes: self.boxes.index_select(0, &index),
            masks: self.masks.index_select(0, &index),
            size: self.size,
        }
    }

    /// Checks that this target matches the frames; `clip` is its index, for messages.
    pub(crate) fn check(&self, clip: usize, expected: &TargetShape) -> Result<(), ModelError> {
        let &TargetShape { num_frames, num_classes, size } = expected;
        let wrong = |what: &'static str, expected: String, found: String| {
            Err(ModelError::Target { clip, what, expected, found })
        };
        if self.size != size {
            return wrong("size", size.to_string(), self.size.to_string());
        }
        let count = self.labels.len() as i64;
        if let Some(label) = self.labels.iter().find(|label| !(0..num_classes).contains(*label)) {
            return wrong("label", format!("0 to {}", num_classes - 1), label.to_string());
        }
        if self.boxes.size() != [count, num_frames, 4] {
            return wrong(
                "boxes",
                format!("[{count}, {num_frames}, 4]"),
                format!("{:?}", self.boxes.size()),
            );
        }
        let masks = [count, num_frames, size.height, size.width];
        if self.masks.size() != masks {
            return wrong("masks", format!("{masks:?}"), format!("{:?}", self.masks.size()));
        }
        Ok(())
    }

    /// Every fourth pixel along each axis of frames padded to `padded`: `[I, T, padded H / 4, padded W / 4]`, 0 or 1.
    ///
    /// Reference: VNext `models/segmentation_condInst.py`, `SetCriterion.loss_masks`: without averaging.
    pub(crate) fn strided_masks(&self, padded: FrameSize) -> Tensor {
        let start = MASK_STRIDE / 2;
        let masks =
            self.masks.slice(2, start, None, MASK_STRIDE).slice(3, start, None, MASK_STRIDE);
        let size = masks.size();
        let (bottom, right) =
            (padded.height / MASK_STRIDE - size[2], padded.width / MASK_STRIDE - size[3]);
        masks.to_kind(Kind::Float).constant_pad_nd([0, right, 0, bottom])
    }
}

/// What a target must match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TargetShape {
    pub(crate) num_frames: i64,
    pub(crate) num_classes: i64,
    pub(crate) size: FrameSize,
}

#[cfg(test)]
mod tests;
