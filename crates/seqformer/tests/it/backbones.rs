//! Backbones with every option, against plain PyTorch (`tests/fixtures/make_backbones.py`).

use std::path::Path;

use seqformer::Precision;
use seqformer::backbone::{self, Backbone};
use seqformer::config::{BackboneConfig, ResNetConfig, SwinConfig};
use seqformer_checkpoint::StateDict;
use seqformer_testing::{common_noise, common_weights};
use tch::{Device, Kind, Tensor, nn};

fn resnet(depth: i64) -> ResNetConfig {
    ResNetConfig {
        depth,
        stem_out_channels: 8,
        res2_out_channels: 32,
        num_groups: 1,
        width_per_group: 8,
        stride_in_1x1: false,
        res5_dilation: 1,
        freeze_at: 0,
    }
}

fn swin(window_size: i64) -> SwinConfig {
    SwinConfig {
        pretrain_image_size: 32,
        embed_dim: 8,
        depths: [2, 2, 1, 1],
        num_heads: [1, 2, 4, 4],
        window_size,
        mlp_ratio: 4.0,
        qkv_bias: true,
        qk_scale: None,
        dropout: 0.1,
        attention_dropout: 0.1,
        drop_path: 0.1,
        absolute_position_embedding: false,
        patch_norm: true,
    }
}

/// A backbone with weights by the common formula.
fn build(config: &BackboneConfig) -> (nn::VarStore, Box<dyn Backbone>) {
    let vs = nn::VarStore::new(Device::Cpu);
    let path = vs.root() / "detr" / "detr" / "backbone" / 0 / "backbone";
    let network = backbone::build(&path, config);
    let mut variables: Vec<_> = vs.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, mut variable) in variables {
        if variable.kind() == Kind::Float {
            let values = Tensor::from_slice(&common_weights(&name, &variable.size()));
            tch::no_grad(|| variable.copy_(&values.view(variable.size().as_slice())));
        }
    }
    (vs, network)
}

fn image(shape: [i64; 4]) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    Tensor::from_slice(&common_noise("backbone_image", count)).view(shape) * 2.0
}

fn expected(state: &StateDict, name: &str) -> Tensor {
    let array = state.get(name).unwrap_or_else(|| panic!("the fixture has {name}"));
    let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
    Tensor::from_slice(&array.to_f32_vec()).view(shape.as_slice())
}

fn check_outputs(case: &str, outputs: &[Tensor]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbones.safetensors");
    let state = seqformer_checkpoint::read(&path).unwrap();
    assert_eq!(outputs.len(), 4);
    for (output, map) in outputs.iter().zip(["res2", "res3", "res4", "res5"]) {
        let expected = expected(&state, &format!("{case}.{map}"));
        assert_eq!(output.size(), expected.size(), "{case}.{map}");
        let scale = expected.abs().max().double_value(&[]).max(1.0);
        let difference = (output - expected).abs().max().double_value(&[]) / scale;
        assert!(difference <= 2e-5, "{case}.{map}: off by {difference:e} of {scale}");
    }
}

/// The same without anything that training drops.
fn still(config: &BackboneConfig) -> BackboneConfig {
    match config.clone() {
        BackboneConfig::Swin(swin) => BackboneConfig::Swin(SwinConfig {
            dropout: 0.0,
            attention_dropout: 0.0,
            drop_path: 0.0,
            ..swin
        }),
        resnet @ BackboneConfig::ResNet(_) => resnet,
    }
}

/// Compares the outputs as training and as inference compute them.
fn check(case: &str, config: &BackboneConfig, shape: [i64; 4]) {
    let image = image(shape);
    let (_variables, network) = build(&still(config));
    check_outputs(case, &network.forward(&image));
    let (_variables, network) = build(config);
    check_outputs(case, &network.prepare(Precision::F32).forward(&image));
}

#[test]
fn resnets_of_every_depth_and_option_agree_with_pytorch() {
    let check = |case: &str, config: ResNetConfig| {
        check(case, &BackboneConfig::ResNet(config), [1, 3, 33, 47]);
    };
    check("resnet18", ResNetConfig { res2_out_channels: 8, ..resnet(18) });
    check("resnet34", ResNetConfig { stem_out_channels: 4, res2_out_channels: 8, ..resnet(34) });
    check("resnet50", resnet(50));
    let narrow = |depth| ResNetConfig {
        stem_out_channels: 4,
        res2_out_channels: 8,
        width_per_group: 4,
        ..resnet(depth)
    };
    check("resnet101", narrow(101));
    check("resnet152", narrow(152));
    check("stride_in_1x1", ResNetConfig { stride_in_1x1: true, ..resnet(50) });
    check("dilated", ResNetConfig { res5_dilation: 2, ..resnet(50) });
}

#[test]
fn resnexts_agree_with_pytorch() {
    let check = |case: &str, config: ResNetConfig| {
        check(case, &BackboneConfig::ResNet(config), [1, 3, 33, 47]);
    };
    check("resnext_32x8d", ResNetConfig { num_groups: 32, width_per_group: 8, ..resnet(50) });
    check("resnext_64x4d", ResNetConfig { num_groups: 64, width_per_group: 4, ..resnet(50) });
}

#[test]
fn swin_transformers_with_every_option_agree_with_pytorch() {
    let check =
        |case: &str, config: SwinConfig| check(case, &BackboneConfig::Swin(config), [2, 3, 70, 90]);
    check("swin_w7", swin(7));
    let position = SwinConfig { absolute_position_embedding: true, patch_norm: false, ..swin(7) };
    check("swin_w7_position", position);
    let options = SwinConfig { qkv_bias: false, qk_scale: Some(0.3), mlp_ratio: 2.6, ..swin(12) };
    check("swin_w12_options", options);
}

#[test]
fn frozen_stages_are_not_trained() {
    let stages = ["stem", "res2", "res3", "res4", "res5"];
    for freeze_at in 0..=5 {
        let config = ResNetConfig { freeze_at, ..resnet(18) };
        let (vs, _network) = build(&BackboneConfig::ResNet(config));
        for (name, variable) in vs.variables() {
            let stage =
                stages.iter().position(|stage| name.contains(&format!(".{stage}."))).unwrap()
                    as i64;
            let is_buffer = name.contains(".norm.");
            assert_eq!(
                variable.requires_grad(),
                !is_buffer && stage >= freeze_at,
                "{name}, {freeze_at} frozen"
            );
        }
    }
}

#[test]
fn strides_and_channels_are_announced() {
    let check = |config: BackboneConfig, shape: [i64; 4]| {
        let (_variables, network) = build(&config);
        let outputs = tch::no_grad(|| network.forward(&image(shape)));
        for (output, spec) in outputs.iter().zip(network.output_shape()) {
            let [_, _, height, width] = shape;
            assert_eq!(
                output.size()[1..],
                [spec.channels, height / spec.stride, width / spec.stride]
            );
        }
    };
    check(BackboneConfig::ResNet(resnet(50)), [1, 3, 64, 96]);
    check(BackboneConfig::ResNet(ResNetConfig { res5_dilation: 2, ..resnet(50) }), [1, 3, 64, 96]);
    check(BackboneConfig::Swin(swin(7)), [1, 3, 64, 96]);
}

#[test]
fn training_draws_and_inference_does_not() {
    let (_variables, network) = build(&BackboneConfig::Swin(swin(7)));
    let image = image([1, 3, 64, 64]);
    let train = || network.forward(&image).remove(3);
    assert!(!train().equal(&train()));
    let network = network.prepare(Precision::F32);
    let infer = || network.forward(&image).remove(3);
    assert!(infer().equal(&infer()));
}

#[test]
fn blocks_that_are_run_again_give_the_same_gradients() {
    let swin = still(&BackboneConfig::Swin(swin(7)));
    for config in [swin, BackboneConfig::ResNet(resnet(50))] {
        let (vs, mut network) = build(&config);
        let variables = std::collections::BTreeMap::from_iter(vs.variables());
        let trained: Vec<&Tensor> =
            variables.values().filter(|variable| variable.requires_grad()).collect();
        let images = image([2, 3, 64, 96]);
        let gradients = |network: &dyn Backbone| {
            let outputs = network.forward(&images);
            let squares = outputs.iter().map(|map| map.square().mean(Kind::Float));
            let loss = squares.reduce(|sum, square| sum + square).unwrap();
            Tensor::run_backward(&[loss], &trained, false, false)
        };
        let plain = gradients(network.as_ref());
        network.set_recompute(true);
        for (plain, again) in plain.iter().zip(gradients(network.as_ref())) {
            let scale = plain.abs().max().double_value(&[]).max(1e-6);
            let difference = (plain - again).abs().max().double_value(&[]);
            assert!(difference <= 1e-5 * scale, "off by {difference:e} of {scale:e}");
        }
    }
}
