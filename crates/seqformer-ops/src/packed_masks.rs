//! Converts mask logits to bit masks at the video's size, on the device of the logits.
//!
//! A pixel belongs to the mask if its interpolated logit is above 0 (a probability above one half). So a GPU returns one bit
//! per pixel instead of one number per cell and instance. Bits are in column-major order, as in COCO's run lengths.

use seqformer_cuda::kernels::{MaskFrame, PixelSize, kernel_or_none, pack_masks};
use seqformer_cuda::transfer::upload;
use tch::{Device, Kind, Tensor};

/// Pixels of a frame per cell of the logits, in each direction.
const STRIDE: usize = 4;

/// Interpolation weight of the nearer cell, for each of the four pixels between two cell centres.
const NEARER: [f32; STRIDE] = [0.625, 0.875, 0.875, 0.625];

/// Maximum number of pixels interpolated at once; intermediate results take about twenty bytes per pixel.
const PIXELS_AT_ONCE: i64 = 1 << 24;

/// Interpolates, compares and packs the masks of frames of one size.
#[derive(Debug)]
pub struct MaskPacker {
    rows: Axis,
    columns: Axis,
    frame: MaskFrame,
    /// 1, 2, 4, … 128.
    bits: Tensor,
}

/// The two cells around each pixel of an axis, and their weights.
#[derive(Debug)]
struct Axis {
    near: Tensor,
    far: Tensor,
    near_weights: Tensor,
    far_weights: Tensor,
}

impl MaskPacker {
    /// Prepares for frames of size `input` (without padding), logits of size `cells` and masks of size `output`.
    pub fn new(cells: PixelSize, input: PixelSize, output: PixelSize, device: Device) -> Self {
        let bits: Vec<u8> = (0..8).map(|bit| 1 << bit).collect();
        Self {
            rows: Axis::new(cells.height, input.height, output.height, device),
            columns: Axis::new(cells.width, input.width, output.width, device),
            frame: MaskFrame { input, output },
            bits: upload(&Tensor::from_slice(&bits), device),
        }
    }

    /// Packs masks, eight pixels per byte, the first in the lowest bit. Does not synchronize with the device.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[…, h, w]`
    /// - output: `[…, bytes]`, column by column: ⌈H W / 8⌉ bytes, or up to three more if a kernel writes words
    pub fn pack(&self, logits: &Tensor) -> Tensor {
        let sizes = logits.size();
        let (masks, cells) = sizes.split_at(sizes.len().saturating_sub(2));
        let count: i64 = masks.iter().product();
        let pixels = self.frame.output.height * self.frame.output.width;
        let num_bytes = pixels.unsigned_abs().div_ceil(8) as i64;
        let logits = logits.reshape([[count].as_slice(), cells].concat());
        if logits.device().is_cuda() && count > 0 {
            let words = pack_masks(&logits.to_kind(Kind::Float), self.frame);
            if let Some(words) = kernel_or_none(words) {
                return words.view_dtype(Kind::Uint8).view([masks, &[-1]].concat().as_slice());
            }
        }
        let at_once = (PIXELS_AT_ONCE / pixels.max(1)).max(1);
        let parts: Vec<Tensor> = (0..count)
            .step_by(usize::try_from(at_once).unwrap_or(1))
            .map(|first| self.pack_some(&logits.narrow(0, first, at_once.min(count - first))))
            .collect();
        let packed = match parts.as_slice() {
            [] => Tensor::zeros([0, num_bytes], (Kind::Uint8, logits.device())),
            [all] => all.shallow_clone(),
            parts => Tensor::cat(parts, 0),
        };
        packed.view([masks, &[num_bytes]].concat().as_slice())
    }

    /// `[I, h, w]` → `[I, ⌈H W / 8⌉]`
    fn pack_some(&self, logits: &Tensor) -> Tensor {
        let wide = self.columns.interpolate(&logits.to_kind(Kind::Float), 2); // [I, h, W]
        let inside = self.rows.interpolate(&wide, 1).gt(0.0); // [I, H, W]
        let down = inside.transpose(1, 2).reshape([logits.size()[0], -1]); // [I, W * H]
        let missing = down.size()[1].unsigned_abs().next_multiple_of(8) as i64 - down.size()[1];
        let down = down.to_kind(Kind::Uint8).constant_pad_nd([0, missing]);
        let bytes = down.view([logits.size()[0], -1, 8]) * &self.bits;
        bytes.sum_dim_intlist(-1, false, Kind::Uint8)
    }
}

impl Axis {
    /// The nearest input pixel of every output pixel, as libtorch chooses it, and the cells around that pixel.
    fn new(cells: i64, input: i64, output: i64, device: Device) -> Self {
        let last = usize::try_from(input - 1).unwrap_or(0);
        let last_cell = usize::try_from(cells - 1).unwrap_or(0);
        let scale = input as f32 / output as f32;
        let (mut near, mut far, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..output {
            let pixel = ((index as f32 * scale).floor() as usize).min(last);
            let (cell, offset) = (pixel / STRIDE, pixel % STRIDE);
            let other = if offset < STRIDE / 2 { cell.saturating_sub(1) } else { cell + 1 };
            near.push(cell.min(last_cell) as i64);
            far.push(other.min(last_cell) as i64);
            weights.push(NEARER[offset]);
        }
        let far_weights: Vec<f32> = weights.iter().map(|nearer| 1.0 - nearer).collect();
        let on_device = |values: &[f32]| upload(&Tensor::from_slice(values), device);
        Self {
            near: upload(&Tensor::from_slice(&near), device),
            far: upload(&Tensor::from_slice(&far), device),
            near_weights: on_device(&weights),
            far_weights: on_device(&far_weights),
        }
    }

    /// Products and sums are separate operations, so that every device rounds them alike.
    fn interpolate(&self, map: &Tensor, dim: i64) -> Tensor {
        let along = |weights: &Tensor| {
            if dim == 1 { weights.unsqueeze(1) } else { weights.shallow_clone() }
        };
        let near = map.index_select(dim, &self.near) * along(&self.near_weights);
        near + map.index_select(dim, &self.far) * along(&self.far_weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the bits with libtorch's interpolation.
    fn check(logits: &Tensor, input: PixelSize, output: PixelSize) {
        let (masks, height, width) = logits.size3().unwrap();
        let cells = PixelSize { height, width };
        let found = MaskPacker::new(cells, input, output, Device::Cpu).pack(logits);
        let full =
            logits.unsqueeze(0).upsample_bilinear2d([4 * height, 4 * width], false, None, None);
        let full = full.narrow(2, 0, input.height).narrow(3, 0, input.width);
        let full =
            full.upsample_nearest2d([output.height, output.width], None, None).squeeze_dim(0);
        let num_bytes = ((output.height * output.width + 7) / 8) as usize;
        let found = Vec::<u8>::try_from(found.view([-1])).unwrap();
        assert_eq!(found.len(), masks as usize * num_bytes);
        for mask in 0..masks {
            let bytes = &found[mask as usize * num_bytes..][..num_bytes];
            for place in 0..8 * num_bytes as i64 {
                let is_set = bytes[place as usize / 8] >> (place % 8) & 1 == 1;
                let (x, y) = (place / output.height, place % output.height);
                let expected = x < output.width && full.double_value(&[mask, y, x]) > 0.0;
                assert_eq!(is_set, expected, "mask {mask} at {x}, {y} of {output:?}");
            }
        }
    }

    #[test]
    fn bits_are_those_of_interpolated_logits_column_by_column() {
        tch::manual_seed(5);
        let size = |height, width| PixelSize { height, width };
        for (cells, input) in
            [((8, 16), size(29, 37)), ((8, 8), size(32, 32)), ((8, 8), size(1, 1))]
        {
            let logits = Tensor::randn([2, cells.0, cells.1], (Kind::Float, Device::Cpu));
            for output in [input, size(23, 9), size(1, 1), size(41, 64)] {
                check(&logits, input, output);
            }
        }
    }

    #[test]
    fn axes_in_front_of_the_map_stay_and_no_mask_gives_no_byte() {
        let size = PixelSize { height: 32, width: 32 };
        let packer = MaskPacker::new(PixelSize { height: 8, width: 8 }, size, size, Device::Cpu);
        let logits = Tensor::randn([3, 2, 8, 8], (Kind::Float, Device::Cpu));
        let packed = packer.pack(&logits);
        assert_eq!(packed.size(), [3, 2, 128]);
        assert_eq!(packed.get(1).get(1), packer.pack(&logits.get(1).get(1).unsqueeze(0)).get(0));
        assert_eq!(packer.pack(&logits.narrow(0, 0, 0)).size(), [0, 2, 128]);
    }
}
