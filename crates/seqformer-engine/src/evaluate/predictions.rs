//! `instances_predictions.pth`: all results as `torch.load` reads them.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `YTVISEvaluator.evaluate`; detectron2
//! `evaluation/coco_evaluation.py`, `COCOEvaluator.evaluate`. As there, classes are numbered from 0 in the order of the
//! dataset's ids, and images without a result are listed as well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id};
use seqformer_checkpoint::{Value, write_pth};
use seqformer_data::{AnnotatedVideos, DatasetKind};
use seqformer_evaluation::EvaluationError;
use serde_json::Value as Json;

use crate::EngineError;

const NAME: &str = "instances_predictions.pth";

/// Writes the file beside the results it is made from.
///
/// # Errors
///
/// If the results cannot be read or the file cannot be written.
pub(super) fn write_predictions(
    results: &Path,
    kind: DatasetKind,
    dataset: &AnnotatedVideos,
) -> Result<PathBuf, EngineError> {
    let list = read(results, kind, dataset).map_err(EvaluationError::from)?;
    let predictions = match kind {
        DatasetKind::Coco => by_image(list, dataset),
        DatasetKind::Ytvis => list.into_iter().map(|(_, result)| result).collect(),
    };
    let path = results.with_file_name(NAME);
    write_pth(&path, &Value::List(predictions))?;
    Ok(path)
}

/// Every result with the number of its video or image.
fn read(
    results: &Path,
    kind: DatasetKind,
    dataset: &AnnotatedVideos,
) -> Result<Vec<(i64, Value)>, AnnotationError> {
    let mut file = JsonFile::open(results)?;
    let list = file.parse_list(|index, text| {
        let result = Entry::parse(text).and_then(|entry| result(entry, kind, dataset));
        result.map_err(|fault| AnnotationError::wrong(results, format!("[{index}]"), fault))
    })?;
    file.finish()?;
    Ok(list)
}

/// One result, its entries in the order of the reference.
fn result(
    mut entry: Entry,
    kind: DatasetKind,
    dataset: &AnnotatedVideos,
) -> Result<(i64, Value), Fault> {
    let part = match kind {
        DatasetKind::Ytvis => "video_id",
        DatasetKind::Coco => "image_id",
    };
    let id = entry.id(part)?;
    let number = dataset.video_ids.number(&id).unwrap_or_default();
    let label = ("category_id", Value::Int(label(&entry, dataset)?));
    let score = ("score", Value::Float(entry.number("score")?));
    let mut take = |field| python(entry.take(field).unwrap_or_default());
    let entries = match kind {
        DatasetKind::Ytvis => {
            let masks = take("segmentations");
            vec![(part, of_id(id)), score, label, ("segmentations", masks)]
        }
        DatasetKind::Coco => {
            let (bbox, mask) = (take("bbox"), take("segmentation"));
            vec![(part, of_id(id)), label, ("bbox", bbox), score, ("segmentation", mask)]
        }
    };
    Ok((number, Value::dict(entries)))
}

/// The class, numbered from 0.
fn label(entry: &Entry, dataset: &AnnotatedVideos) -> Result<i64, Fault> {
    let id = entry.id("category_id")?;
    let number = dataset.category_ids.number(&id).and_then(|number| u64::try_from(number).ok());
    let label = number.and_then(|number| dataset.categories.contiguous(number));
    label.map(|label| label as i64).ok_or_else(|| {
        let expected = "the id of a category of the dataset";
        Fault::new("category_id", expected, id.to_string(), "evaluate again")
    })
}

/// An entry for each image of the dataset, with its results.
fn by_image(list: Vec<(i64, Value)>, dataset: &AnnotatedVideos) -> Vec<Value> {
    let mut found: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for (image, result) in list {
        found.entry(image).or_default().push(result);
    }
    let images = dataset.videos.iter().map(|image| {
        let number = image.id as i64;
        let instances = Value::List(found.remove(&number).unwrap_or_default());
        Value::dict([("image_id", of_id(dataset.video_ids.id(number))), ("instances", instances)])
    });
    images.collect()
}

fn of_id(id: Id) -> Value {
    match id {
        Id::Number(number) => Value::Int(number),
        Id::Text(text) => Value::Text(text.into()),
    }
}

/// The value that Python reads from JSON. The size of a mask comes first, as pycocotools writes it.
fn python(value: Json) -> Value {
    match value {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(python).collect()),
        Json::Object(fields) => {
            let mut fields: Vec<(String, Json)> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| b.cmp(a));
            Value::dict(fields.into_iter().map(|(name, value)| (name, python(value))))
        }
    }
}
