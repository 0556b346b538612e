use super::*;
use crate::config::tests::tiny;
use crate::padded_size;

#[test]
fn frames_are_normalised_and_then_padded_with_zeros() {
    let frames = Tensor::full([2, 3, 3, 5], 100, (Kind::Uint8, Device::Cpu));
    let padded = padded_size(ImageSize { height: 3, width: 5 });
    let images = normalize_and_pad(&frames, padded, &tiny(), Device::Cpu).unwrap();
    assert_eq!(images.size(), [2, 3, 32, 32]);
    let expected = (100.0 - 103.53) / 57.375;
    assert!((images.double_value(&[1, 2, 2, 4]) - expected).abs() < 1e-6);
    assert_eq!(images.narrow(3, 5, 27).abs().max().double_value(&[]), 0.0);
    assert_eq!(images.narrow(2, 3, 29).abs().max().double_value(&[]), 0.0);
}

#[test]
fn frames_of_a_wrong_shape_are_refused() {
    let frames = Tensor::zeros([2, 4, 8, 8], (Kind::Uint8, Device::Cpu));
    let size = ImageSize { height: 32, width: 32 };
    let error = normalize_and_pad(&frames, size, &tiny(), Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("found [2, 4, 8, 8]"), "{error}");
    let frames = Tensor::zeros([2, 3, 40, 8], (Kind::Uint8, Device::Cpu));
    assert!(normalize_and_pad(&frames, size, &tiny(), Device::Cpu).is_err());
}

#[test]
fn padding_begins_where_the_frame_ends() {
    let sizes = [ImageSize { height: 2, width: 3 }, ImageSize { height: 4, width: 1 }];
    let mask = padding_mask(&sizes, ImageSize { height: 4, width: 4 }, Device::Cpu);
    let valid = mask.logical_not().to_kind(Kind::Int64);
    assert_eq!(valid.get(0).sum(Kind::Int64).int64_value(&[]), 6);
    assert_eq!(valid.get(1).sum(Kind::Int64).int64_value(&[]), 4);
    assert_eq!(valid.int64_value(&[0, 1, 2]), 1);
    assert_eq!(valid.int64_value(&[0, 2, 0]), 0);
}
