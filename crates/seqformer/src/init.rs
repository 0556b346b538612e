//! Random weights for training from scratch, or for what a checkpoint lacks.
//!
//! Reference: VNext `models/deformable_transformer.py`, `_reset_parameters`; `models/deformable_detr.py`,
//! `DeformableDETR.__init__`; `models/segmentation_condInst.py`; `models/ops/modules/ms_deform_attn.py`; detectron2
//! `resnet.py`.

use tch::{Device, Kind, Tensor, nn};

use crate::ModelError;
use crate::config::{NUM_LEVELS, SeqFormerConfig};
use crate::parameters::{NamedTensor, named_tensors};

/// Initial probability of a query to be an instance.
const PRIOR_PROBABILITY: f64 = 0.01;
/// Initial bias of the first box head for the logarithms of width and height.
const FIRST_BOX_SIZE: f64 = -2.0;
/// Standard deviation of Swin's position biases.
const POSITION_BIAS_STD: f64 = 0.02;

/// How the elements of a tensor are initialized.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    /// A constant.
    Constant(f64),
    /// Uniform between minus this and this.
    Uniform(f64),
    /// Normal with this standard deviation and mean zero.
    Normal(f64),
    /// Offsets in every direction, further with every point.
    Ring,
    /// Zeros, except for the width and height of the first box head.
    FirstBoxBias,
    /// Unchanged: statistics of frozen normalization, and tables of indices.
    Keep,
}

/// Initializes all parameters of `vs`.
///
/// The values depend only on the state of libtorch's generator ([`tch::manual_seed`]): they are drawn on the CPU
/// whatever the device, in the order of [`named_tensors`]. The heads of all decoder layers start with the same values.
///
/// # Errors
///
/// If `vs` has a tensor that does not belong to this network.
pub fn initialize(vs: &nn::VarStore, config: &SeqFormerConfig) -> Result<(), ModelError> {
    let tensors = named_tensors(vs);
    for parameter in &tensors {
        let size = parameter.tensor.size();
        let rule = rule(&parameter.name, &size, fan_in_of_layer(&tensors, parameter))
            .ok_or_else(|| ModelError::Unknown { name: parameter.name.clone() })?;
        if let Some(values) = draw(rule, &size, config) {
            fill(&parameter.tensor, &values)?;
        }
    }
    share_heads(&tensors)
}

fn fill(tensor: &Tensor, values: &Tensor) -> Result<(), ModelError> {
    tch::no_grad(|| tensor.shallow_clone().f_copy_(values))?;
    Ok(())
}

/// Copies the class and box heads of the first layer to all layers, except for its bias of sizes.
fn share_heads(tensors: &[NamedTensor]) -> Result<(), ModelError> {
    for heads in ["class_embed", "bbox_embed"] {
        for target in tensors {
            let Some((prefix, rest)) = target.name.split_once(&format!("{heads}.")) else {
                continue;
            };
            let Some((layer, rest)) = rest.split_once('.') else { continue };
            if layer == "0" || rest == "layers.2.bias" {
                continue;
            }
            let first = format!("{prefix}{heads}.0.{rest}");
            if let Some(source) = tensors.iter().find(|source| source.name == first) {
                fill(&target.tensor, &source.tensor)?;
            }
        }
    }
    Ok(())
}

fn draw(rule: Rule, size: &[i64], config: &SeqFormerConfig) -> Option<Tensor> {
    let mut values = Tensor::empty(size, (Kind::Float, Device::Cpu));
    match rule {
        Rule::Constant(value) => Some(values.fill_(value)),
        Rule::Uniform(bound) => Some(values.uniform_(-bound, bound)),
        Rule::Normal(std) => Some(values.normal_(0.0, std)),
        Rule::Ring => Some(ring(config.transformer.num_heads, size[0])),
        Rule::FirstBoxBias => Some(Tensor::from_slice(&[0.0, 0.0, FIRST_BOX_SIZE, FIRST_BOX_SIZE])),
        Rule::Keep => None,
    }
}

/// Offsets of `[heads, levels, points, 2]`: each head has a direction, and each point is one step further in it.
///
/// A step reaches the edge of a square around the reference. Deformable DETR, appendix A.4.
fn ring(num_heads: i64, length: i64) -> Tensor {
    let num_points = length / (num_heads * NUM_LEVELS as i64 * 2);
    let mut offsets = Vec::with_capacity(length as usize);
    for head in 0..num_heads {
        let angle = 2.0 * std::f64::consts::PI * head as f64 / num_heads as f64;
        let (x, y) = (angle.cos(), angle.sin());
        let edge = x.abs().max(y.abs());
        for _ in 0..NUM_LEVELS {
            let steps = (1..=num_points).map(|step| step as f64 / edge);
            offsets.extend(steps.flat_map(|step| [(step * x) as f32, (step * y) as f32]));
        }
    }
    Tensor::from_slice(&offsets)
}

/// `U(-b, b)` with the variance `2 / (fan_in + fan_out)` of Glorot and Bengio.
fn xavier(size: &[i64]) -> Rule {
    Rule::Uniform((6.0 / (fan_in(size) + fan_out(size))).sqrt())
}

/// PyTorch's initialization of linear and convolutional layers, for weights and biases alike.
fn layer_default(fan_in: f64) -> Rule {
    Rule::Uniform(fan_in.sqrt().recip())
}

fn fan_in(size: &[i64]) -> f64 {
    size.iter().skip(1).product::<i64>() as f64
}

fn fan_out(size: &[i64]) -> f64 {
    size.iter().take(1).chain(size.iter().skip(2)).product::<i64>() as f64
}

/// Fan-in of a parameter's layer: a bias uses that of the weight beside it.
fn fan_in_of_layer(tensors: &[NamedTensor], parameter: &NamedTensor) -> f64 {
    let weight = parameter.name.strip_suffix("bias").map(|layer| format!("{layer}weight"));
    let weight = weight.and_then(|name| tensors.iter().find(|tensor| tensor.name == name));
    fan_in(&weight.unwrap_or(parameter).tensor.size())
}

fn rule(name: &str, size: &[i64], fan_in: f64) -> Option<Rule> {
    let parts: Vec<&str> = name.split('.').collect();
    let is_bias = name.ends_with("bias");
    match parts[..] {
        ["detr", "detr", "backbone", "0", "backbone", ref rest @ ..] => {
            backbone_rule(rest, size, fan_in)
        }
        ["detr", "detr", "transformer", ref rest @ ..] => transformer_rule(rest, size, fan_in),
        [.., "class_embed", _, "weight"] => Some(layer_default(fan_in)),
        [.., "class_embed", _, "bias"] => {
            Some(Rule::Constant(-((1.0 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY).ln()))
        }
        [.., "query_embed", "weight" | "further_groups"] => Some(Rule::Normal(1.0)),
        [.., "input_proj", _, "1", "weight"] => Some(Rule::Constant(1.0)),
        [.., "mask_head", _, "weight"] => Some(Rule::Uniform((3.0 / fan_in).sqrt())),
        [.., "input_proj", _, _, _]
        | [.., "controller", "layers", _, _]
        | [.., "mask_head", _, _] => Some(if is_bias { Rule::Constant(0.0) } else { xavier(size) }),
        _ => None,
    }
}

fn transformer_rule(parts: &[&str], size: &[i64], fan_in: f64) -> Option<Rule> {
    let zero = Some(Rule::Constant(0.0));
    match *parts {
        ["level_embed"] => Some(Rule::Normal(1.0)),
        [.., "sampling_offsets", "bias"] => Some(Rule::Ring),
        [.., "bbox_embed", "0", "layers", "2", "bias"] => Some(Rule::FirstBoxBias),
        [.., "sampling_offsets" | "attention_weights", _]
        | [.., "bbox_embed", _, "layers", "2", _] => zero,
        [.., "bbox_embed", _, "layers", _, _] => Some(layer_default(fan_in)),
        [.., norm, "weight"] if norm.starts_with("norm") => Some(Rule::Constant(1.0)),
        [.., norm, "bias"] if norm.starts_with("norm") => zero,
        [.., "in_proj_weight"] | [.., _, "weight"] if size.len() == 2 => Some(xavier(size)),
        [.., "value_proj" | "output_proj" | "out_proj" | "reference_points", "bias"]
        | [.., "in_proj_bias"] => zero,
        [.., "bias"] => Some(layer_default(fan_in)),
        _ => None,
    }
}

/// ResNet as in detectron2; Swin with PyTorch's initialization of each layer.
fn backbone_rule(parts: &[&str], size: &[i64], fan_in: f64) -> Option<Rule> {
    match *parts {
        ["stem" | "res2" | "res3" | "res4" | "res5", .., "norm", _]
        | [.., "relative_position_index"] => Some(Rule::Keep),
        ["stem" | "res2" | "res3" | "res4" | "res5", .., "weight"] => {
            Some(Rule::Normal((2.0 / fan_out(size)).sqrt()))
        }
        ["absolute_pos_embed"] | [.., "relative_position_bias_table"] => {
            Some(Rule::Normal(POSITION_BIAS_STD))
        }
        [.., norm, "weight"] if norm.starts_with("norm") => Some(Rule::Constant(1.0)),
        [.., norm, "bias"] if norm.starts_with("norm") => Some(Rule::Constant(0.0)),
        [.., "weight" | "bias"] => Some(layer_default(fan_in)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
