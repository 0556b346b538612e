//! A model over a dataset: results as they come, and AP where there are annotations.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `YTVISEvaluator`.

mod predictions;
mod scoring;
mod shared_out;
mod timed;

use std::path::{Path, PathBuf};

use seqformer_annotations::Ids;
use seqformer_data::{
    AnnotatedVideos, Categories, DatasetKind, DatasetSource, VideoRecord, read_image_logged,
};
use seqformer_distributed::TaskQueue;
use seqformer_evaluation::{CocoResultsWriter, IouKind, Report, ResultsWriter};
use seqformer_logs::InferenceTime;

use crate::agreement::agree;
use crate::{Communicator, EngineError, Predictor, VideoPrediction};
use scoring::score;
use shared_out::{FoundDetection, FoundTrack, Job, Writer as _, run_shared};

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
    /// The results as PyTorch reads them.
    pub predictions: PathBuf,
    /// Time that this process took for its part; `None` if nothing was left to do.
    pub time: Option<InferenceTime>,
}

impl Evaluated {
    /// The scores of each task, in detectron2's order: boxes, then masks.
    pub fn reports(&self) -> impl Iterator<Item = (IouKind, &Report)> {
        let boxes = self.box_report.as_ref().map(|report| (IouKind::Box, report));
        boxes.into_iter().chain(self.report.as_ref().map(|report| (IouKind::Mask, report)))
    }

    /// The lines with times and scores of dataset `name` that detectron2 prints and scripts search for.
    ///
    /// Reference: detectron2 `engine/defaults.py`, `DefaultTrainer.test`.
    pub fn detectron2_lines(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.time.iter().map(ToString::to_string).collect();
        if self.reports().next().is_some() {
            lines.push(format!("Evaluation results for {name} in csv format:"));
        }
        lines.extend(self.reports().flat_map(|(task, report)| report.copypaste(task.task())));
        lines
    }
}

/// The results file of a dataset, and the time it took.
struct Written {
    results: PathBuf,
    time: Option<InferenceTime>,
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
/// A run that was stopped goes on after the last finished video, if the output says so. Several processes share
/// the videos out among them; the first of them writes and scores, and only it returns what was evaluated.
///
/// # Errors
///
/// If the dataset, a frame or the output cannot be used, the network has more classes than the dataset, or
/// another process is gone.
pub fn evaluate(
    (predictor, communicator): (&Predictor, &Communicator),
    dataset: &DatasetSource,
    output: EvaluationOutput<'_>,
    progress: &mut dyn FnMut(EvaluationProgress),
) -> Result<Option<Evaluated>, EngineError> {
    let records = agree(communicator, start(dataset, output, communicator.is_leader()))?;
    let queue = communicator.queue();
    let evaluated =
        evaluate_records((predictor, communicator, &queue), dataset, records, output, progress);
    // Whatever went wrong with the evaluation, the processes part in order.
    match &evaluated {
        Err(error) if error.is_of_processes() => {}
        _ if communicator.is_leader() => queue.close("scored")?,
        _ => drop(queue.wait_for_end()?),
    }
    evaluated
}

/// Makes the folder, and reads the dataset.
fn start(
    dataset: &DatasetSource,
    output: EvaluationOutput<'_>,
    is_leader: bool,
) -> Result<AnnotatedVideos, EngineError> {
    if is_leader {
        std::fs::create_dir_all(output.folder).map_err(|source| EngineError::Unwritable {
            path: output.folder.to_path_buf(),
            source,
        })?;
    }
    Ok(dataset.read()?)
}

fn evaluate_records(
    (predictor, communicator, queue): (&Predictor, &Communicator, &TaskQueue<'_>),
    dataset: &DatasetSource,
    records: AnnotatedVideos,
    output: EvaluationOutput<'_>,
    progress: &mut dyn FnMut(EvaluationProgress),
) -> Result<Option<Evaluated>, EngineError> {
    let ids = (&records.video_ids, &records.category_ids);
    let categories = &records.categories;
    let written = if dataset.kind == DatasetKind::Coco {
        let job = Images { predictor, records: &records.videos, categories };
        write_results(&job, ids, (communicator, queue), output, progress)?
    } else {
        let mut videos: Vec<&VideoRecord> = records.videos.iter().collect();
        videos.sort_by_key(|video| video.id);
        let job = Videos { predictor, communicator, records: videos, categories };
        write_results(&job, ids, (communicator, queue), output, progress)?
    };
    written.map(|written| score(dataset, &records, written)).transpose()
}

/// Completes a job, and returns the results in the process that wrote them.
///
/// Results have the ids that the dataset has, for videos or images and for categories.
fn write_results<J: Job>(
    job: &J,
    dataset_ids: (&Ids, &Ids),
    (communicator, queue): (&Communicator, &TaskQueue<'_>),
    output: EvaluationOutput<'_>,
    progress: &mut dyn FnMut(EvaluationProgress),
) -> Result<Option<Written>, EngineError> {
    let ids = job.ids();
    let start = || J::Writer::start(output, &ids, dataset_ids);
    let mut writer = agree(communicator, communicator.is_leader().then(start).transpose())?;
    let is_left =
        |task: &usize| writer.as_ref().is_none_or(|writer| !writer.has_finished(ids[*task]));
    let todo = (0..ids.len()).filter(is_left).collect();
    let time = run_shared(job, todo, (communicator, queue), &mut |task, found| {
        let Some(writer) = &mut writer else { return Ok(()) };
        let videos = writer.add(ids[task], found)?;
        progress(EvaluationProgress { videos, total: ids.len() });
        Ok(())
    })?;
    writer.map(|writer| Ok(Written { results: writer.end()?, time })).transpose()
}

/// The videos of a dataset, one task each.
struct Videos<'a> {
    predictor: &'a Predictor,
    communicator: &'a Communicator,
    records: Vec<&'a VideoRecord>,
    categories: &'a Categories,
}

impl Job for Videos<'_> {
    type Found = FoundTrack;
    type Writer = ResultsWriter;

    fn ids(&self) -> Vec<i64> {
        self.records.iter().map(|video| video.id as i64).collect()
    }

    fn cost(&self, task: usize) -> u64 {
        let video = self.records[task];
        video.frames.len() as u64 * u64::from(video.size.height) * u64::from(video.size.width)
    }

    fn infer(&self, task: usize) -> Result<Vec<Self::Found>, EngineError> {
        let video = self.records[task];
        let found = predict(self.predictor, video, &mut || self.communicator.note_alive())?;
        let tracks = found.detections.iter().map(|detection| {
            Ok(FoundTrack::new(
                category_id(self.categories, detection.label)?,
                detection.score,
                found.masks.track(detection.rank),
            ))
        });
        tracks.collect()
    }
}

/// The images of a dataset, one task each.
struct Images<'a> {
    predictor: &'a Predictor,
    records: &'a [VideoRecord],
    categories: &'a Categories,
}

impl Job for Images<'_> {
    type Found = FoundDetection;
    type Writer = CocoResultsWriter;

    fn ids(&self) -> Vec<i64> {
        self.records.iter().map(|image| image.id as i64).collect()
    }

    fn cost(&self, task: usize) -> u64 {
        let size = self.records[task].size;
        u64::from(size.height) * u64::from(size.width)
    }

    fn infer(&self, task: usize) -> Result<Vec<Self::Found>, EngineError> {
        detections(self.predictor, &self.records[task], self.categories)
    }
}

/// The results of one image with the ids of the dataset.
fn detections(
    predictor: &Predictor,
    image: &VideoRecord,
    categories: &Categories,
) -> Result<Vec<FoundDetection>, EngineError> {
    let Some(path) = image.frames.first() else { return Ok(Vec::new()) };
    let frame = read_image_logged(path)?;
    if frame.size != image.size {
        let (path, expected, found) = (path.clone(), image.size, frame.size);
        return Err(EngineError::VideoSize { path, expected, found });
    }
    let found = predictor.predict_image(&frame)?;
    let results = found.detections.iter().map(|detection| {
        let mask = found.masks.track(detection.rank).next().ok_or(EngineError::NoFrames)?;
        Ok(FoundDetection::new(
            category_id(categories, detection.label)?,
            detection.score,
            found.boxes[detection.rank],
            &mask,
        ))
    });
    results.collect()
}

/// The id of a class in the dataset.
fn category_id(categories: &Categories, label: usize) -> Result<i64, EngineError> {
    let id = categories.ids().get(label).copied();
    id.map(|id| id as i64).ok_or(EngineError::Classes { label, dataset: categories.len() })
}

/// Calls `alive` while it goes on.
fn predict(
    predictor: &Predictor,
    video: &VideoRecord,
    alive: &mut dyn FnMut(),
) -> Result<VideoPrediction, EngineError> {
    let frames = video.frames.iter().map(|path| Ok(read_image_logged(path)?));
    let found = predictor.predict(frames, &mut |_progress| alive())?;
    if found.size != video.size {
        let path = video.frames.first().cloned().unwrap_or_default();
        return Err(EngineError::VideoSize { path, expected: video.size, found: found.size });
    }
    Ok(found)
}
