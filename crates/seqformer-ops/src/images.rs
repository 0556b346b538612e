//! Frames as tensors, their normalization and the first pooling, on the CPU.

use tch::Tensor;

use crate::OpsError;
use crate::machine::machine;
use crate::slices;
use seqformer_kernels::Bf16;
use seqformer_kernels::frames::{self, Normalization};
use seqformer_kernels::max_pool::{self, Map};

pub use seqformer_kernels::frames::ChannelOrder;

/// Copies frames of one size, one after the other, in one pass on libtorch's threads.
///
/// # Shapes
///
/// - `frames`: `[H, W, 3]` each, with `size` as height and width
/// - `out`: `u8` on the CPU, dense and without other references; the first `T * H * W * 3` bytes are written as `[T, H, W, 3]`
///
/// # Errors
///
/// If a frame has another size, or `out` is too small or something else.
pub fn copy_frames(
    frames: &[&[u8]],
    size: [i64; 2],
    order: ChannelOrder,
    out: &mut Tensor,
) -> Result<(), OpsError> {
    const OPERATION: &str = "copy_frames";
    let [height, width] = size.map(|side| usize::try_from(side).unwrap_or(0));
    let length = height * width * 3;
    if let Some(other) = frames.iter().find(|frame| frame.len() != length) {
        return Err(OpsError::Argument {
            operation: OPERATION,
            argument: "frames",
            expected: format!("{length} bytes for {size:?}"),
            found: format!("{} bytes", other.len()),
        });
    }
    let found = format!("{:?} of {:?} on {:?}", out.kind(), out.size(), out.device());
    let bytes = slices::own_bytes(out).and_then(|bytes| bytes.get_mut(..frames.len() * length));
    let bytes = bytes.ok_or_else(|| OpsError::Argument {
        operation: OPERATION,
        argument: "out",
        expected: format!("{} or more bytes of its own on the CPU", frames.len() * length),
        found,
    })?;
    frames::copy_frames(frames, width, order, bytes, &machine());
    Ok(())
}

/// How frames are normalized.
#[derive(Debug, Clone, Copy)]
pub struct FrameNormalization {
    /// Mean of each channel, from 0 to 255.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub deviation: [f32; 3],
    /// Height and width of the images, which are padded with zeros.
    pub padded: [i64; 2],
}

/// Normalizes frames for the network: subtracts each channel's mean, divides by its standard deviation, and pads with zeros
/// on the right and at the bottom.
///
/// # Shapes
///
/// - `frames`: `[T, H, W, 3]`, `u8` on the CPU
/// - output: `[T, 3, padded H, padded W]`, `f32`, channels-last
///
/// # Errors
///
/// If a shape or kind is wrong, or memory runs out.
pub fn normalize_frames(
    frames: &Tensor,
    normalization: &FrameNormalization,
) -> Result<Tensor, OpsError> {
    const OPERATION: &str = "normalize_frames";
    let &FrameNormalization { mean, deviation, padded } = normalization;
    let wrong = || OpsError::Argument {
        operation: OPERATION,
        argument: "frames",
        expected: format!("[T, H, W, 3] of u8 on the CPU, up to {padded:?}"),
        found: format!("{:?} of {:?} on {:?}", frames.kind(), frames.size(), frames.device()),
    };
    let dense = frames.contiguous();
    let (Ok((count, height, width, 3)), Some(bytes)) = (frames.size4(), slices::bytes(&dense))
    else {
        return Err(wrong());
    };
    if height > padded[0] || width > padded[1] || padded[0] < 1 || padded[1] < 1 {
        return Err(wrong());
    }
    let sizes = |sizes: [i64; 2]| sizes.map(|size| size as usize);
    let (frame, padded_size) = (sizes([height, width]), sizes(padded));
    let normalization = Normalization { frame, padded: padded_size, mean, deviation };
    let sizes = [count, 3, padded[0], padded[1]];
    let images = slices::filled_map::<f32>(sizes, |out| {
        frames::normalize_frames(bytes, &normalization, out, &machine());
    });
    images.map_err(|message| OpsError::Torch { operation: OPERATION, message })
}

/// 3×3 max pooling with stride 2 of a map after ReLU. `None` for a map that is not `bf16`, channels-last and on the CPU, or
/// that requires a gradient.
///
/// # Shapes
///
/// - `map`: `[N, C, H, W]`, not negative
/// - output: `[N, C, ⌈H / 2⌉, ⌈W / 2⌉]`, channels-last
///
/// # Errors
///
/// If memory runs out.
pub fn max_pool_of_relu(map: &Tensor) -> Option<Result<Tensor, OpsError>> {
    let (batch, channels, height, width) = map.size4().ok()?;
    let cells = map.permute([0, 2, 3, 1]);
    let cells = slices::elements::<Bf16>(&cells).filter(|cells| !cells.is_empty())?;
    if map.requires_grad() {
        return None;
    }
    let [height, width, depth] = [height, width, channels].map(|size| size as usize);
    let [rows, columns] = [height, width].map(|length| max_pool::pooled(length) as i64);
    let pooled = slices::filled_map::<Bf16>([batch, channels, rows, columns], |out| {
        let map = Map { cells, height, width, channels: depth };
        max_pool::max_pool(&map, out, &machine());
    });
    Some(pooled.map_err(|message| OpsError::Torch { operation: "max_pool_of_relu", message }))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn frames_lie_one_after_the_other() {
        tch::manual_seed(3);
        for (count, height, width) in [(3, 5, 7), (1, 1, 1), (40, 33, 61), (2, 4, 0), (0, 2, 2)] {
            let pictures =
                Tensor::randint(256, [count, height, width, 3], (Kind::Uint8, Device::Cpu));
            let bytes = slices::bytes(&pictures).unwrap();
            let length = (height * width * 3) as usize;
            let frames: Vec<&[u8]> =
                (0..count as usize).map(|frame| &bytes[frame * length..][..length]).collect();
            for order in [ChannelOrder::Same, ChannelOrder::Reversed] {
                let expected = match order {
                    ChannelOrder::Same => pictures.shallow_clone(),
                    ChannelOrder::Reversed => pictures.flip([3]),
                };
                // A buffer may be longer.
                let used = pictures.numel() as i64;
                let mut buffer = Tensor::full([used + 5], 7, (Kind::Uint8, Device::Cpu));
                copy_frames(&frames, [height, width], order, &mut buffer).unwrap();
                assert_eq!(buffer.narrow(0, 0, used).view(pictures.size().as_slice()), expected);
                assert_eq!(
                    buffer.narrow(0, used, 5),
                    Tensor::full([5], 7, (Kind::Uint8, Device::Cpu))
                );
            }
        }
    }

    #[test]
    fn frames_are_not_copied_where_they_do_not_fit_or_another_may_read() {
        let (frame, other) = ([1_u8; 12], [1_u8; 11]);
        let copy = |frames: &[&[u8]], mut out: Tensor| {
            copy_frames(frames, [2, 2], ChannelOrder::Same, &mut out)
        };
        let bytes = |length| Tensor::zeros([length], (Kind::Uint8, Device::Cpu));
        assert!(copy(&[&frame, &frame], bytes(24)).is_ok());
        let shared = bytes(24);
        let refused = [
            copy(&[&frame, &other], bytes(24)),
            copy(&[&frame, &frame], bytes(23)),
            copy(&[&frame], shared.shallow_clone()),
            copy(&[&frame], bytes(48).slice(0, 0, 48, 2)),
            copy(&[&frame], Tensor::zeros([24], (Kind::Float, Device::Cpu))),
        ];
        let refused = refused.map(|result| result.unwrap_err().to_string());
        assert!(refused[0].contains("frames") && refused[0].contains("11 bytes"), "{}", refused[0]);
        for message in &refused[1..] {
            assert!(message.contains("out") && message.contains("bytes of its own"), "{message}");
        }
    }

    #[test]
    fn frames_are_normalised_as_by_plain_operations() {
        tch::manual_seed(1);
        let (mean, deviation) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);
        let by_channel = |of: [f32; 3]| Tensor::from_slice(&of).view([1, 3, 1, 1]);
        for (height, width, padded) in [(5, 7, [32, 32]), (3, 16, [3, 16]), (1, 37, [2, 64])] {
            let pictures = Tensor::randint(256, [3, height, width, 3], (Kind::Uint8, Device::Cpu));
            let normalization = FrameNormalization { mean, deviation, padded };
            let images = normalize_frames(&pictures, &normalization).unwrap();
            let plain = pictures.permute([0, 3, 1, 2]).to_kind(Kind::Float);
            let plain = (plain - by_channel(mean)) / by_channel(deviation);
            let plain = plain.constant_pad_nd([0, padded[1] - width, 0, padded[0] - height]);
            assert_eq!(images, plain);
            assert!(images.permute([0, 2, 3, 1]).is_contiguous());
        }
        let normalization = FrameNormalization { mean, deviation, padded: [4, 4] };
        for size in [[1, 5, 4, 3], [1, 4, 5, 3], [1, 4, 4, 4]] {
            let frames = Tensor::zeros(size, (Kind::Uint8, Device::Cpu));
            assert!(normalize_frames(&frames, &normalization).is_err());
        }
        let floats = Tensor::zeros([1, 4, 4, 3], (Kind::Float, Device::Cpu));
        assert!(normalize_frames(&floats, &normalization).is_err());
    }

    #[test]
    fn maps_are_pooled_as_by_plain_operations() {
        tch::manual_seed(2);
        for (channels, height, width) in [(64, 6, 8), (3, 5, 7), (130, 1, 2), (64, 1, 1)] {
            let map =
                Tensor::randn([2, height, width, channels], (Kind::Float, Device::Cpu)).relu();
            let map = map.to_kind(Kind::BFloat16).permute([0, 3, 1, 2]);
            let pooled = max_pool_of_relu(&map).unwrap().unwrap();
            let plain = map.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
            assert_eq!(pooled, plain);
            let spoiled = map.copy();
            let _first = spoiled.get(0).get(0).get(0).get(0).fill_(f64::NAN);
            let pooled = max_pool_of_relu(&spoiled).unwrap().unwrap();
            assert!(pooled.double_value(&[0, 0, 0, 0]).is_nan());
        }
        let floats = Tensor::zeros([1, 2, 4, 4], (Kind::Float, Device::Cpu));
        assert!(max_pool_of_relu(&floats).is_none());
        assert!(max_pool_of_relu(&floats.to_kind(Kind::BFloat16)).is_none());
    }
}
