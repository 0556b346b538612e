//! Checking a file of results of images before it is sent to a server.

use std::path::Path;

use seqformer_annotations::{BoxField, Entry, Fault, Image, is_absent, other_size};
use seqformer_masks::{BoxXywh, Rle};
use serde_json::Value;

use super::results::StoredMask;
use crate::results::CheckReport;
use crate::results::check::{Faults, Referred};
use crate::{CocoGroundTruth, EvaluationError};

/// Checks every result against the images and categories of a dataset.
///
/// The dataset needs no annotations. Few results are in memory at a time.
///
/// # Errors
///
/// A file that cannot be read, or that is not a JSON list.
pub fn check_coco_results(
    path: &Path,
    dataset: &CocoGroundTruth,
) -> Result<CheckReport, EvaluationError> {
    let has_categories = dataset.categories().len() > 0;
    let referred = Referred {
        path: dataset.path(),
        field: "image_id",
        what: "an image",
        find: &|id| dataset.image(dataset.image_ids().number(id)?),
        has_category: &|id| {
            let number = dataset.category_ids().number(id);
            !has_categories || number.and_then(|number| dataset.category(number)).is_some()
        },
    };
    referred.check(path, check_box_and_mask)
}

fn check_box_and_mask(result: &Entry, image: Option<&Image>, faults: &mut Faults) {
    let bbox = result.bbox("bbox");
    match &bbox {
        BoxField::Absent => {}
        BoxField::Given(bbox) => {
            faults.take(check_box(*bbox));
        }
        BoxField::Odd(found) => faults.push(Fault::new(
            "bbox",
            "[x, y, width, height] of finite numbers",
            found.clone(),
            "correct the box",
        )),
    }
    match result.get("segmentation").filter(|mask| !is_absent(mask)) {
        Some(mask) => {
            let checked = check_mask(mask, image);
            faults.take(checked.map_err(|fault| fault.within("segmentation")));
        }
        None if matches!(bbox, BoxField::Absent) => {
            let mend = "write one of them, or remove the result";
            faults.push(Fault::new("bbox, segmentation", "at least one of them", "none", mend));
        }
        None => {}
    }
}

fn check_box(BoxXywh { width, height, .. }: BoxXywh) -> Result<(), Fault> {
    if width < 0.0 || height < 0.0 {
        let found = format!("a width of {width} and a height of {height}");
        let mend = "write [x, y, width, height], not two corners";
        return Err(Fault::new("bbox", "a width and height of 0 or more", found, mend));
    }
    Ok(())
}

/// Checks run lengths or polygons, and that their size is that of the image, if it has one.
fn check_mask(value: &Value, image: Option<&Image>) -> Result<(), Fault> {
    let expected = image.and_then(|image| image.size);
    match StoredMask::read(value)? {
        None => Ok(()),
        Some(StoredMask::Compressed { size, counts }) => match expected {
            Some(expected) if size != expected => Err(other_size(expected, size)),
            _ => Rle::parse_compressed(size, &counts)
                .map(drop)
                .map_err(|error| Fault::of_mask(&error)),
        },
        // Without an image there is nothing to draw into.
        Some(StoredMask::Polygons(mask)) => {
            image.map_or(Ok(()), |image| mask.draw(image.size).map(drop))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::check_coco_results;
    use crate::CocoGroundTruth;

    /// Lists the faults of results of one image of 3x4 pixels.
    fn check(results: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let [gt, path] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
        let dataset = r#"{"images": [{"id": 5, "height": 3, "width": 4}], "categories": [{"id": 1, "name": "cat"}]}"#;
        fs::write(&gt, dataset).unwrap();
        fs::write(&path, results).unwrap();
        let dataset = CocoGroundTruth::read(&gt).unwrap();
        let report = check_coco_results(&path, &dataset).unwrap();
        report.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_listed() {
        let good = r#"{"image_id": 5, "category_id": 1, "score": 0.5, "bbox": [0, 0, 2, 2], "segmentation": {"size": [3, 4], "counts": "<"}}"#;
        let boxed = r#"{"image_id": 5, "category_id": 1, "score": 0.5, "bbox": [0, 0, 2, 2]}"#;
        let drawn = r#"{"image_id": 5, "category_id": 1, "score": 0.5, "segmentation": [[0, 0, 2, 0, 2, 2]]}"#;
        assert!(check(&format!("[{good}, {boxed}, {drawn}]")).is_empty());
        for (from, to, expected) in [
            (
                "\"image_id\": 5",
                "\"image_id\": 6",
                &["[1].image_id: expected an image of the dataset, found 6"][..],
            ),
            (
                "\"category_id\": 1",
                "\"category_id\": 2",
                &["[1].category_id: expected a category of the dataset, found 2"],
            ),
            ("0.5", "\"x\"", &["[1].score: expected a finite number, found"]),
            (
                "[0, 0, 2, 2]",
                "[0, 0, 2]",
                &["[1].bbox: expected [x, y, width, height] of finite numbers, found"],
            ),
            (
                "[0, 0, 2, 2]",
                "[9, 9, -2, 2]",
                &["[1].bbox: expected a width and height of 0 or more, found a width of -2"],
            ),
            ("[3, 4]", "[4, 3]", &["[1].segmentation.size: expected that of the frame, 3x4"]),
            ("\"<\"", "\"=\"", &["[1].segmentation: expected run lengths with a sum of 12"]),
            (
                "5, \"category_id\": 1",
                "7, \"category_id\": 2",
                &["[1].image_id: ", "[1].category_id: "],
            ),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from} is not there");
            let found = check(&format!("[{good}, {bad}]"));
            assert_eq!(found.len(), expected.len(), "{from} -> {to}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{from} -> {to}: {found}");
            }
        }
        let nothing = boxed.replace(", \"bbox\": [0, 0, 2, 2]", "");
        let found = check(&format!("[{nothing}, 7]"));
        assert!(
            found[0]
                .starts_with("[0].bbox, segmentation: expected at least one of them, found none"),
            "{found:?}"
        );
        assert!(found[1].starts_with("[1]: expected an object, found 7"), "{found:?}");
    }
}
