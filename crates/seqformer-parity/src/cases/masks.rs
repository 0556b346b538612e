//! `polygon` and `masks_eval`: polygons and run-length codes, exactly.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer_masks::{BitMask, ImageSize, Polygon, Rle, mask_iou};
use seqformer_testing::unit;
use serde_json::Value;

use crate::arrays::{integer, numbers};
use crate::report::ParityReport;

/// `polygon.json` of the public layout.
pub(super) fn polygons(path: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = seqformer_testing::read_json(path)?;
    let list = |name: &str| golden[name].as_array().with_context(|| format!("there is no {name}"));
    let mut off = 0;
    for case in list("polygons")? {
        let size = size(&case["size"])?;
        let masks = rasterized(&case["polygons"], size)?;
        let merged = Rle::union(&masks)?;
        let codes: Vec<String> = masks.iter().map(Rle::to_compressed).collect();
        let areas: Vec<f64> = masks.iter().map(|mask| mask.area() as f64).collect();
        let counts: Vec<f64> = merged.counts().iter().map(|&count| f64::from(count)).collect();
        let around = merged.bounding_box();
        let same = texts(&case["rle_per_polygon"]) == codes
            && case["rle_merged"].as_str() == Some(&merged.to_compressed())
            && numbers(&case["area_per_polygon"])? == areas
            && integer(&case["area"])? as u64 == merged.area()
            && numbers(&case["uncompressed"])? == counts
            && numbers(&case["bbox_xywh"])? == [around.x, around.y, around.width, around.height];
        off += usize::from(!same);
    }
    report.exact("polygons", off, list("polygons")?.len());
    let mut off = 0;
    for case in list("uncompressed")? {
        let counts = numbers(&case["counts"])?.into_iter().map(|count| count as u32).collect();
        let mask = Rle::from_counts(size(&case["size"])?, counts)?;
        let again = Rle::encode(&mask.decode());
        let around = mask.bounding_box();
        let same = case["compressed"].as_str() == Some(&mask.to_compressed())
            && case["encode_of_mask"].as_str() == Some(&again.to_compressed())
            && integer(&case["area"])? as u64 == mask.area()
            && numbers(&case["bbox_xywh"])? == [around.x, around.y, around.width, around.height];
        off += usize::from(!same);
    }
    report.exact("uncompressed", off, list("uncompressed")?.len());
    merge(&golden["merge"], report)
}

fn merge(golden: &Value, report: &mut ParityReport<'_>) -> Result<()> {
    let size = size(&golden["size"])?;
    let masks: Vec<Rle> = texts(&golden["rles"])
        .iter()
        .map(|text| Rle::parse_compressed(size, text))
        .collect::<Result<_, _>>()?;
    let union = Rle::union(&masks)?.to_compressed();
    report.exact("union", usize::from(golden["union"].as_str() != Some(&union)), 1);
    let both = Rle::intersection(&masks[..2])?.to_compressed();
    report.exact(
        "intersection",
        usize::from(golden["intersection_first_two"].as_str() != Some(&both)),
        1,
    );
    for (name, is_crowd) in [("iou_nocrowd", false), ("iou_crowd", true)] {
        let found = mask_iou(&masks, &masks, &vec![is_crowd; masks.len()]);
        let rows = golden[name].as_array().with_context(|| format!("there is no {name}"))?;
        let expected = rows.iter().map(numbers).collect::<Result<Vec<_>>>()?.concat();
        let found: Vec<f64> = (0..masks.len()).flat_map(|row| found.row(row).to_vec()).collect();
        report.numbers(name, &found, &expected, 1e-12);
    }
    Ok(())
}

/// `masks_eval.json` of the formula layout, but for the evaluation.
pub(super) fn formula(path: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = seqformer_testing::read_json(path)?;
    let cases = golden["polygons"].as_array().context("there are no polygons")?;
    let mut off = 0;
    for case in cases {
        let size =
            ImageSize { height: integer(&case["h"])? as u32, width: integer(&case["w"])? as u32 };
        let mask = Rle::union(&rasterized(&case["polygons"], size)?)?;
        let around = mask.bounding_box();
        let same = case["rle"]["counts"].as_str() == Some(&mask.to_compressed())
            && integer(&case["area"])? as u64 == mask.area()
            && numbers(&case["bbox"])? == [around.x, around.y, around.width, around.height];
        off += usize::from(!same);
    }
    report.exact("polygons", off, cases.len());
    let random = &golden["random_mask"];
    let size_of_mask = size(&random["rle"]["size"])?;
    let pixels =
        (0..size_of_mask.num_pixels()).map(|index| u8::from(unit(99, index) > 0.6)).collect();
    let mask = Rle::encode(&BitMask::from_bytes(size_of_mask, pixels)?);
    let same = random["rle"]["counts"].as_str() == Some(&mask.to_compressed())
        && integer(&random["area"])? as u64 == mask.area();
    report.exact("random mask", usize::from(!same), 1);
    let plain = &golden["uncompressed"];
    let counts = numbers(&plain["in"]["counts"])?.into_iter().map(|count| count as u32).collect();
    let code = Rle::from_counts(size(&plain["in"]["size"])?, counts)?.to_compressed();
    report.exact("uncompressed", usize::from(plain["rle"].as_str() != Some(&code)), 1);
    Ok(())
}

fn rasterized(polygons: &Value, size: ImageSize) -> Result<Vec<Rle>> {
    let polygons = polygons.as_array().context("there are no polygons")?;
    polygons
        .iter()
        .map(|polygon| Ok(Polygon::from_xy(&numbers(polygon)?)?.rasterize(size)))
        .collect()
}

fn size(value: &Value) -> Result<ImageSize> {
    Ok(ImageSize { height: integer(&value[0])? as u32, width: integer(&value[1])? as u32 })
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}
