//! `resize`: Pillow's bilinear and nearest rules, bit by bit.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer_data::{RgbImage, resize_bilinear, resize_nearest_mask};
use seqformer_masks::{BitMask, ImageSize};
use seqformer_testing::formula_pixels;
use tch::Tensor;

use crate::arrays::{Arrays, integer, numbers, values};
use crate::report::ParityReport;

/// `resize.safetensors` of the public layout.
pub(super) fn images(path: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = Arrays::read(path)?;
    for index in (0..).take_while(|index| golden.contains(&format!("image{index}.input_hwc_u8"))) {
        let get = |name: &str| golden.get(&format!("image{index}.{name}"));
        let expected = get("output_hwc_u8")?;
        let size = size_of(&expected, 0);
        let found = resize_bilinear(&image(&get("input_hwc_u8")?), size);
        report.exact(
            &format!("image{index}.output"),
            differing(&found.pixels, &expected),
            found.pixels.len(),
        );
        let (masks, expected) = (get("mask_input_u8")?, get("mask_nearest_u8")?);
        let mut different = 0;
        for mask in 0..masks.size()[0] {
            let input = BitMask::from_bytes(size_of(&masks, 1), bytes(&masks.get(mask)))?;
            different +=
                differing(resize_nearest_mask(&input, size).as_bytes(), &expected.get(mask));
        }
        report.exact(&format!("image{index}.mask_nearest"), different, expected.numel());
    }
    Ok(())
}

/// `resize.json` of the formula layout.
pub(super) fn formula(path: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    const SEED: u64 = 31;
    let golden = seqformer_testing::read_json(path)?;
    for case in golden["cases"].as_array().context("there are no cases")? {
        let side =
            |name: &str, index: usize| Ok::<_, anyhow::Error>(integer(&case[name][index])? as u32);
        let input = ImageSize { height: side("in", 0)?, width: side("in", 1)? };
        let output = ImageSize { height: side("out", 0)?, width: side("out", 1)? };
        let pixels = formula_pixels(SEED, 3 * input.num_pixels() as usize);
        let found = resize_bilinear(&RgbImage { size: input, pixels: pixels.clone() }, output);
        let found: Vec<f64> = found.pixels.iter().map(|&byte| f64::from(byte)).collect();
        let name = format!("{input} to {output}");
        report.numbers(&format!("bilinear {name}"), &found, &numbers(&case["bilinear_hwc"])?, 0.0);
        nearest(&pixels, input, output, &numbers(&case["nearest_channel0"])?, &name, report)?;
    }
    Ok(())
}

/// Masks are resized as bits here, so every bit plane of the bytes is one mask.
fn nearest(
    pixels: &[u8],
    input: ImageSize,
    output: ImageSize,
    expected: &[f64],
    name: &str,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let mut found = vec![0.0; expected.len()];
    for bit in 0..8 {
        let plane = pixels.iter().step_by(3).map(|byte| byte >> bit & 1).collect();
        let resized = resize_nearest_mask(&BitMask::from_bytes(input, plane)?, output);
        for (value, &set) in found.iter_mut().zip(resized.as_bytes()) {
            *value += f64::from(set) * f64::from(1_u32 << bit);
        }
    }
    report.numbers(&format!("nearest {name}"), &found, expected, 0.0);
    Ok(())
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    values(tensor).into_iter().map(|value| value as u8).collect()
}

fn differing(found: &[u8], expected: &Tensor) -> usize {
    let expected = bytes(expected);
    found.len().abs_diff(expected.len())
        + found.iter().zip(&expected).filter(|(a, b)| a != b).count()
}

fn size_of(tensor: &Tensor, first: usize) -> ImageSize {
    ImageSize { height: tensor.size()[first] as u32, width: tensor.size()[first + 1] as u32 }
}

fn image(tensor: &Tensor) -> RgbImage {
    RgbImage { size: size_of(tensor, 0), pixels: bytes(tensor) }
}
