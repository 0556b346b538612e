//! From pictures to a tensor.

use seqformer_config::config::ImageFormat;
use seqformer_data::RgbImage;
use tch::{Kind, Tensor};

/// Frames of one size as `[T, 3, H, W]` bytes, channels in the order of the weights.
pub(crate) fn frames_tensor<'a>(
    frames: impl IntoIterator<Item = &'a RgbImage>,
    channels: ImageFormat,
) -> Tensor {
    let tensors: Vec<Tensor> = frames
        .into_iter()
        .map(|frame| {
            let size = [i64::from(frame.size.height), i64::from(frame.size.width), 3];
            Tensor::from_data_size(&frame.pixels, &size, Kind::Uint8)
        })
        .collect();
    let frames = Tensor::stack(&tensors, 0).permute([0, 3, 1, 2]);
    match channels {
        ImageFormat::Rgb => frames,
        ImageFormat::Bgr => frames.flip([1]),
    }
}
