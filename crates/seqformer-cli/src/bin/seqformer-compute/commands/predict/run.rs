//! Processes videos one after the other: prediction, overlays and files.

mod finish;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use seqformer::inference::Detection;
use seqformer_engine::{Predictor, Progress, TrackedFrame, VideoPrediction};
use seqformer_video::{FfmpegLocation, Fonts, Frames, VideoError};

use super::ahead::{ReadAhead, Reading};
use super::frames::FrameLines;
use super::inputs::Input;
use super::overlay::{OverlayFiles, OverlayOptions, Shown};
use super::plan::Plan;
use super::record::{State, VideoFacts};
use super::save::Saving;
use super::stages::Stages;
use super::store::Store;
use super::summary::{FailedInput, FinishedVideo, Summary};
use super::tracks::Track;
use super::{results, tracks};
use crate::class_names::Class;
use crate::output;

/// What is written, and where.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) folder: PathBuf,
    /// Results below this score are omitted.
    pub(crate) score_threshold: Option<f64>,
    /// What is drawn; `None` for no overlays.
    pub(crate) overlay: Option<OverlayOptions>,
    /// What is saved as files of other tools.
    pub(crate) saving: Saving,
}

/// What all videos of one run share.
pub(crate) struct Run<'a> {
    pub(crate) output: Output,
    pub(crate) classes: Vec<Class>,
    /// For labels.
    pub(crate) fonts: &'a Fonts,
    pub(crate) predictor: &'a Predictor,
    pub(crate) ffmpeg: FfmpegLocation,
    pub(crate) summary: Summary,
    pub(crate) store: Store,
    /// Set when the user asks to stop.
    pub(crate) stop: &'a Arc<AtomicBool>,
}

/// The objects found in a video, before its overlay is drawn.
struct Found {
    shown: Shown,
    prediction: VideoPrediction,
    tracks: Vec<Track>,
    num_results: usize,
    secs: f64,
}

impl Run<'_> {
    /// Processes all inputs. A failing input does not stop the others, and what an earlier run finished is kept.
    /// Returns whether the user asked to stop.
    pub(super) fn all(&mut self, plan: &mut Plan) -> Result<bool> {
        // Inputs that could not be opened, too; those that failed in an earlier run are tried again.
        let tried: Vec<u64> = plan.inputs.iter().map(|(video_id, _)| *video_id).collect();
        for entry in plan.record.videos.iter().filter(|entry| !tried.contains(&entry.video_id)) {
            if let Some(error) = &entry.error {
                let input = PathBuf::from(&entry.input);
                self.summary.failed.push(FailedInput { input, error: error.clone() });
            }
        }
        let inputs = std::mem::take(&mut plan.inputs);
        std::thread::scope(|scope| self.each(&inputs, ReadAhead::new(scope), plan))
    }

    fn each<'env>(
        &mut self,
        inputs: &'env [(u64, Input)],
        mut ahead: ReadAhead<'_, 'env>,
        plan: &mut Plan,
    ) -> Result<bool> {
        for (index, &(video_id, ref input)) in inputs.iter().enumerate() {
            if self.is_stopped() {
                self.clear_up(plan)?;
                return Ok(true);
            }
            let record = &mut plan.record;
            let complete = record.entry(video_id).and_then(|e| e.complete(&self.output.folder));
            if let Some(facts) = complete {
                let tracks = self.store.tracks_of(video_id)?;
                self.summary.add(FinishedVideo::kept(&input.name, video_id, facts, tracks));
                continue;
            }
            // Frames that wait are not part of the plan for a limit.
            if self.predictor.options().max_memory.is_none() {
                let next = inputs[index + 1..].iter().filter(|(video_id, input)| {
                    let mut entries = plan.record.videos.iter();
                    let entry = entries.find(|entry| entry.video_id == *video_id);
                    let is_complete = entry.and_then(|e| e.complete(&self.output.folder)).is_some();
                    input.source.can_restart() && !is_complete
                });
                ahead.begin(next.map(|(video_id, input)| (*video_id, &input.source)));
            }
            let done = self.one(input, video_id, &mut ahead, plan);
            if self.is_stopped() && done.is_err() {
                self.clear_up(plan)?;
                return Ok(true);
            }
            match done {
                Ok(video) => self.summary.add(video),
                Err(error) => {
                    output::error(&error);
                    let error = output::describe(&error);
                    if let Some(entry) = plan.record.entry(video_id) {
                        // Results stay, even if the overlay cannot be drawn.
                        if entry.video.is_none() {
                            entry.state = State::Failed;
                        }
                        entry.error = Some(error.clone());
                    }
                    plan.record.write(&self.output.folder)?;
                    let input = input.source.path().to_path_buf();
                    self.summary.failed.push(FailedInput { input, error });
                }
            }
        }
        self.clear_up(plan)?;
        Ok(false)
    }

    /// Names the files that have results; a run without results leaves nothing behind.
    fn clear_up(&mut self, plan: &Plan) -> Result<()> {
        if plan.record.has_results() {
            self.summary.has_files(&self.store);
            return Ok(());
        }
        let path = super::record::Record::path(&self.output.folder);
        std::fs::remove_file(&path)
            .with_context(|| format!("{}: cannot be removed", path.display()))
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Processes one input and records its state.
    fn one(
        &mut self,
        input: &Input,
        video_id: u64,
        ahead: &mut ReadAhead<'_, '_>,
        plan: &mut Plan,
    ) -> Result<FinishedVideo> {
        let open = || ahead.frames(video_id, &input.source);
        let found = self.find(input, video_id, open, &mut |_progress| {})?;
        let facts = VideoFacts {
            frames: found.prediction.num_frames,
            height: found.prediction.size.height,
            width: found.prediction.size.width,
            results: found.num_results,
            tracks: found.tracks.len(),
            overlay: None,
            saved: Vec::new(),
        };
        let folder = self.output.folder.clone();
        let mut note = |state: State, overlay: Option<OverlayFiles>, saved: Vec<PathBuf>| {
            if let Some(entry) = plan.record.entry(video_id) {
                entry.state = state;
                entry.error = None;
                entry.video = Some(VideoFacts { overlay, saved, ..facts.clone() });
            }
            plan.record.write(&folder)
        };
        note(State::Found, None, Vec::new())?;
        let video = self.finish(input, video_id, found)?;
        let saved = video.saved.iter().filter_map(|path| path.file_name().map(PathBuf::from));
        note(State::Done, video.overlay.as_ref().map(OverlayFiles::names), saved.collect())?;
        Ok(video)
    }

    /// Predicts one video and writes all of its files, calling `progress` meanwhile.
    pub(crate) fn video(
        &mut self,
        input: &Input,
        video_id: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<FinishedVideo> {
        let open = || input.source.frames().map(Reading::Here);
        let found = self.find(input, video_id, open, progress)?;
        self.finish(input, video_id, found)
    }

    /// Finds the objects of a video and adds them to the files.
    fn find(
        &mut self,
        input: &Input,
        video_id: u64,
        open: impl FnOnce() -> Result<Reading<Frames>, VideoError>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Found> {
        let start = Instant::now();
        let (prediction, shown) = self.predict(input, video_id, open()?, progress)?;
        let secs = start.elapsed().as_secs_f64();
        let threshold = self.output.score_threshold;
        let tracks = tracks::from_prediction(&prediction, &self.classes, threshold, shown.times());
        let keep =
            |found: &&Detection| threshold.is_none_or(|threshold| found.score > threshold as f32);
        let row = |found: &Detection| results::row(video_id, found, &prediction, &self.classes);
        let rows = prediction.detections.iter().filter(keep).map(row);
        let rows = rows.collect::<Result<Vec<String>>>()?;
        let mut lines = Vec::new();
        for track in &tracks {
            track.write_line(&mut lines, &input.name, video_id)?;
        }
        // Before the overlay, so that a full disk or a failing encoder does not cost the results.
        self.store.add(video_id, &rows, &lines)?;
        Ok(Found { prediction, shown, tracks, num_results: rows.len(), secs })
    }

    fn predict(
        &self,
        input: &Input,
        video_id: u64,
        mut frames: Reading<Frames>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(VideoPrediction, Shown)> {
        // Frames are read on a different thread than the one that writes their lines.
        let times = Mutex::new(Vec::new());
        let images = std::iter::from_fn(|| {
            let frame = frames.next()?;
            let time = frame.as_ref().ok().and_then(|frame| frame.time);
            times.lock().unwrap_or_else(PoisonError::into_inner).push(time);
            Some(frame.map(|frame| frame.image).map_err(Into::into))
        });
        let mut stages = Stages::new(&input.name, input.source.frame_count_hint());
        let progress = &mut |reached| {
            progress(reached);
            stages.set(reached);
        };
        let found = match self.predictor.options().clips {
            None => self.predictor.predict(images, progress),
            Some(mut clips) => {
                if !input.source.can_restart() {
                    // Live consumers should not have to wait for the next frames.
                    clips.live = true;
                }
                let path = self.output.folder.join(format!("{}.frames.jsonl", input.stem));
                let mut lines = FrameLines::new(&path, &input.name, video_id, &self.classes);
                let time_of = |index: usize| {
                    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
                    times.get(index).copied().flatten()
                };
                let write = &mut |frame: &TrackedFrame| lines.write(frame, time_of(frame.frame));
                self.predictor.track(images, clips, write, progress)
            }
        };
        stages.finish();
        let found = found.with_context(|| input.source.path().display().to_string())?;
        let frames = frames.into_ended().context("the frames were not read to their end")?;
        for note in frames.notes() {
            tracing::warn!("{note}");
        }
        Ok((found, Shown::of(&frames)))
    }
}
