use super::*;

/// Bit by bit from libtorch's own interpolation.
fn check(logits: &Tensor, input: PixelSize, output: PixelSize) {
    let (masks, height, width) = logits.size3().unwrap();
    let cells = PixelSize { height, width };
    let found = MaskPacker::new(cells, input, output, Device::Cpu).pack(logits);
    let full = logits.unsqueeze(0).upsample_bilinear2d([4 * height, 4 * width], false, None, None);
    let full = full.narrow(2, 0, input.height).narrow(3, 0, input.width);
    let full = full.upsample_nearest2d([output.height, output.width], None, None).squeeze_dim(0);
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
    for (cells, input) in [((8, 16), size(29, 37)), ((8, 8), size(32, 32)), ((8, 8), size(1, 1))] {
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
