//! Mask logits, their bits, and frames: against plain tensor operations and walks over all pixels.

use tch::{Device, Kind, Tensor};

use crate::emulator::{Gpu, Placement, Request, split};
use crate::max_difference;
use crate::plain_masks::plain_masks;

const PLACEMENTS: [Placement; 2] = [Placement::AtEnd, Placement::AtStart];
const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

#[test]
fn dynamic_masks_agree_with_plain_tensor_operations() {
    tch::manual_seed(5);
    // One tile, several with a rest, one cell; as many channels as there may be.
    for (height, width, channels, kind) in [
        (5, 7, 8, Kind::Float),
        (17, 65, 8, Kind::BFloat16),
        (1, 1, 1, Kind::Float),
        (8, 32, 64, Kind::Float),
    ] {
        let (frames, instances, stride) = (2, 3, 8);
        let num_params = (channels + 2) * 8 + 8 * 11 + 1;
        let features = Tensor::randn([frames, channels, height, width], FLOAT).to_kind(kind);
        let params = Tensor::randn([instances, num_params], FLOAT) * 0.3;
        let references = Tensor::rand([frames, instances, 2], FLOAT) * 60.0;
        let expected = plain_masks(&features.to_kind(Kind::Float), &params, &references, stride);
        let largest = expected.abs().max().double_value(&[]).max(1.0);
        let last = features.permute([0, 2, 3, 1]).contiguous();
        for (features, channels_last) in [(&features, false), (&last, true)] {
            let strides = if channels_last {
                [channels * height * width, 1, width * channels, channels]
            } else {
                [channels * height * width, height * width, width, 1]
            };
            for placement in PLACEMENTS {
                let request = Request::new("masks", placement)
                    .numbers(&[frames, instances, channels + 2, height, width, stride])
                    .numbers(&[i64::from(kind == Kind::BFloat16)])
                    .numbers(&strides)
                    .buffer(Some(features))
                    .buffer(Some(&params))
                    .buffer(Some(&references));
                let answer = request.run(Gpu::Hopper).unwrap();
                let found = split(&answer, &[(&expected.size(), Kind::Float)]);
                let difference = max_difference(&found[0], &expected);
                assert!(
                    difference <= 1e-5 * largest,
                    "{difference} of {largest} at {height}x{width}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_a_number_goes_through_the_mask_head() {
    tch::manual_seed(9);
    let (frames, channels, height, width, instances, stride) = (1, 3, 4, 5, 2, 8);
    let num_params = (channels + 2) * 8 + 8 * 11 + 1;
    for value in [f64::NAN, -f64::NAN] {
        // A weight of each convolution, and a bias of each, of the second instance.
        let (second, third) = ((channels + 2) * 8, (channels + 2) * 8 + 64);
        for place in [2, second, third, third + 8, third + 16, num_params - 1] {
            let features = Tensor::randn([frames, channels, height, width], FLOAT);
            let params = Tensor::randn([instances, num_params], FLOAT);
            let _planted = params.get(1).narrow(0, place, 1).fill_(value);
            let references = Tensor::rand([frames, instances, 2], FLOAT) * 60.0;
            let expected = plain_masks(&features, &params, &references, stride);
            let request = Request::new("masks", Placement::AtEnd)
                .numbers(&[frames, instances, channels + 2, height, width, stride])
                .numbers(&[0])
                .numbers(&[channels * height * width, height * width, width, 1])
                .buffer(Some(&features))
                .buffer(Some(&params))
                .buffer(Some(&references));
            let answer = request.run(Gpu::Hopper).unwrap();
            let found = split(&answer, &[(&expected.size(), Kind::Float)]);
            let same = found[0].isnan().eq_tensor(&expected.isnan()).all();
            assert!(bool::try_from(same).unwrap(), "{value} in {place}");
            assert!(bool::try_from(found[0].get(1).isnan().all()).unwrap(), "{value} in {place}");
        }
    }
}

/// Masks and the sizes that they are brought to, (height, width).
struct Packing {
    cells: (i64, i64),
    input: (i64, i64),
    output: (i64, i64),
}

/// Whether a pixel of the video is inside, one pixel at a time, by the arithmetic of the host's encoder.
fn is_inside(mask: &[f32], of: &Packing, y: i64, x: i64) -> bool {
    const NEARER: [f32; 4] = [0.625, 0.875, 0.875, 0.625];
    let nearest = |index: i64, input: i64, output: i64| {
        let scale = input as f32 / output as f32;
        ((index as f32 * scale).floor() as i64).min(input - 1)
    };
    let neighbours = |pixel: i64, cells: i64| {
        let (cell, offset) = (pixel / 4, (pixel % 4) as usize);
        let other = if offset < 2 { cell - 1 } else { cell + 1 };
        (cell, other.clamp(0, cells - 1), NEARER[offset])
    };
    let (row, other_row, share_y) = neighbours(nearest(y, of.input.0, of.output.0), of.cells.0);
    let (column, other_column, share_x) =
        neighbours(nearest(x, of.input.1, of.output.1), of.cells.1);
    let at = |row: i64, column: i64| mask[(row * of.cells.1 + column) as usize];
    let wide = |row: i64| at(row, column) * share_x + at(row, other_column) * (1.0 - share_x);
    wide(row) * share_y + wide(other_row) * (1.0 - share_y) > 0.0
}

/// Packs masks wherever their buffer lies, and walks over all pixels.
fn check_packing(of: &Packing, logits: &Tensor) {
    let values: Vec<f32> = Vec::try_from(logits.reshape([-1])).expect("logits are numbers");
    let masks = logits.size()[0];
    let pixels = of.output.0 * of.output.1;
    let words_per_mask = (pixels + 31) / 32;
    for placement in PLACEMENTS {
        let request = Request::new("pack", placement)
            .numbers(&[masks, of.cells.0, of.cells.1, of.input.0, of.input.1])
            .numbers(&[of.output.0, of.output.1])
            .buffer(Some(logits));
        let answer = request.run(Gpu::Hopper).expect("the emulator runs to its end");
        let found = split(&answer, &[(&[masks, words_per_mask], Kind::Int)]);
        for (mask, values) in values.chunks((of.cells.0 * of.cells.1) as usize).enumerate() {
            let words: Vec<i32> =
                Vec::try_from(found[0].get(mask as i64)).expect("words are numbers");
            let mut expected = vec![0_u32; words.len()];
            for pixel in 0..pixels {
                let inside = is_inside(values, of, pixel % of.output.0, pixel / of.output.0);
                expected[pixel as usize / 32] |= u32::from(inside) << (pixel % 32);
            }
            let words: Vec<u32> = words.into_iter().map(i32::cast_unsigned).collect();
            assert_eq!(words, expected);
        }
    }
}

#[test]
fn packed_masks_have_the_bits_of_a_walk_over_all_pixels() {
    tch::manual_seed(6);
    for of in [
        Packing { cells: (8, 10), input: (32, 40), output: (32, 40) },
        Packing { cells: (8, 10), input: (30, 37), output: (45, 61) },
        Packing { cells: (8, 10), input: (31, 40), output: (13, 7) },
        Packing { cells: (1, 1), input: (1, 3), output: (5, 1) },
    ] {
        let logits = Tensor::randn([3, of.cells.0, of.cells.1], FLOAT);
        check_packing(&of, &logits);
        // What is not a number is not inside.
        let _planted = logits.view([-1]).narrow(0, 0, 1).fill_(f64::NAN);
        check_packing(&of, &logits);
    }
}

#[test]
fn sums_whose_sign_their_rounding_decides_have_the_hosts_sign() {
    tch::manual_seed(8);
    // 5/8 of the one cell and 3/8 of the other are nearly the same; fused, the sum would be another.
    let first = Tensor::rand([64, 1, 1], FLOAT) + 0.5;
    let logits = Tensor::cat(&[&first, &(&first * (-5.0 / 3.0))], 2);
    let of = Packing { cells: (1, 2), input: (4, 8), output: (4, 8) };
    check_packing(&of, &logits);
    check_packing(&of, &-logits);
    let of = Packing { cells: (2, 1), input: (8, 4), output: (8, 4) };
    check_packing(&of, &Tensor::cat(&[&first, &(&first * (-5.0 / 3.0))], 1));
}

#[test]
fn frames_are_those_of_the_plain_formula_bit_by_bit() {
    tch::manual_seed(7);
    let (frames, height, width, padded) = (2, 5, 7, [8, 12]);
    let bytes = Tensor::randint(256, [frames, height, width, 3], (Kind::Uint8, Device::Cpu));
    let mean = Tensor::from_slice(&[123.675_f32, 116.28, 103.53]);
    let deviation = Tensor::from_slice(&[58.395_f32, 57.12, 57.375]);
    for (reversed, kind) in [(false, Kind::Float), (true, Kind::Float), (true, Kind::BFloat16)] {
        let ordered = if reversed { bytes.flip([3]) } else { bytes.shallow_clone() };
        let expected = (ordered.to_kind(Kind::Float) - &mean) / &deviation;
        let pads = [0, 0, 0, padded[1] - width, 0, padded[0] - height];
        let expected = expected.constant_pad_nd(pads).to_kind(kind);
        for placement in PLACEMENTS {
            let request = Request::new("frames", placement)
                .numbers(&[frames, height, width, padded[0], padded[1]])
                .numbers(&[i64::from(reversed), i64::from(kind == Kind::BFloat16)])
                .buffer(Some(&bytes))
                .buffer(Some(&mean))
                .buffer(Some(&deviation));
            let answer = request.run(Gpu::Hopper).unwrap();
            let found = split(&answer, &[(&expected.size(), kind)]);
            assert_eq!(max_difference(&found[0], &expected), 0.0, "{kind:?}, reversed: {reversed}");
        }
    }
}
