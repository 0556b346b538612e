//! Converts mask tensors to run lengths.

use seqformer_masks::{BitMask, ImageSize, Rle};
use tch::{Device, Kind, Tensor};

/// Encodes the masks `[I, H, W]` (true = inside) of one frame, one run-length code each.
///
/// # Panics
///
/// If the tensor has other axes.
pub fn encode_masks(masks: &Tensor) -> Vec<Rle> {
    let (count, height, width) = masks.size3().expect("masks are [I, H, W]");
    let size = ImageSize { height: height as u32, width: width as u32 };
    let masks = masks.to_kind(Kind::Uint8).to_device(Device::Cpu).contiguous();
    let pixels = size.num_pixels() as usize;
    let encode = |index: i64| {
        let mut bytes = vec![0_u8; pixels];
        masks.get(index).copy_data(&mut bytes, pixels);
        Rle::encode(&BitMask::from_bytes(size, bytes).expect("there is one byte per pixel"))
    };
    (0..count).map(encode).collect()
}

#[cfg(test)]
mod tests;
