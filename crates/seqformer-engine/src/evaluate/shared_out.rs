//! The tasks of an evaluation, done by one process or shared out among several.
//!
//! Every process takes the longest task that nobody has, so that all end at about the same time. What it finds goes
//! to the first process at once, which writes it.

use std::path::PathBuf;

use seqformer_annotations::Ids;
use seqformer_distributed::TaskQueue;
use seqformer_evaluation::{CocoDetection, CocoResultsWriter, ResultsWriter, TrackResult};
use seqformer_logs::InferenceTime;
use seqformer_masks::{BoxXywh, ImageSize, Rle};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::EvaluationOutput;
use super::timed::Timed;
use crate::{Communicator, EngineError};

/// Work that falls into tasks.
pub(super) trait Job {
    /// One of the things that a task finds.
    type Found: Serialize + DeserializeOwned;
    /// Where it goes.
    type Writer: Writer<Found = Self::Found>;

    /// The id of each task's video or image.
    fn ids(&self) -> Vec<i64>;

    /// How long a task takes, in any unit.
    fn cost(&self, task: usize) -> u64;

    /// Does a task.
    fn infer(&self, task: usize) -> Result<Vec<Self::Found>, EngineError>;
}

/// A results file that grows by a video or an image.
pub(super) trait Writer: Sized {
    /// What it takes.
    type Found;

    /// Begins it, or goes on with it, as the output says; `dataset_ids` are those of videos or images and of categories.
    fn start(
        output: EvaluationOutput<'_>,
        ids: &[i64],
        dataset_ids: (&Ids, &Ids),
    ) -> Result<Self, EngineError>;

    /// Whether a video or image is in it.
    fn has_finished(&self, id: i64) -> bool;

    /// Adds one; returns how many are in it now.
    fn add(&mut self, id: i64, found: Vec<Self::Found>) -> Result<usize, EngineError>;

    /// Puts the file in place.
    fn end(self) -> Result<PathBuf, EngineError>;
}

impl Writer for ResultsWriter {
    type Found = FoundTrack;

    fn start(
        output: EvaluationOutput<'_>,
        ids: &[i64],
        (part_ids, category_ids): (&Ids, &Ids),
    ) -> Result<Self, EngineError> {
        let open = if output.goes_on { Self::open } else { Self::create };
        Ok(open(&output.folder.join("results.json"), ids, output.run)?
            .with_ids(part_ids, category_ids))
    }

    fn has_finished(&self, id: i64) -> bool {
        self.is_finished(id)
    }

    fn add(&mut self, id: i64, found: Vec<FoundTrack>) -> Result<usize, EngineError> {
        let found = found.into_iter().map(|track| track.into_result(id));
        self.write_video(id, &found.collect::<Result<Vec<_>, _>>()?)?;
        Ok(self.num_finished())
    }

    fn end(self) -> Result<PathBuf, EngineError> {
        Ok(self.finish()?)
    }
}

impl Writer for CocoResultsWriter {
    type Found = FoundDetection;

    fn start(
        output: EvaluationOutput<'_>,
        ids: &[i64],
        (part_ids, category_ids): (&Ids, &Ids),
    ) -> Result<Self, EngineError> {
        let open = if output.goes_on { Self::open } else { Self::create };
        Ok(open(&output.folder.join("coco_instances_results.json"), ids, output.run)?
            .with_ids(part_ids, category_ids))
    }

    fn has_finished(&self, id: i64) -> bool {
        self.is_finished(id)
    }

    fn add(&mut self, id: i64, found: Vec<FoundDetection>) -> Result<usize, EngineError> {
        let found = found.into_iter().map(|detection| detection.into_result(id));
        self.write_image(id, &found.collect::<Result<Vec<_>, _>>()?)?;
        Ok(self.num_finished())
    }

    fn end(self) -> Result<PathBuf, EngineError> {
        Ok(self.finish()?)
    }
}

/// Does the tasks `todo` of a job; the first process's list counts, and only it is given what was found. Returns the
/// time that this process took for its part.
pub(super) fn run_shared<J: Job>(
    job: &J,
    mut todo: Vec<usize>,
    (communicator, queue): (&Communicator, &TaskQueue<'_>),
    write: &mut dyn FnMut(usize, Vec<J::Found>) -> Result<(), EngineError>,
) -> Result<Option<InferenceTime>, EngineError> {
    let mut timed = Timed::new();
    if communicator.world_size() == 1 {
        for task in todo {
            write(task, timed.time(|| job.infer(task))?)?;
        }
        return Ok(timed.finish(1));
    }
    // A stable sort: equally long ones keep their order.
    todo.sort_by_key(|&task| std::cmp::Reverse(job.cost(task)));
    let list = todo.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let list = communicator.share_text(communicator.is_leader().then_some(list))?;
    let todo: Vec<usize> = list.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let mut away = Away { taken: 0, tasks: Vec::new(), done: Vec::new() };
    // A task that fails ends nothing but this evaluation: the processes stay together, because they may have more
    // to do than that.
    let mut failed = None;
    loop {
        let number = queue.take()?;
        let Some(&task) = todo.get(number) else { break };
        if failed.is_some() {
            // Nobody else has to do it any more.
            away.done.push(number);
            continue;
        }
        communicator.note_operation("evaluating");
        let found = timed.time(|| job.infer(task));
        if communicator.is_leader() {
            failed = found.and_then(|found| write(task, found)).err();
            away.done.push(number);
            away.collect(queue, &todo, write, &mut failed)?;
        } else {
            let found: HandedIn<J::Found> = found.map_err(|error| error.describe());
            let bytes = serde_json::to_vec(&found).map_err(|error| communicator.failed(&error))?;
            queue.hand_in(number, &bytes)?;
        }
    }
    let time = timed.finish(communicator.world_size());
    communicator.note_operation("waiting for the others' results");
    if communicator.is_leader() {
        away.collect(queue, &todo, write, &mut failed)?;
        while !away.tasks.is_empty() {
            queue.pause()?;
            away.collect(queue, &todo, write, &mut failed)?;
        }
    }
    failed.map_or(Ok(time), Err)
}

/// What another process hands in for a task: what it found, or why it failed.
type HandedIn<F> = Result<Vec<F>, String>;

/// Tasks that other processes have.
struct Away {
    /// Tasks up to here are known.
    taken: usize,
    tasks: Vec<usize>,
    /// Tasks of this process that are not looked at yet.
    done: Vec<usize>,
}

impl Away {
    /// Writes what has come, unless something has `failed`.
    fn collect<F: DeserializeOwned>(
        &mut self,
        queue: &TaskQueue<'_>,
        todo: &[usize],
        write: &mut dyn FnMut(usize, Vec<F>) -> Result<(), EngineError>,
        failed: &mut Option<EngineError>,
    ) -> Result<(), EngineError> {
        let taken = queue.num_taken()?.min(todo.len());
        let done = std::mem::take(&mut self.done);
        self.tasks.extend((self.taken..taken).filter(|number| !done.contains(number)));
        self.taken = self.taken.max(taken);
        let mut rest = Vec::new();
        for number in std::mem::take(&mut self.tasks) {
            let Some(bytes) = queue.collect(number)? else {
                rest.push(number);
                continue;
            };
            let found: HandedIn<F> = parse(&bytes)?;
            if failed.is_none() {
                let written = match found {
                    Ok(found) => write(todo[number], found),
                    Err(message) => Err(EngineError::Unsupported(message)),
                };
                *failed = written.err();
            }
        }
        self.tasks = rest;
        Ok(())
    }
}

fn parse<F: DeserializeOwned>(bytes: &[u8]) -> Result<F, EngineError> {
    serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))
}

/// A mask that does not survive the way between processes.
fn broken(what: &str) -> EngineError {
    EngineError::Disagreement { rank: 0, what: format!("results of another process: {what}") }
}

/// A track as it travels between processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FoundTrack {
    category_id: i64,
    score: f32,
    /// Height and width of all masks.
    size: [u32; 2],
    masks: Vec<String>,
}

impl FoundTrack {
    pub(super) fn new(category_id: i64, score: f32, masks: impl Iterator<Item = Rle>) -> Self {
        let mut size = [0, 0];
        let masks = masks.map(|mask| {
            size = [mask.size().height, mask.size().width];
            mask.to_compressed()
        });
        let masks = masks.collect();
        Self { category_id, score, size, masks }
    }

    pub(super) fn into_result(self, video_id: i64) -> Result<TrackResult, EngineError> {
        let [height, width] = self.size;
        let size = ImageSize { height, width };
        let masks = self.masks.iter().map(|text| parse_mask(size, text).map(Some));
        Ok(TrackResult {
            video_id,
            score: self.score,
            category_id: self.category_id,
            segmentations: masks.collect::<Result<_, _>>()?,
        })
    }
}

/// A detection as it travels between processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FoundDetection {
    category_id: i64,
    score: f32,
    /// Left, top, width and height.
    bbox: [f64; 4],
    size: [u32; 2],
    mask: String,
}

impl FoundDetection {
    pub(super) fn new(category_id: i64, score: f32, bbox: BoxXywh, mask: &Rle) -> Self {
        Self {
            category_id,
            score,
            bbox: [bbox.x, bbox.y, bbox.width, bbox.height],
            size: [mask.size().height, mask.size().width],
            mask: mask.to_compressed(),
        }
    }

    pub(super) fn into_result(self, image_id: i64) -> Result<CocoDetection, EngineError> {
        let [x, y, width, height] = self.bbox;
        let bbox = BoxXywh { x, y, width, height };
        let [height, width] = self.size;
        Ok(CocoDetection {
            image_id,
            category_id: self.category_id,
            score: self.score,
            bbox,
            segmentation: parse_mask(ImageSize { height, width }, &self.mask)?,
        })
    }
}

fn parse_mask(size: ImageSize, text: &str) -> Result<Rle, EngineError> {
    Rle::parse_compressed(size, text).map_err(|error| broken(&error.to_string()))
}

#[cfg(test)]
mod tests;
