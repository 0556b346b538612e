//! Converts images to a tensor.

use seqformer_config::config::ImageFormat;
use seqformer_data::RgbImage;
use tch::{Kind, Tensor};

use crate::EngineError;

/// Frames of one size as `[T, 3, H, W]` bytes, channels in the order of the weights.
///
/// # Errors
///
/// If an image does not have three bytes per pixel, or another size than the first.
pub(crate) fn frames_tensor<'a>(
    frames: impl IntoIterator<Item = &'a RgbImage>,
    channels: ImageFormat,
) -> Result<Tensor, EngineError> {
    let mut tensors = Vec::new();
    let mut first = None;
    for (number, frame) in frames.into_iter().enumerate() {
        let size = frame.size;
        let expected = *first.get_or_insert(size);
        if size != expected {
            let message = format!("expected {expected} as in the first frame, found {size}");
            return Err(wrong(number, &message));
        }
        let sizes = [i64::from(size.height), i64::from(size.width), 3];
        // libtorch copies as many bytes as the size requires, without a check.
        if i64::try_from(frame.pixels.len()).ok() != Some(sizes.iter().product()) {
            let found = frame.pixels.len();
            let message = format!("expected 3 bytes for each pixel of {size}, found {found}");
            return Err(wrong(number, &message));
        }
        tensors.push(Tensor::from_data_size(&frame.pixels, &sizes, Kind::Uint8));
    }
    let frames = Tensor::stack(&tensors, 0).permute([0, 3, 1, 2]);
    Ok(match channels {
        ImageFormat::Rgb => frames,
        ImageFormat::Bgr => frames.flip([1]),
    })
}

fn wrong(number: usize, message: &str) -> EngineError {
    EngineError::Frame(format!("picture {number}: {message}").into())
}
