//! Five optimizer steps of a tiny network.

use seqformer::{ClipTarget, KeepLayers, SeqFormer, load_state_dict, mean_instances};
use seqformer_checkpoint::StateDict;
use seqformer_config::{CfgNode, Config};
use seqformer_engine::{Optimizer, builder};
use seqformer_masks::ImageSize;
use seqformer_testing::{golden_path, read_json};
use tch::{Device, Kind, Tensor, nn};

fn tiny_config() -> Config {
    let mut node = CfgNode::defaults();
    node.merge_from_file(&golden_path("public/tiny_config.yaml")).unwrap();
    Config::try_from(&node).unwrap()
}

fn read(file: &str) -> StateDict {
    seqformer_checkpoint::read(&golden_path(file)).unwrap()
}

fn tensor(state: &StateDict, name: &str) -> Tensor {
    let array = state.get(name).unwrap_or_else(|| panic!("the golden file has {name}"));
    let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
    let numbers: Vec<f64> = array.to_f64_vec();
    Tensor::from_slice(&numbers).view(shape.as_slice())
}

fn batch() -> (Vec<Tensor>, Vec<ClipTarget>) {
    let state = read("public/tiny_train.safetensors");
    let clips =
        (0..2).map(|clip| tensor(&state, &format!("video{clip}.frames_u8")).to_kind(Kind::Float));
    let targets = (0..2).map(|clip| {
        let field = |name: &str| tensor(&state, &format!("video{clip}.target.{name}"));
        let integers = |name: &str| Vec::<i64>::try_from(field(name).to_kind(Kind::Int64)).unwrap();
        let size = integers("size");
        ClipTarget {
            labels: integers("labels"),
            boxes: field("boxes").to_kind(Kind::Float),
            masks: field("masks_u8").to_kind(Kind::Bool),
            size: ImageSize::from_sides(size[0], size[1]).unwrap(),
            exhaustive: None,
        }
    });
    (clips.collect(), targets.collect())
}

/// What the parameters should be after a step; collects what is off.
fn check_parameters(
    golden: &StateDict,
    optimizer: &Optimizer,
    step: &str,
    first8: f64,
    off: &mut Vec<String>,
) {
    for group in optimizer.groups() {
        let flat = group.parameter.flatten(0, -1).to_kind(Kind::Double);
        let head = flat.narrow(0, 0, flat.size()[0].min(8));
        let found = [
            ("sum", flat.sum(Kind::Double), 1e-3),
            ("abs_sum", flat.abs().sum(Kind::Double), 1e-3),
            ("first8", head, first8),
        ];
        for (what, found, tolerance) in found {
            let name = format!("{step}/{what}/{}", group.name);
            let difference = (found - tensor(golden, &name)).abs().max().double_value(&[]);
            if difference.is_nan() || difference > tolerance {
                off.push(format!("{name}: off by {difference:e}, at most {tolerance:e}"));
            }
        }
    }
}

#[test]
fn five_steps_give_the_parameters_of_the_reference() {
    let config = tiny_config();
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &builder::model_config(&config)).unwrap();
    load_state_dict(&vs, &read("public/tiny_model.pth")).unwrap();
    let mut optimizer = Optimizer::new(&vs, &builder::optimizer_config(&config));
    let (criterion, matcher) = (builder::criterion(&config), builder::matcher(&config));
    let clip = builder::grad_clip(&config).unwrap();
    let golden = read("public/tiny_optim.safetensors");
    let (clips, targets) = batch();
    let at = |name: &str, step: i64| tensor(&golden, name).double_value(&[step]);
    let mut off = Vec::new();
    for step in 0..5 {
        let output = model.forward_train(&clips, &targets, &matcher, KeepLayers::All).unwrap();
        let losses = criterion.forward(&output, &targets, mean_instances(&targets, 1, |sum| sum));
        let total = losses.total();
        let gradients = optimizer.gradients(&total).unwrap();
        let clipped = clip.apply(gradients).unwrap();
        let found = [
            ("total_loss", total.double_value(&[]), 1e-5),
            ("total_loss_with_class_error", (total + losses.class_error).double_value(&[]), 1e-5),
            // The reference's own rounding is 1.3e-4 of the norm.
            ("grad_norm_before_clip", clipped.norm.unwrap().double_value(&[]), 1e-3),
        ];
        for (name, found, tolerance) in found {
            let expected = at(name, step);
            if (found - expected).abs() > tolerance * expected || found.is_nan() {
                off.push(format!("{name} before step {}: {found} and {expected}", step + 1));
            }
        }
        optimizer.step(&clipped.gradients, 1.0).unwrap();
        match step {
            0 => check_parameters(&golden, &optimizer, "step1", 2e-6, &mut off),
            4 => check_parameters(&golden, &optimizer, "step5", 1e-5, &mut off),
            _ => {}
        }
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
    // What never has a gradient is never remembered.
    let unused: Vec<&str> = (0..optimizer.groups().len())
        .filter(|&index| optimizer.state(index).is_none())
        .map(|index| optimizer.groups()[index].name.as_str())
        .collect();
    assert_eq!(unused.len(), 4);
    assert!(
        unused.iter().all(|name| name.contains(".encoder.") && name.contains("output_proj_box"))
    );
}

#[test]
fn the_groups_are_those_of_the_reference() {
    let config = tiny_config();
    let vs = nn::VarStore::new(Device::Cpu);
    SeqFormer::new(&vs.root(), &builder::model_config(&config)).unwrap();
    let optimizer = Optimizer::new(&vs, &builder::optimizer_config(&config));
    let meta = read_json(&golden_path("public/tiny_optim_meta.json")).unwrap();
    let expected = meta["groups"].as_array().unwrap();
    assert_eq!(optimizer.groups().len(), expected.len());
    for (group, expected) in optimizer.groups().iter().zip(expected) {
        assert_eq!(group.name, expected["name"].as_str().unwrap());
        assert!((group.lr - expected["lr"].as_f64().unwrap()).abs() < 1e-18, "{}", group.name);
        assert_eq!(
            group.weight_decay,
            expected["weight_decay"].as_f64().unwrap(),
            "{}",
            group.name
        );
    }
}
