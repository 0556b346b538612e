//! One training step of the full-size network with weights by formula.

use std::path::Path;

use seqformer::{ClipTarget, KeepLayers, SeqFormer, mean_instances, named_tensors};
use seqformer_config::{CfgNode, Config};
use seqformer_engine::{Optimizer, builder};
use seqformer_masks::ImageSize;
use seqformer_testing::{formula_pixels, formula_weights, golden_path, read_json, summary_index};
use serde_json::Value;
use tch::{Device, Kind, Tensor, nn};

const NUM_FRAMES: i64 = 3;
const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn config() -> Config {
    let mut node = CfgNode::defaults();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/base_ytvis.yaml");
    node.merge_from_file(&file).unwrap();
    let opts =
        ["INPUT.SAMPLING_FRAME_NUM", "3", "MODEL.SeqFormer.DROPOUT", "0.0"].map(str::to_owned);
    node.merge_from_list(&opts).unwrap();
    Config::try_from(&node).unwrap()
}

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn frames(clip: &Value) -> Tensor {
    let sizes = [NUM_FRAMES, 3, integer(&clip["H"]), integer(&clip["W"])];
    let pixels = formula_pixels(
        clip["image_seed"].as_u64().unwrap(),
        sizes.iter().product::<i64>() as usize,
    );
    Tensor::from_slice(&pixels).view(sizes)
}

/// Instances are rectangles (y0, x0, y1, x1) of pixels; null on frames where they are absent.
fn target(clip: &Value) -> ClipTarget {
    let (height, width) = (integer(&clip["H"]), integer(&clip["W"]));
    let instances = clip["instances"].as_array().unwrap();
    let count = instances.len() as i64;
    let masks = Tensor::zeros([count, NUM_FRAMES, height, width], (Kind::Bool, Device::Cpu));
    let boxes = Tensor::zeros([count, NUM_FRAMES, 4], ON_CPU);
    for (i, instance) in (0..).zip(instances) {
        for (t, rectangle) in (0..).zip(instance[1].as_array().unwrap()) {
            let Some(rectangle) = rectangle.as_array() else { continue };
            let [y0, x0, y1, x1] = [0, 1, 2, 3].map(|at| integer(&rectangle[at]));
            let _filled = masks.get(i).get(t).slice(0, y0, y1, 1).slice(1, x0, x1, 1).fill_(1.0);
            let (w, h) = (width as f32, height as f32);
            let (x0, y0, x1, y1) = (x0 as f32 / w, y0 as f32 / h, x1 as f32 / w, y1 as f32 / h);
            let cxcywh = [f32::midpoint(x0, x1), f32::midpoint(y0, y1), x1 - x0, y1 - y0];
            boxes.get(i).get(t).copy_(&Tensor::from_slice(&cxcywh));
        }
    }
    let labels = instances.iter().map(|instance| integer(&instance[0])).collect();
    let size = ImageSize::from_sides(height, width).unwrap();
    ClipTarget { labels, boxes, masks, size, exhaustive: None }
}

/// Compares sampled values, the largest size and the mean of a tensor.
fn check_summary(
    name: &str,
    found: &Tensor,
    expected: &Value,
    tolerance: f64,
    off: &mut Vec<String>,
) {
    let flat = found.flatten(0, -1).to_kind(Kind::Double);
    let count = flat.numel();
    let mut check = |what: String, found: f64, expected: f64, tolerance: f64| {
        if (found - expected).abs() > tolerance || found.is_nan() {
            off.push(format!("{name}: {what}: {found:e} and {expected:e}"));
        }
    };
    for (k, value) in expected["val"].as_array().unwrap().iter().enumerate() {
        let at = summary_index(k, count);
        check(
            format!("element {at}"),
            flat.double_value(&[at as i64]),
            value.as_f64().unwrap(),
            tolerance,
        );
    }
    check(
        "absmax".to_owned(),
        flat.abs().max().double_value(&[]),
        expected["absmax"].as_f64().unwrap(),
        tolerance,
    );
    check(
        "mean".to_owned(),
        flat.mean(Kind::Double).double_value(&[]),
        expected["mean"].as_f64().unwrap(),
        tolerance,
    );
}

#[test]
fn one_step_of_the_full_size_network_agrees_with_the_reference() {
    let golden = read_json(&golden_path("formula/training.json")).unwrap();
    let config = config();
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &builder::model_config(&config)).unwrap();
    for parameter in named_tensors(&vs) {
        let values =
            Tensor::from_slice(&formula_weights(&parameter.name, &parameter.tensor.size()));
        tch::no_grad(|| parameter.tensor.shallow_clone().copy_(&values.view_as(&parameter.tensor)));
    }
    let mut optimizer = Optimizer::new(&vs, &builder::optimizer_config(&config));
    assert_eq!(optimizer.groups().len() as i64, integer(&golden["param_groups"]));
    let clips: Vec<Tensor> = golden["clips"].as_array().unwrap().iter().map(frames).collect();
    let targets: Vec<ClipTarget> = golden["clips"].as_array().unwrap().iter().map(target).collect();
    let output =
        model.forward_train(&clips, &targets, &builder::matcher(&config), KeepLayers::All).unwrap();
    let indices = |list: &Value| list.as_array().unwrap().iter().map(integer).collect::<Vec<i64>>();
    let expected = golden["matched_query_and_target_per_layer_per_clip"].as_array().unwrap();
    for (layer, expected) in output.layers.iter().zip(expected) {
        for (clip, expected) in layer.matches.iter().zip(expected.as_array().unwrap()) {
            assert_eq!(
                (&clip.queries, &clip.targets),
                (&indices(&expected[0]), &indices(&expected[1]))
            );
        }
    }
    let losses = builder::criterion(&config).forward(
        &output,
        &targets,
        mean_instances(&targets, 1, |sum| sum),
    );
    let mut off = Vec::new();
    let logged = losses.logged();
    assert_eq!(logged.len(), golden["losses"].as_object().unwrap().len());
    for (name, value) in logged {
        let (found, expected) = (value.double_value(&[]), golden["losses"][name].as_f64().unwrap());
        if (found - expected).abs() > 1e-4 * expected.abs() || found.is_nan() {
            off.push(format!("{name}: {found} and {expected}"));
        }
    }
    let gradients = optimizer.gradients(&losses.total()).unwrap();
    drop(losses);
    let names: Vec<String> = optimizer.groups().iter().map(|group| group.name.clone()).collect();
    let index = |name: &str| names.iter().position(|known| known == name).unwrap();
    for (name, expected) in golden["grads"].as_object().unwrap() {
        let tolerance = 1e-3 * expected["absmax"].as_f64().unwrap();
        let found = gradients.tensors[index(name)].as_ref().unwrap();
        check_summary(&format!("gradient of {name}"), found, expected, tolerance, &mut off);
    }
    let clipped = builder::grad_clip(&config).unwrap().apply(gradients).unwrap();
    let (norm, expected) =
        (clipped.norm.unwrap().double_value(&[]), golden["grad_norm_total"].as_f64().unwrap());
    assert!((norm / expected - 1.0).abs() < 1e-4, "norm: {norm} and {expected}");
    let before: Vec<(String, Tensor)> = golden["param_delta_after_one_step"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), optimizer.groups()[index(name)].parameter.copy()))
        .collect();
    optimizer.step(&clipped.gradients, 1.0).unwrap();
    for (name, before) in before {
        let expected = &golden["param_delta_after_one_step"][&name];
        let tolerance = if name.contains("backbone") { 1e-7 } else { 1e-6 };
        let delta = &optimizer.groups()[index(&name)].parameter - before;
        check_summary(&format!("change of {name}"), &delta, expected, tolerance, &mut off);
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
}
