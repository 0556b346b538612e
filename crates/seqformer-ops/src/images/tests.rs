use tch::{Device, Kind};

use super::*;

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
        let map = Tensor::randn([2, height, width, channels], (Kind::Float, Device::Cpu)).relu();
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
