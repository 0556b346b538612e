//! Converts images to a tensor.

use seqformer_config::config::ImageFormat;
use seqformer_cuda::transfer::Staging;
use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;
use seqformer_ops::images::{ChannelOrder, copy_frames};
use tch::{Device, Tensor};

use crate::EngineError;

/// Frames of one size as `[T, 3, H, W]` bytes on the CPU, channels in the order of the weights.
///
/// # Errors
///
/// If there is no image, or one does not have three bytes per pixel, or another size than the first.
pub(crate) fn frames_tensor<'a>(
    frames: impl IntoIterator<Item = &'a RgbImage>,
    channels: ImageFormat,
) -> Result<Tensor, EngineError> {
    send_frames(frames, channels, &mut Staging::new(Device::Cpu))
}

/// The same on the device of `staging`, in whose memory the frames are written in one pass.
pub(crate) fn send_frames<'a>(
    frames: impl IntoIterator<Item = &'a RgbImage>,
    channels: ImageFormat,
    staging: &mut Staging,
) -> Result<Tensor, EngineError> {
    let frames: Vec<&RgbImage> = frames.into_iter().collect();
    let size @ [height, width] = common_size(&frames)?.sides();
    let pixels: Vec<&[u8]> = frames.iter().map(|frame| frame.pixels.as_slice()).collect();
    let order = match channels {
        ImageFormat::Rgb => ChannelOrder::Same,
        ImageFormat::Bgr => ChannelOrder::Reversed,
    };
    let sizes = [frames.len() as i64, height, width, 3];
    let sent = staging.send(&sizes, |memory| copy_frames(&pixels, size, order, memory))?;
    Ok(sent.permute([0, 3, 1, 2]))
}

/// The size that all frames have.
fn common_size(frames: &[&RgbImage]) -> Result<ImageSize, EngineError> {
    let expected = frames.first().ok_or(EngineError::NoFrames)?.size;
    for (number, frame) in frames.iter().enumerate() {
        let size = frame.size;
        if size != expected {
            let message = format!("expected {expected} as in the first frame, found {size}");
            return Err(wrong(number, &message));
        }
        let [height, width] = size.sides();
        if i64::try_from(frame.pixels.len()).ok() != Some(height * width * 3) {
            let found = frame.pixels.len();
            let message = format!("expected 3 bytes for each pixel of {size}, found {found}");
            return Err(wrong(number, &message));
        }
    }
    Ok(expected)
}

fn wrong(number: usize, message: &str) -> EngineError {
    EngineError::Frame(format!("picture {number}: {message}").into())
}
