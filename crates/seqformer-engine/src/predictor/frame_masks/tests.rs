use seqformer::inference::{final_masks, final_masks_in_one_step};
use seqformer_masks::ImageSize;

use super::*;
use crate::encode_masks;

/// Compares with the plain tensor operations, pixel by pixel.
fn check(logits: &Tensor, input: [u32; 2], output: [u32; 2]) {
    let input = ImageSize { height: input[0], width: input[1] };
    let output = ImageSize { height: output[0], width: output[1] };
    let both = [
        (Enlargement::ByInput, final_masks(logits, input, output)),
        (Enlargement::InOneStep, final_masks_in_one_step(logits, input, output)),
    ];
    for (enlargement, expected) in both {
        let geometry = FrameGeometry { input, output, enlargement };
        let found = FrameLogits::new(logits).encode(geometry);
        assert_eq!(found, encode_masks(&expected), "{input} to {output}, {enlargement:?}");
    }
}

#[test]
fn pixels_equal_those_of_the_tensor_operations() {
    tch::manual_seed(3);
    for (cells, input) in [([8, 16], [32, 64]), ([8, 16], [29, 37]), ([8, 8], [1, 1])] {
        let logits = Tensor::randn([3, cells[0], cells[1]], (Kind::Float, Device::Cpu));
        for output in [input, [61, 200], [10, 7], [1, 1]] {
            check(&logits, input, output);
        }
    }
}

#[test]
fn smooth_masks_and_those_without_a_pixel_are_the_same_too() {
    let ramp = Tensor::linspace(-1.0, 1.0, 24 * 40, (Kind::Float, Device::Cpu)).view([1, 24, 40]);
    let none = Tensor::full([1, 24, 40], -3.0, (Kind::Float, Device::Cpu));
    let all = Tensor::full([1, 24, 40], 3.0, (Kind::Float, Device::Cpu));
    let dot = none.copy();
    let mut cell = dot.select(1, 5).select(1, 7);
    let _filled = cell.fill_(40.0);
    let logits = Tensor::cat(&[ramp, none, all, dot], 0);
    check(&logits, [96, 160], [96, 160]);
    check(&logits, [90, 150], [360, 640]);
}

#[test]
fn no_instance_gives_no_mask() {
    let none = Tensor::zeros([0, 8, 8], (Kind::Float, Device::Cpu));
    let geometry = FrameGeometry {
        input: ImageSize { height: 32, width: 32 },
        output: ImageSize { height: 5, width: 5 },
        enlargement: Enlargement::ByInput,
    };
    assert_eq!(FrameLogits::new(&none).encode(geometry), []);
}
