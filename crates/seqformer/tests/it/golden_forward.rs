//! Every intermediate of one forward pass of a tiny network.

use seqformer::config::{BackboneConfig, ResNetConfig, TransformerConfig};
use seqformer::inference::InferenceModel;
use seqformer::{KeepLayers, Memory, Precision, SeqFormer, SeqFormerConfig, load_state_dict};
use seqformer_checkpoint::StateDict;
use seqformer_testing::golden_path;
use tch::{Device, Kind, Tensor, nn};

use crate::stages::Stages;

/// The network of `tests/golden/public/tiny_config.yaml`.
pub(crate) fn tiny_config() -> SeqFormerConfig {
    SeqFormerConfig {
        pixel_mean: [123.675, 116.28, 103.53],
        pixel_std: [58.395, 57.12, 57.375],
        backbone: BackboneConfig::ResNet(ResNetConfig {
            depth: 50,
            stem_out_channels: 8,
            res2_out_channels: 16,
            num_groups: 1,
            width_per_group: 4,
            stride_in_1x1: false,
            res5_dilation: 1,
            freeze_at: 2,
        }),
        transformer: TransformerConfig {
            hidden_dim: 64,
            num_heads: 8,
            num_encoder_layers: 2,
            num_decoder_layers: 3,
            feedforward_dim: 128,
            dropout: 0.0,
            num_encoder_points: 4,
            num_decoder_points: 4,
        },
        num_classes: 5,
        num_queries: 20,
        query_groups: 1,
    }
}

/// The golden tensors, and which of them a test has looked at.
pub(crate) struct Golden {
    pub(crate) state: StateDict,
    pub(crate) seen: Vec<String>,
    pub(crate) off: Vec<String>,
}

impl Golden {
    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let array = self.state.get(name).unwrap_or_else(|| panic!("the golden file has {name}"));
        let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
        Tensor::from_slice(&array.to_f32_vec()).view(shape.as_slice())
    }

    /// Compares within `2e-5 + 2e-5 * max|b|`, the suggested tolerance of intermediates, or `tolerance`.
    pub(crate) fn check_within(&mut self, name: &str, found: &Tensor, tolerance: Option<f64>) {
        let expected = self.tensor(name);
        self.seen.push(name.to_owned());
        let found = found.to_kind(Kind::Float);
        assert_eq!(found.size(), expected.size(), "{name}");
        let tolerance = tolerance.unwrap_or(2e-5 + 2e-5 * expected.abs().max().double_value(&[]));
        let difference = (found - expected).abs().max().double_value(&[]);
        if difference.is_nan() || difference > tolerance {
            self.off.push(format!("{name}: off by {difference:e}, at most {tolerance:e}"));
        }
    }

    pub(crate) fn check(&mut self, name: &str, found: &Tensor) {
        self.check_within(name, found, None);
    }
}

pub(crate) fn loaded_model() -> (nn::VarStore, SeqFormer) {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &tiny_config()).unwrap();
    let state = seqformer_checkpoint::read(&golden_path("public/tiny_model.pth")).unwrap();
    load_state_dict(&vs, &state).unwrap();
    (vs, model)
}

/// The same network, prepared for inference.
pub(crate) fn prepared_model(precision: Precision) -> InferenceModel {
    let (variables, model) = loaded_model();
    model.prepare(variables, precision)
}

/// Runs all stages and compares them; `parts` are the frames that are encoded together.
fn check_all(model: &dyn Stages, parts: &[i64]) -> Golden {
    let path = golden_path("public/tiny_forward.safetensors");
    let mut golden =
        Golden { state: seqformer_checkpoint::read(&path).unwrap(), seen: vec![], off: vec![] };
    let frames = golden.tensor("frames_u8");
    golden.seen.push("frames_u8".to_owned());
    let size = seqformer::size_of_frames(&frames).unwrap();
    let layout = model.token_layout(&[size]);
    golden.check_within("input.tensor", &model.preprocess(&frames, size).unwrap(), Some(1e-6));
    let padding = seqformer::padding_mask(&[size; 4], seqformer::padded_size(size), Device::Cpu);
    golden.check("input.mask", &padding);
    for (level, padding) in layout.level_padding().iter().enumerate() {
        let expand = padding.unsqueeze(1).expand([-1, 4, -1, -1], false);
        golden.check(&format!("level_mask.{level}"), &expand);
    }
    for (level, position) in layout.level_positions().iter().enumerate() {
        let position = position.permute([0, 3, 1, 2]).unsqueeze(1);
        golden.check_within(&format!("pos.{level}.frame0"), &position, Some(1e-6));
    }
    golden.check("valid_ratios", layout.valid_ratios());
    golden.check("encoder.reference_points", layout.reference_points());
    let mut memory = Memory::default();
    let mut stages: Vec<Vec<Tensor>> = Vec::new();
    for part in frames.split_with_sizes(parts, 0) {
        let features = model.backbone_features(&model.preprocess(&part, size).unwrap());
        let maps = model.project(&features);
        let mut layers = Vec::new();
        let encoded = model.encode(&maps, &layout, &mut |layer| layers.push(layer.shallow_clone()));
        let mask_features = model.mask_features(&encoded.get(0), &layout);
        memory.parts.push(encoded);
        stages.push(
            features.into_iter().chain(maps).chain([layers.remove(0), mask_features]).collect(),
        );
    }
    let stage = |index: usize, axis: i64| {
        let parts: Vec<&Tensor> = stages.iter().map(|stages| &stages[index]).collect();
        Tensor::cat(&parts, axis)
    };
    golden.check("backbone.res2.frame0", &stage(0, 0).narrow(0, 0, 1));
    for level in 0..3 {
        golden.check(&format!("backbone.res{}", level + 3), &stage(level + 1, 0));
    }
    for level in 0..4 {
        golden.check(&format!("input_proj.{level}"), &stage(4 + level, 0));
    }
    golden.check("encoder.layer0", &stage(8, 1));
    golden.check("memory", &Tensor::cat(&memory.parts, 1));
    let mask_features = stage(9, 0);
    golden.check("mask_feat", &mask_features.unsqueeze(0));
    let output = model.decode(&memory, &layout, KeepLayers::All);
    let all = |pick: fn(&seqformer::DecoderLayerOutput) -> &Tensor| {
        Tensor::stack(&output.layers.iter().map(pick).collect::<Vec<_>>(), 0)
    };
    golden.check("hs", &all(|layer| &layer.instance_queries));
    golden.check("hs_box", &all(|layer| &layer.box_queries));
    golden.check("inter_references", &all(|layer| &layer.pred_boxes));
    golden.check("init_reference", &output.layers[0].references);
    for (index, layer) in output.layers.iter().enumerate() {
        let heads = model.heads(layer, index, &[size]);
        let masks = model.masks(
            &mask_features,
            &heads.dynamic_params.get(0),
            &heads.reference_points_px.get(0),
        );
        golden.check(&format!("dec{index}.class_logits"), &heads.pred_logits);
        golden.check(&format!("dec{index}.boxes"), &layer.pred_boxes);
        golden.check(&format!("dec{index}.dynamic_params_all"), &heads.dynamic_params);
        let points = &heads.reference_points_px;
        golden.check_within(&format!("dec{index}.mask_ref_points"), points, Some(5e-4));
        golden.check_within(&format!("dec{index}.mask_logits"), &masks.unsqueeze(0), Some(2e-4));
        if index == model.last_layer() {
            golden.check("out.pred_logits", &heads.pred_logits);
            golden.check("out.pred_boxes", &layer.pred_boxes);
        }
    }
    golden
}

#[test]
fn every_intermediate_agrees_with_the_reference() {
    let check = |model: &dyn Stages, parts: &[i64]| {
        let golden = tch::no_grad(|| check_all(model, parts));
        assert!(golden.off.is_empty(), "in parts of {parts:?}:\n{}", golden.off.join("\n"));
        let unseen: Vec<_> =
            golden.state.arrays.keys().filter(|name| !golden.seen.contains(name)).collect();
        assert!(unseen.is_empty(), "not compared: {unseen:?}");
    };
    let (variables, model) = loaded_model();
    check(&model, &[4]);
    check(&model, &[3, 1]);
    check(&model, &[1, 1, 1, 1]);
    let model = model.prepare(variables, Precision::F32);
    check(&model, &[4]);
    check(&model, &[3, 1]);
    check(&model, &[2, 2]);
    check(&model, &[1, 1, 1, 1]);
}

#[test]
fn recording_gradients_does_not_change_the_result() {
    let (_variables, model) = loaded_model();
    let golden = check_all(&model, &[4]);
    assert!(golden.off.is_empty(), "{}", golden.off.join("\n"));
}
