//! Prepares frames for the network: normalization, and padding to a common size.

use seqformer_cuda::kernels::{
    ChannelOrder, FrameNormalization, PixelSize, kernel_or_none, normalize_frames,
};
use seqformer_masks::ImageSize;
use seqformer_ops::{images, small_tensor};
use tch::{Device, Kind, Tensor};

use crate::ModelError;
use crate::config::SeqFormerConfig;
use crate::frame_size::height_x_width;

/// Normalizes frames and pads them with zeros on the right and at the bottom.
///
/// # Shapes
///
/// - `frames`: `[T, 3, H, W]`, in 0..255, channels in the order of the configuration
/// - output: `[T, 3, padded H, padded W]`
///
/// # Errors
///
/// If the frames have another shape, or are larger than `padded`.
pub fn normalize_and_pad(
    frames: &Tensor,
    padded: ImageSize,
    config: &SeqFormerConfig,
    device: Device,
) -> Result<Tensor, ModelError> {
    let found = frames.size();
    let [height, width] = padded.sides();
    let fits = matches!(found[..], [t, 3, h, w]
        if t > 0 && (1..=height).contains(&h) && (1..=width).contains(&w));
    if !fits {
        let expected = format!("[T, 3, H, W] of at most {}", height_x_width(padded));
        return Err(ModelError::Frames { expected, found: format!("{found:?}") });
    }
    let channels = |values: [f64; 3]| {
        small_tensor(&values.map(|value| value as f32), device).view([1, 3, 1, 1])
    };
    let frames = frames.to_device(device);
    if let Some(images) = normalized_by_kernel(&frames, padded, config) {
        return Ok(images);
    }
    let images = frames.to_kind(Kind::Float);
    let images = (images - channels(config.pixel_mean)) / channels(config.pixel_std);
    let (right, bottom) = (width - found[3], height - found[2]);
    Ok(if right == 0 && bottom == 0 {
        images
    } else {
        images.constant_pad_nd([0, right, 0, bottom])
    })
}

/// The same in one kernel, for images with interleaved channels.
fn normalized_by_kernel(
    frames: &Tensor,
    padded: ImageSize,
    config: &SeqFormerConfig,
) -> Option<Tensor> {
    let pictures = frames.permute([0, 2, 3, 1]);
    if frames.kind() != Kind::Uint8 || !pictures.is_contiguous() {
        return None;
    }
    if frames.device() == Device::Cpu {
        let normalization = images::FrameNormalization {
            mean: config.pixel_mean.map(|value| value as f32),
            deviation: config.pixel_std.map(|value| value as f32),
            padded: padded.sides(),
        };
        return Some(
            images::normalize_frames(&pictures, &normalization)
                .expect("there is memory for one more image of each frame"),
        );
    }
    if !frames.device().is_cuda() {
        return None;
    }
    let [height, width] = padded.sides();
    let normalization = FrameNormalization {
        mean: config.pixel_mean.map(|value| value as f32),
        deviation: config.pixel_std.map(|value| value as f32),
        order: ChannelOrder::Same,
        padded: PixelSize { height, width },
        kind: Kind::Float,
    };
    kernel_or_none(normalize_frames(&pictures, &normalization))
}

/// Marks the padding of images of `padded` size: `[N, H, W]`, true = padded.
pub fn padding_mask(sizes: &[ImageSize], padded: ImageSize, device: Device) -> Tensor {
    let masks: Vec<Tensor> = sizes
        .iter()
        .map(|size| {
            let beyond = |count: u32, limit: u32| {
                Tensor::arange(i64::from(count), (Kind::Int64, device)).ge(i64::from(limit))
            };
            let rows = beyond(padded.height, size.height).unsqueeze(1);
            rows.logical_or(&beyond(padded.width, size.width).unsqueeze(0))
        })
        .collect();
    Tensor::stack(&masks, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::tiny;
    use crate::padded_size;

    #[test]
    fn frames_are_normalised_and_then_padded_with_zeros() {
        let frames = Tensor::full([2, 3, 3, 5], 100, (Kind::Uint8, Device::Cpu));
        let padded = padded_size(ImageSize { height: 3, width: 5 });
        let images = normalize_and_pad(&frames, padded, &tiny(), Device::Cpu).unwrap();
        assert_eq!(images.size(), [2, 3, 32, 32]);
        let expected = (100.0 - 103.53) / 57.375;
        assert!((images.double_value(&[1, 2, 2, 4]) - expected).abs() < 1e-6);
        assert_eq!(images.narrow(3, 5, 27).abs().max().double_value(&[]), 0.0);
        assert_eq!(images.narrow(2, 3, 29).abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn frames_of_a_wrong_shape_are_refused() {
        let frames = Tensor::zeros([2, 4, 8, 8], (Kind::Uint8, Device::Cpu));
        let size = ImageSize { height: 32, width: 32 };
        let error = normalize_and_pad(&frames, size, &tiny(), Device::Cpu).unwrap_err();
        assert!(error.to_string().contains("found [2, 4, 8, 8]"), "{error}");
        let frames = Tensor::zeros([2, 3, 40, 8], (Kind::Uint8, Device::Cpu));
        assert!(normalize_and_pad(&frames, size, &tiny(), Device::Cpu).is_err());
    }

    #[test]
    fn padding_begins_where_the_frame_ends() {
        let sizes = [ImageSize { height: 2, width: 3 }, ImageSize { height: 4, width: 1 }];
        let mask = padding_mask(&sizes, ImageSize { height: 4, width: 4 }, Device::Cpu);
        let valid = mask.logical_not().to_kind(Kind::Int64);
        assert_eq!(valid.get(0).sum(Kind::Int64).int64_value(&[]), 6);
        assert_eq!(valid.get(1).sum(Kind::Int64).int64_value(&[]), 4);
        assert_eq!(valid.int64_value(&[0, 1, 2]), 1);
        assert_eq!(valid.int64_value(&[0, 2, 0]), 0);
    }
}
