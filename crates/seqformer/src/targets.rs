//! The ground truth of a clip.

use seqformer_cuda::transfer::upload;
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor};

use crate::ModelError;
use crate::config::MASK_STRIDE;
use crate::frame_size::height_x_width;

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
    pub size: ImageSize,
    /// Classes of which every instance is a target; `None` if all of them are. Of the others, a query that is matched
    /// with none may have found an instance.
    pub exhaustive: Option<Vec<i64>>,
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
            exhaustive: self.exhaustive.clone(),
        }
    }

    /// Checks that this target matches the frames; `clip` is its index, for messages.
    pub(crate) fn check(&self, clip: usize, expected: &TargetShape) -> Result<(), ModelError> {
        let &TargetShape { num_frames, num_classes, size } = expected;
        let wrong = |what: &'static str, expected: String, found: String| {
            Err(ModelError::Target { clip, what, expected, found })
        };
        if self.size != size {
            return wrong("size", height_x_width(size), height_x_width(self.size));
        }
        let count = self.labels.len() as i64;
        if let Some(label) = self.labels.iter().find(|label| !(0..num_classes).contains(*label)) {
            return wrong("label", format!("0 to {}", num_classes - 1), label.to_string());
        }
        let mut exhaustive = self.exhaustive.iter().flatten();
        if let Some(class) = exhaustive.find(|class| !(0..num_classes).contains(*class)) {
            let what = "exhaustive class";
            return wrong(what, format!("0 to {}", num_classes - 1), class.to_string());
        }
        if self.boxes.size() != [count, num_frames, 4] {
            return wrong(
                "boxes",
                format!("[{count}, {num_frames}, 4]"),
                format!("{:?}", self.boxes.size()),
            );
        }
        let [height, width] = size.sides();
        let masks = [count, num_frames, height, width];
        if self.masks.size() != masks {
            return wrong("masks", format!("{masks:?}"), format!("{:?}", self.masks.size()));
        }
        Ok(())
    }

    /// Every fourth pixel along each axis of frames padded to `padded`: `[I, T, padded H / 4, padded W / 4]`, 0 or 1.
    ///
    /// Reference: VNext `models/segmentation_condInst.py`, `SetCriterion.loss_masks`: without averaging.
    pub(crate) fn strided_masks(&self, padded: ImageSize) -> Tensor {
        let start = MASK_STRIDE / 2;
        let masks =
            self.masks.slice(2, start, None, MASK_STRIDE).slice(3, start, None, MASK_STRIDE);
        let size = masks.size();
        let [height, width] = padded.sides();
        let (bottom, right) = (height / MASK_STRIDE - size[2], width / MASK_STRIDE - size[3]);
        masks.to_kind(Kind::Float).constant_pad_nd([0, right, 0, bottom])
    }
}

/// What a target must match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TargetShape {
    pub(crate) num_frames: i64,
    pub(crate) num_classes: i64,
    pub(crate) size: ImageSize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::padded_size;

    fn target() -> ClipTarget {
        let on_cpu = (Kind::Bool, Device::Cpu);
        let masks = Tensor::zeros([3, 2, 6, 11], on_cpu);
        // Instance 0 on frame 1 only, instance 1 nowhere, instance 2 on frame 0.
        let _filled = masks.get(0).get(1).slice(0, 2, 3, 1).fill_(1.0);
        let _filled = masks.get(2).get(0).slice(1, 10, 11, 1).fill_(1.0);
        let boxes = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([3, 2, 4]);
        let size = ImageSize { height: 6, width: 11 };
        ClipTarget { labels: vec![4, 0, 2], boxes, masks, size, exhaustive: Some(vec![0, 4]) }
    }

    #[test]
    fn strided_masks_show_the_third_pixel_of_every_four() {
        let masks = target().strided_masks(padded_size(ImageSize { height: 6, width: 11 }));
        assert_eq!(masks.size(), [3, 2, 8, 8]);
        // Row 2 of instance 0 is seen at columns 2, 6 and 10; column 10 of instance 2 at row 2.
        let sum = |instance: i64| masks.get(instance).sum(Kind::Float).double_value(&[]);
        assert_eq!([sum(0), sum(1), sum(2)], [3.0, 0.0, 1.0]);
        assert_eq!(masks.double_value(&[2, 0, 0, 2]), 1.0);
    }

    #[test]
    fn a_target_that_does_not_fit_names_its_clip() {
        let shape =
            TargetShape { num_frames: 2, num_classes: 5, size: ImageSize { height: 6, width: 11 } };
        assert!(target().check(1, &shape).is_ok());
        let check = |shape: TargetShape, expected: &str| {
            let message = target().check(1, &shape).unwrap_err().to_string();
            assert!(message.contains("clip 1") && message.contains(expected), "{message}");
        };
        check(TargetShape { num_frames: 3, ..shape }, "[3, 3, 4]");
        check(TargetShape { num_classes: 4, ..shape }, "label: expected 0 to 3, found 4");
        let mut unknown = target();
        unknown.exhaustive = Some(vec![1, 5]);
        let message = unknown.check(1, &shape).unwrap_err().to_string();
        assert!(message.contains("exhaustive class: expected 0 to 4, found 5"), "{message}");
        check(TargetShape { size: ImageSize { height: 7, width: 11 }, ..shape }, "7x11");
    }
}
