//! `swin_tiny`: a small Swin Transformer alone.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::backbone::{Backbone as _, SwinTransformer};
use seqformer::config::SwinConfig;
use seqformer::{Precision, load_state_dict};
use seqformer_testing::common_noise;
use tch::{Kind, Tensor, nn};

use crate::arrays::{Arrays, numbers};
use crate::report::ParityReport;

const MAPS: [&str; 4] = ["res2", "res3", "res4", "res5"];
/// Suggested; the reference itself is exact to 2.4e-6.
const TOLERANCE: f64 = 2e-5;
/// Gradients may be off by this share of their norm.
const GRADIENT_SHARE: f64 = 1e-5;

pub(super) fn tiny(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let config = SwinConfig {
        pretrain_image_size: 224,
        embed_dim: 16,
        depths: [2; 4],
        num_heads: [1, 2, 4, 8],
        window_size: 4,
        mlp_ratio: 4.0,
        qkv_bias: true,
        qk_scale: None,
        dropout: 0.0,
        attention_dropout: 0.0,
        drop_path: 0.0,
        absolute_position_embedding: false,
        patch_norm: true,
    };
    let variables = nn::VarStore::new(report.device());
    let network = Box::new(SwinTransformer::new(&variables.root(), &config));
    let weights = seqformer_testing::read_arrays(&folder.join("swin_tiny_weights.safetensors"))?;
    load_state_dict(&variables, &weights)?;
    let golden = Arrays::read(&folder.join("swin_tiny.safetensors"))?;
    let input = golden.get("a.input")?.to_device(report.device());
    gradients(folder, &network, &variables, &input, report)?;
    let network = network.prepare(Precision::F32);
    tch::no_grad(|| {
        for input in ["a", "b", "c"] {
            let images = golden.get(&format!("{input}.input"))?.to_device(report.device());
            let outputs = network.forward(&images);
            for (output, map) in outputs.iter().zip(MAPS) {
                let name = format!("{input}.{map}");
                report.close(&name, output, &golden.get(&name)?, TOLERANCE);
            }
        }
        Ok(())
    })
}

fn gradients(
    folder: &Path,
    network: &SwinTransformer,
    variables: &nn::VarStore,
    input: &Tensor,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let outputs = network.forward(input);
    let parts = outputs.iter().zip(MAPS).map(|(output, map)| {
        let weights = common_noise(&format!("swin_grad_{map}"), output.numel());
        let weights = Tensor::from_slice(&weights).view_as(output).to_device(output.device());
        (output * weights).sum(Kind::Float)
    });
    parts.sum::<Tensor>().backward();
    let golden = seqformer_testing::read_json(&folder.join("swin_tiny_grads.json"))?;
    let variables = variables.variables();
    for (name, entry) in golden.as_object().context("the gradients are no object")? {
        let gradient = variables.get(name).with_context(|| format!("there is no {name}"))?.grad();
        let norm = entry[0].as_f64().context("a gradient has no norm")?;
        let difference = (gradient.norm().double_value(&[]) - norm).abs();
        report.number(&format!("gradient norm {name}"), difference, GRADIENT_SHARE * norm);
        let expected = numbers(&entry[1])?;
        let flat = gradient.view([-1]);
        let found: Vec<f64> =
            (0..expected.len() as i64).map(|index| flat.double_value(&[index])).collect();
        report.numbers(&format!("gradient {name}"), &found, &expected, GRADIENT_SHARE * norm);
    }
    Ok(())
}
