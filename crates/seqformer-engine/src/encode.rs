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
mod tests {
    use super::*;

    #[test]
    fn masks_become_their_run_lengths() {
        // Column-major runs, zeros first.
        let masks = Tensor::from_slice(&[0_i64, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0])
            .view([2, 2, 3])
            .to_kind(Kind::Bool);
        let codes = encode_masks(&masks);
        let counts: Vec<&[u32]> = codes.iter().map(Rle::counts).collect();
        assert_eq!(counts, [&[2_u32, 3, 1][..], &[0, 1, 1, 1, 1, 1, 1][..]]);
        assert_eq!(codes[0].size(), ImageSize { height: 2, width: 3 });
    }

    #[test]
    fn no_mask_gives_no_code() {
        assert!(encode_masks(&Tensor::zeros([0, 4, 5], (Kind::Bool, Device::Cpu))).is_empty());
    }
}
