//! The CUDA kernels where they belong, on a GPU, against those of the CPU; where there is no GPU, that all of it but the
//! GPU is there.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

#[path = "cuda_twin/plain_masks.rs"]
mod plain_masks;

use seqformer_cuda::fallbacks;
use seqformer_cuda::kernels::{
    self, AddNorm, ChannelOrder, FrameNormalization, PixelSize, normalize_frames,
};
use seqformer_ops::packed_masks::MaskPacker;
use seqformer_ops::{
    FeatureLevels, JoinedPoints, LevelSize, cuda_attention, images, ms_deform_attn,
    ms_deform_attn_at_joined,
};
use tch::{Device, Kind, Tensor};

use plain_masks::plain_masks;

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);
const GPU: Device = Device::Cuda(0);

#[test]
fn kernels_are_right_on_a_gpu_and_without_one_the_driver_is_what_is_missing() {
    match cuda_attention::prepare(0) {
        Ok(()) => {
            assert!(tch::Cuda::is_available());
            tch::manual_seed(7);
            attention_is_that_of_the_cpu();
            attention_of_rows_is_that_of_the_cpu();
            frames_are_normalised_as_on_the_cpu();
            masks_are_those_of_plain_operations();
            bits_are_those_of_the_cpu();
            ends_of_convolutions_are_those_of_plain_operations();
            normalized_sums_are_those_of_plain_operations();
            assert_eq!(fallbacks::all(), Vec::<String>::new());
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!tch::Cuda::is_available(), "{error}");
            assert!(error.starts_with("preparing the CUDA kernels: "), "{error}");
            let found = ["GPU", "driver", "CUDA", "header"].iter().any(|word| error.contains(word));
            assert!(found, "the reason is named: {error}");
            eprintln!("not run on a GPU: {error}");
        }
    }
}

/// The largest difference as a part of the largest number of the CPU; NaN where one of them has a NaN.
fn difference(on_gpu: &Tensor, on_cpu: &Tensor) -> f64 {
    let on_cpu = on_cpu.to_kind(Kind::Double);
    let largest = on_cpu.abs().max().double_value(&[]).max(1.0);
    let off = on_gpu.to_device(Device::Cpu).to_kind(Kind::Double) - on_cpu;
    off.abs().max().double_value(&[]) / largest
}

/// Forward and backward, more queries and tokens than one block takes, and heads that are read 16 bytes at a time or
/// number by number.
fn attention_is_that_of_the_cpu() {
    let sizes = [(40, 60), (20, 30), (10, 15), (5, 8)];
    let sizes = sizes.map(|(height, width)| LevelSize { height, width });
    let levels = FeatureLevels::new(&sizes).unwrap();
    for (kind, channels, tolerance) in
        [(Kind::Float, 32, 1e-4), (Kind::Float, 9, 1e-4), (Kind::BFloat16, 32, 2e-2)]
    {
        let value = Tensor::randn([2, levels.num_tokens(), 8, channels], FLOAT).to_kind(kind);
        let locations = Tensor::rand([2, 777, 8, 4, 4, 2], FLOAT) * 1.2 - 0.1;
        let weights = Tensor::rand([2, 777, 8, 4, 4], FLOAT) / 16.0;
        let grad_out = Tensor::randn([2, 777, 8 * channels], FLOAT).to_kind(kind);
        let run = |device: Device| {
            let leaves = [&value, &locations, &weights]
                .map(|leaf| leaf.to_device(device).detach().set_requires_grad(true));
            let out = ms_deform_attn(&leaves[0], &levels, &leaves[1], &leaves[2]).unwrap();
            (&out * grad_out.to_device(device)).sum(Kind::Float).backward();
            [out.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()]
        };
        for (name, (on_gpu, on_cpu)) in ["output", "value", "locations", "weights"]
            .iter()
            .zip(run(GPU).iter().zip(&run(Device::Cpu)))
        {
            let off = difference(on_gpu, on_cpu);
            assert!(off <= tolerance, "{name} in {kind:?} with {channels} channels: {off:e}");
        }
    }
}

/// Offsets and logits as one product gives them.
fn attention_of_rows_is_that_of_the_cpu() {
    let sizes = [(40, 60), (20, 30)].map(|(height, width)| LevelSize { height, width });
    let levels = FeatureLevels::new(&sizes).unwrap();
    for (kind, tolerance) in [(Kind::Float, 1e-4), (Kind::BFloat16, 2e-2)] {
        let value = Tensor::randn([2, levels.num_tokens(), 8, 32], FLOAT).to_kind(kind);
        let rows = Tensor::randn([2, 777, 3 * 8 * 2 * 4], FLOAT);
        let references = Tensor::rand([1, 777, 2, 2], FLOAT);
        let run = |device: Device| {
            let [value, rows, references] =
                [&value, &rows, &references].map(|tensor| tensor.to_device(device));
            let points = JoinedPoints { rows: &rows, references: &references };
            ms_deform_attn_at_joined(&value, &levels, &points, None).unwrap()
        };
        let off = difference(&run(GPU), &run(Device::Cpu));
        assert!(off <= tolerance, "rows in {kind:?}: {off:e}");
    }
}

fn frames_are_normalised_as_on_the_cpu() {
    let (mean, deviation, padded) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395], [64, 96]);
    let frames = Tensor::randint(256, [3, 61, 90, 3], (Kind::Uint8, Device::Cpu));
    let normalization = images::FrameNormalization { mean, deviation, padded };
    let on_cpu = images::normalize_frames(&frames, &normalization).unwrap();
    for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 4e-3)] {
        let normalization = FrameNormalization {
            mean,
            deviation,
            order: ChannelOrder::Same,
            padded: PixelSize { height: padded[0], width: padded[1] },
            kind,
        };
        let on_gpu = normalize_frames(&frames.to_device(GPU), &normalization).unwrap();
        let off = difference(&on_gpu, &on_cpu);
        assert!(off <= tolerance, "{kind:?}: {off:e}");
    }
}

fn masks_are_those_of_plain_operations() {
    let (frames, channels, instances, stride) = (3, 8, 10, 8);
    let features = Tensor::randn([frames, channels, 45, 80], FLOAT);
    let params = Tensor::randn([instances, (channels + 2) * 8 + 8 * 11 + 1], FLOAT) * 0.3;
    let references = Tensor::rand([frames, instances, 2], FLOAT) * 300.0;
    let expected = plain_masks(&features, &params, &references, stride);
    let [features, params, references] =
        [&features, &params, &references].map(|tensor| tensor.to_device(GPU));
    let found = kernels::dynamic_masks(&features, &params, &references, stride).unwrap();
    let off = difference(&found, &expected);
    assert!(off <= 1e-5, "{off:e}");
}

fn ends_of_convolutions_are_those_of_plain_operations() {
    // By 16 bytes, and one by one.
    for channels in [256, 6] {
        for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 1e-2)] {
            let [map, residual] =
                [(); 2].map(|()| Tensor::randn([2, 33, 21, channels], FLOAT).to_kind(kind));
            let [map, residual] = [map, residual].map(|map| map.permute([0, 3, 1, 2]));
            let bias = Tensor::randn([channels], FLOAT).to_kind(kind);
            let expected = (&map + bias.view([1, -1, 1, 1]) + &residual).relu();
            let on_gpu = map.to_device(GPU);
            let (bias, residual) = (bias.to_device(GPU), residual.to_device(GPU));
            kernels::conv_epilogue(&on_gpu, &bias, Some(&residual), true).unwrap();
            let off = difference(&on_gpu, &expected);
            assert!(off <= tolerance, "{channels} channels of {kind:?}: {off:e}");
        }
    }
}

fn normalized_sums_are_those_of_plain_operations() {
    for (kind, channels) in [(Kind::Float, 256), (Kind::BFloat16, 256), (Kind::BFloat16, 100)] {
        let update = Tensor::randn([3, 1001, channels], FLOAT).to_kind(kind);
        let residual = Tensor::randn([3, 1001, channels], FLOAT);
        let [weight, bias] = [(); 2].map(|()| Tensor::randn([channels], FLOAT));
        let sum = update.to_kind(Kind::Float) + &residual;
        let expected = sum.layer_norm([channels], Some(&weight), Some(&bias), 1e-5, false);
        let [update, residual, weight, bias] =
            [&update, &residual, &weight, &bias].map(|tensor| tensor.to_device(GPU));
        let of = AddNorm {
            update: &update,
            residual: &residual,
            weight: &weight,
            bias: &bias,
            eps: 1e-5,
        };
        let found = kernels::add_norm(&of, true).unwrap();
        let off = difference(&found.full, &expected);
        assert!(off <= 1e-5, "{channels} channels of {kind:?}: {off:e}");
        assert_eq!(found.rounded.unwrap(), found.full.to_kind(Kind::BFloat16));
    }
}

fn bits_are_those_of_the_cpu() {
    let size = |height, width| PixelSize { height, width };
    let logits = Tensor::randn([4, 5, 24, 40], FLOAT);
    for output in [size(90, 157), size(360, 640), size(33, 21)] {
        let pack = |device: Device| {
            let packer = MaskPacker::new(size(24, 40), size(90, 157), output, device);
            packer.pack(&logits.to_device(device)).to_device(Device::Cpu)
        };
        let (on_gpu, on_cpu) = (pack(GPU), pack(Device::Cpu));
        let bytes = on_cpu.size()[2];
        assert_eq!(on_gpu.narrow(2, 0, bytes), on_cpu, "{output:?}");
    }
}
