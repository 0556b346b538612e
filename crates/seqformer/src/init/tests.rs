use super::*;
use crate::SeqFormer;
use crate::config::tests::tiny;

fn initialized(seed: i64) -> Vec<NamedTensor> {
    let vs = nn::VarStore::new(Device::Cpu);
    SeqFormer::new(&vs.root(), &tiny()).unwrap();
    tch::manual_seed(seed);
    initialize(&vs, &tiny()).unwrap();
    named_tensors(&vs)
}

fn get<'a>(tensors: &'a [NamedTensor], name: &str) -> &'a Tensor {
    &tensors.iter().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("no {name}")).tensor
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).view([-1])).unwrap()
}

/// The tensors whose name has `part` and ends with `end`, at least one.
fn matching<'a>(tensors: &'a [NamedTensor], part: &str, end: &str) -> Vec<&'a NamedTensor> {
    let found: Vec<_> = tensors
        .iter()
        .filter(|tensor| tensor.name.contains(part) && tensor.name.ends_with(end))
        .collect();
    assert!(!found.is_empty(), "{part}…{end}");
    found
}

#[test]
fn heads_begin_with_rare_instances_and_boxes_where_they_are() {
    let tensors = initialized(1);
    for bias in matching(&tensors, ".class_embed.", "bias") {
        for value in numbers(&bias.tensor) {
            assert!((value + 99.0_f64.ln()).abs() < 1e-6, "{}", bias.name);
        }
    }
    let last = |layer: i64| format!("detr.detr.transformer.decoder.bbox_embed.{layer}.layers.2");
    assert_eq!(numbers(get(&tensors, &format!("{}.bias", last(0)))), [0.0, 0.0, -2.0, -2.0]);
    assert_eq!(numbers(get(&tensors, &format!("{}.bias", last(1)))), [0.0; 4]);
    for weight in matching(&tensors, ".bbox_embed.", "layers.2.weight") {
        assert_eq!(weight.tensor.abs().max().double_value(&[]), 0.0, "{}", weight.name);
    }
    let hidden = |layer: i64| {
        numbers(get(
            &tensors,
            &format!("detr.detr.transformer.decoder.bbox_embed.{layer}.layers.1.weight"),
        ))
    };
    assert_eq!(hidden(0), hidden(1));
    let class =
        |layer: i64| numbers(get(&tensors, &format!("detr.detr.class_embed.{layer}.weight")));
    assert_eq!(class(0), class(1));
}

#[test]
fn sampling_begins_on_a_ring_with_equal_weights() {
    let tensors = initialized(2);
    // Eight heads, four levels and four points: directions lie 45 degrees apart, on a square.
    let directions = [
        (1.0, 0.0),
        (1.0, 1.0),
        (0.0, 1.0),
        (-1.0, 1.0),
        (-1.0, 0.0),
        (-1.0, -1.0),
        (0.0, -1.0),
        (1.0, -1.0),
    ];
    for bias in matching(&tensors, "", "sampling_offsets.bias") {
        for (head, (x, y)) in directions.into_iter().enumerate() {
            for level in 0..4 {
                for point in 0..4 {
                    let at = ((head * 4 + level) * 4 + point) as i64 * 2;
                    let step = point as f64 + 1.0;
                    let found = [0, 1].map(|axis| bias.tensor.double_value(&[at + axis]));
                    let near =
                        (found[0] - step * x).abs() < 1e-6 && (found[1] - step * y).abs() < 1e-6;
                    assert!(
                        near,
                        "{}: head {head}, level {level}, point {point}: {found:?}",
                        bias.name
                    );
                }
            }
        }
    }
    for end in [".sampling_offsets.weight", ".attention_weights.weight", ".attention_weights.bias"]
    {
        for tensor in matching(&tensors, "attn", end) {
            assert_eq!(tensor.tensor.abs().max().double_value(&[]), 0.0, "{}", tensor.name);
        }
    }
}

/// Checks that the numbers fill `(-bound, bound)` evenly.
fn check_uniform(tensor: &NamedTensor, bound: f64) {
    let values = numbers(&tensor.tensor);
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest <= bound * 1.000_001, "{}: {largest} beyond {bound}", tensor.name);
    if values.len() < 200 {
        return;
    }
    let count = values.len() as f64;
    let variance = values.iter().map(|value| value * value).sum::<f64>() / count;
    let expected = bound * bound / 3.0;
    assert!(
        (variance / expected - 1.0).abs() < 6.0 * (0.8 / count).sqrt(),
        "{}: {variance} for {expected}",
        tensor.name
    );
}

#[test]
fn layers_fill_the_bounds_of_their_distributions() {
    let tensors = initialized(3);
    let check = |part: &str, end: &str, bound: f64| {
        for tensor in matching(&tensors, part, end) {
            check_uniform(tensor, bound);
        }
    };
    let xavier = |inputs: f64, outputs: f64| (6.0 / (inputs + outputs)).sqrt();
    // 64 channels, 32 in feed-forward blocks.
    for name in ["value_proj", "output_proj", "output_proj_box", "out_proj"] {
        check(".layers.", &format!(".{name}.weight"), xavier(64.0, 64.0));
    }
    check(".decoder.", "in_proj_weight", xavier(64.0, 3.0 * 64.0));
    check(".layers.", "linear1.weight", xavier(64.0, 32.0));
    check(".decoder.", "linear2_box.weight", xavier(64.0, 32.0));
    check(".decoder.", "time_attention_weights.weight", xavier(64.0, 1.0));
    check("", "reference_points.weight", xavier(64.0, 2.0));
    check("detr.controller.", "layers.2.weight", xavier(64.0, 121.0));
    check(".input_proj.0.", "0.weight", xavier(32.0, 64.0));
    check(".input_proj.3.", "0.weight", xavier(9.0 * 128.0, 9.0 * 64.0));
    for name in
        ["output_proj_box.bias", "linear1.bias", "linear1_box.bias", "time_attention_weights.bias"]
    {
        check(".layers.", name, 64.0_f64.sqrt().recip());
    }
    check(".layers.", "linear2.bias", 32.0_f64.sqrt().recip());
    check(".class_embed.", "weight", 64.0_f64.sqrt().recip());
    check(".bbox_embed.", "layers.0.weight", 64.0_f64.sqrt().recip());
    check(".bbox_embed.", "layers.1.bias", 64.0_f64.sqrt().recip());
    check("detr.mask_head.", "lay3.weight", (3.0 / (9.0 * 64.0_f64)).sqrt());
    check("detr.mask_head.", "lay2.weight", (3.0 / (9.0 * 16.0_f64)).sqrt());
}

#[test]
fn embeddings_and_kernels_have_their_deviations() {
    let tensors = initialized(4);
    let check = |name: &str, expected: f64| {
        let values = get(&tensors, name);
        let count = values.numel() as f64;
        let deviation = values.square().mean(Kind::Double).sqrt().double_value(&[]);
        assert!(
            (deviation / expected - 1.0).abs() < 6.0 / (2.0 * count).sqrt(),
            "{name}: {deviation} for {expected}"
        );
    };
    check("detr.detr.query_embed.weight", 1.0);
    check("detr.detr.transformer.level_embed", 1.0);
    let backbone = "detr.detr.backbone.0.backbone";
    check(&format!("{backbone}.stem.conv1.weight"), (2.0 / (8.0 * 49.0_f64)).sqrt());
    check(&format!("{backbone}.res5.0.conv1.weight"), (2.0 / 32.0_f64).sqrt());
    check(&format!("{backbone}.res5.0.conv2.weight"), (2.0 / (32.0 * 9.0_f64)).sqrt());
    check(&format!("{backbone}.res5.0.shortcut.weight"), (2.0 / 128.0_f64).sqrt());
}

#[test]
fn norms_begin_as_the_identity_and_other_biases_as_zero() {
    let tensors = initialized(5);
    let check = |part: &str, end: &str, expected: f64| {
        for tensor in matching(&tensors, part, end) {
            let off = (&tensor.tensor - expected).abs().max().double_value(&[]);
            assert_eq!(off, 0.0, "{}", tensor.name);
        }
    };
    for norm in ["norm1", "norm2_box", "norm3"] {
        check(".decoder.", &format!("{norm}.weight"), 1.0);
        check(".decoder.", &format!("{norm}.bias"), 0.0);
    }
    check(".input_proj.", "1.weight", 1.0);
    check(".input_proj.", "bias", 0.0);
    check("detr.controller.", "bias", 0.0);
    check("detr.mask_head.", "bias", 0.0);
    check("", "reference_points.bias", 0.0);
    check(".decoder.", "in_proj_bias", 0.0);
    check(".layers.", "value_proj.bias", 0.0);
    check(".backbone.", "norm.weight", 1.0);
    check(".backbone.", "running_mean", 0.0);
    check(".backbone.", "norm.bias", 0.0);
    // Divided by the root of the variance and its epsilon, this is no change at all.
    for tensor in matching(&tensors, ".backbone.", "running_var") {
        assert!(
            (&tensor.tensor + 1e-5 - 1.0).abs().max().double_value(&[]) < 1e-7,
            "{}",
            tensor.name
        );
    }
}

#[test]
fn a_stranger_has_no_rule() {
    let vs = nn::VarStore::new(Device::Cpu);
    let _weight = (&vs.root() / "detr" / "neck").zeros("weight", &[3, 3]);
    let message = initialize(&vs, &tiny()).unwrap_err().to_string();
    assert!(message.contains("detr.neck.weight"), "{message}");
}
