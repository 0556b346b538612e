//! A model over a dataset: results as they come, and AP where there are annotations.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `YTVISEvaluator`.

use std::path::{Path, PathBuf};

use seqformer_data::{Categories, DatasetKind, DatasetSource, VideoRecord, read_image};
use seqformer_evaluation::{
    CocoDetection, CocoEvaluator, CocoGroundTruth, CocoResults, CocoResultsWriter, GroundTruth,
    IouKind, Report, Results, ResultsWriter, TrackResult, YtvisEvaluator, write_archive,
};

use crate::{EngineError, Predictor, VideoPrediction};

/// What an evaluation left.
#[derive(Debug)]
pub struct Evaluated {
    /// All results in the format of the server.
    pub results: PathBuf,
    /// The same, packed as the server takes it.
    pub archive: PathBuf,
    /// Numbers of the masks, if the dataset has annotations.
    pub report: Option<Report>,
    /// Numbers of the boxes, for annotated images.
    pub box_report: Option<Report>,
}

/// How far an evaluation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationProgress {
    /// Videos or images that are done.
    pub videos: usize,
    /// Videos or images of the dataset.
    pub total: usize,
}

/// Where results go, and what they depend on.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationOutput<'a> {
    /// Folder of `results.json`, made if need be.
    pub folder: &'a Path,
    /// A line that says what the results depend on.
    pub run: &'a str,
    /// Whether an unfinished run with the same line goes on; otherwise what one has left is dropped.
    pub goes_on: bool,
}

/// Predicts all videos or images of a dataset, each written when it is done, and scores them.
///
/// A run that was stopped goes on after the last finished video, if the output says so.
///
/// # Errors
///
/// If the dataset, a frame or the output cannot be used, or the network has more classes than the dataset.
pub fn evaluate(
    predictor: &Predictor,
    dataset: &DatasetSource,
    output: EvaluationOutput<'_>,
    progress: &mut dyn FnMut(EvaluationProgress),
) -> Result<Evaluated, EngineError> {
    if dataset.kind == DatasetKind::Coco {
        return evaluate_images(predictor, dataset, output, progress);
    }
    let records = dataset.read()?;
    let mut videos: Vec<&VideoRecord> = records.videos.iter().collect();
    videos.sort_by_key(|video| video.id);
    std::fs::create_dir_all(output.folder)
        .map_err(|source| EngineError::Unwritable { path: output.folder.to_path_buf(), source })?;
    let path = output.folder.join("results.json");
    let ids: Vec<i64> = videos.iter().map(|video| video.id as i64).collect();
    let open = if output.goes_on { ResultsWriter::open } else { ResultsWriter::create };
    let mut writer = open(&path, &ids, output.run)?;
    let total = videos.len();
    for video in videos {
        if !writer.is_finished(video.id as i64) {
            let found = predict(predictor, video)?;
            writer.write_video(
                video.id as i64,
                &track_results(&found, video.id, &records.categories)?,
            )?;
        }
        progress(EvaluationProgress { videos: writer.num_finished(), total });
    }
    let results = writer.finish()?;
    let archive = output.folder.join("results.zip");
    write_archive(&results, &archive)?;
    let report = score(&dataset.json, &results)?;
    Ok(Evaluated { results, archive, report, box_report: None })
}

/// The same for single images, by masks and by boxes.
///
/// Reference: detectron2 `evaluation/coco_evaluation.py`.
fn evaluate_images(
    predictor: &Predictor,
    dataset: &DatasetSource,
    output: EvaluationOutput<'_>,
    progress: &mut dyn FnMut(EvaluationProgress),
) -> Result<Evaluated, EngineError> {
    let records = dataset.read()?;
    std::fs::create_dir_all(output.folder)
        .map_err(|source| EngineError::Unwritable { path: output.folder.to_path_buf(), source })?;
    let path = output.folder.join("coco_instances_results.json");
    let ids: Vec<i64> = records.videos.iter().map(|image| image.id as i64).collect();
    let open = if output.goes_on { CocoResultsWriter::open } else { CocoResultsWriter::create };
    let mut writer = open(&path, &ids, output.run)?;
    let total = records.videos.len();
    for image in &records.videos {
        let id = image.id as i64;
        if !writer.is_finished(id) {
            writer.write_image(id, &detections(predictor, image, &records.categories)?)?;
        }
        progress(EvaluationProgress { videos: writer.num_finished(), total });
    }
    let results = writer.finish()?;
    let archive = output.folder.join("results.zip");
    write_archive(&results, &archive)?;
    let truth = CocoGroundTruth::read(&dataset.json)?;
    let (mut report, mut box_report) = (None, None);
    if !truth.annotations().is_empty() {
        let found = CocoResults::read(&results)?;
        let evaluator = CocoEvaluator::new(&truth);
        report = Some(evaluator.evaluate(&found, IouKind::Mask)?.report());
        box_report = Some(evaluator.evaluate(&found, IouKind::Box)?.report());
    }
    Ok(Evaluated { results, archive, report, box_report })
}

/// The results of one image with the ids of the dataset.
fn detections(
    predictor: &Predictor,
    image: &VideoRecord,
    categories: &Categories,
) -> Result<Vec<CocoDetection>, EngineError> {
    let Some(path) = image.frames.first() else { return Ok(Vec::new()) };
    let frame = read_image(path)?.image;
    if frame.size != image.size {
        let (path, expected, found) = (path.clone(), image.size, frame.size);
        return Err(EngineError::VideoSize { path, expected, found });
    }
    let found = predictor.predict_image(&frame)?;
    let results = found.detections.iter().map(|detection| {
        let segmentation = found.masks.track(detection.rank).next();
        Ok(CocoDetection {
            image_id: image.id as i64,
            category_id: category_id(categories, detection.label)?,
            score: detection.score,
            bbox: found.boxes[detection.rank],
            segmentation: segmentation.ok_or(EngineError::NoFrames)?,
        })
    });
    results.collect()
}

/// The id of a class in the dataset.
fn category_id(categories: &Categories, label: usize) -> Result<i64, EngineError> {
    let id = categories.ids().get(label).copied();
    id.map(|id| id as i64).ok_or(EngineError::Classes { label, dataset: categories.len() })
}

fn predict(predictor: &Predictor, video: &VideoRecord) -> Result<VideoPrediction, EngineError> {
    let frames = video.frames.iter().map(|path| Ok(read_image(path)?.image));
    let found = predictor.predict(frames, &mut |_progress| {})?;
    if found.size != video.size {
        let path = video.frames.first().cloned().unwrap_or_default();
        return Err(EngineError::VideoSize { path, expected: video.size, found: found.size });
    }
    Ok(found)
}

/// The results of one video with the ids of the dataset.
fn track_results(
    found: &VideoPrediction,
    video_id: u64,
    categories: &Categories,
) -> Result<Vec<TrackResult>, EngineError> {
    let results = found.detections.iter().map(|detection| {
        Ok(TrackResult {
            video_id: video_id as i64,
            score: detection.score,
            category_id: category_id(categories, detection.label)?,
            segmentations: found.masks.track(detection.rank).map(Some).collect(),
        })
    });
    results.collect()
}

/// Compares results with the annotations, if there are any.
fn score(json: &Path, results: &Path) -> Result<Option<Report>, EngineError> {
    let truth = GroundTruth::read(json)?;
    if truth.tracks().is_empty() {
        return Ok(None);
    }
    let results = Results::read(results)?;
    Ok(Some(YtvisEvaluator::new(&truth).evaluate(&results)?.report()))
}
