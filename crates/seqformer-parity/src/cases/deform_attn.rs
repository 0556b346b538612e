//! `msda_*`: multi-scale deformable attention alone, forward and backward.

use std::path::Path;

use anyhow::Result;
use seqformer_ops::{FeatureLevels, LevelSize, ms_deform_attn, reference};
use tch::Tensor;

use crate::arrays::{Arrays, max_abs, values};
use crate::report::ParityReport;

pub(super) fn run(path: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = Arrays::read(path)?;
    let shapes = values(&golden.get("spatial_shapes")?);
    let (shapes, _) = shapes.as_chunks::<2>();
    let sizes: Vec<LevelSize> = shapes
        .iter()
        .map(|&[height, width]| LevelSize { height: height as i64, width: width as i64 })
        .collect();
    let levels = FeatureLevels::new(&sizes)?;
    // The kernel, and its slow twin in plain tensor operations.
    compare("", &golden, report, |value, locations, weights| {
        Ok(ms_deform_attn(value, &levels, locations, weights)?)
    })?;
    compare("twin ", &golden, report, |value, locations, weights| {
        Ok(reference::ms_deform_attn(value, &levels, locations, weights))
    })
}

fn compare(
    prefix: &str,
    golden: &Arrays,
    report: &mut ParityReport<'_>,
    attention: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
) -> Result<()> {
    let device = report.device();
    let input = |name: &str| {
        Ok::<_, anyhow::Error>(golden.get(name)?.to_device(device).set_requires_grad(true))
    };
    let (value, locations, weights) = (input("value")?, input("locations")?, input("weights")?);
    let output = attention(&value, &locations, &weights)?;
    report.close(&format!("{prefix}output"), &output, &golden.get("output")?, 1e-6);
    let grad_output = golden.get("grad_output")?.to_device(device);
    (&output * grad_output).sum(tch::Kind::Float).backward();
    for (name, input) in
        [("grad_value", value), ("grad_locations", locations), ("grad_weights", weights)]
    {
        let expected = golden.get(name)?;
        let tolerance =
            if name == "grad_locations" { 2e-4 } else { 1e-6 + 1e-4 * max_abs(&expected) };
        report.close(&format!("{prefix}{name}"), &input.grad(), &expected, tolerance);
    }
    Ok(())
}
