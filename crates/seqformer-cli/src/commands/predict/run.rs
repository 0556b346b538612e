//! One video after the other: prediction, pictures and files.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use seqformer::inference::Detection;
use seqformer_engine::{Predictor, Progress, TrackedFrame, VideoPrediction};
use seqformer_video::{FfmpegLocation, FrameSource};

use super::frames::FrameLines;
use super::overlay::{self, Overlay, OverlayFiles, Shown};
use super::summary::{FailedInput, FinishedVideo, Summary};
use super::tracks::Track;
use super::{results, tracks};
use crate::class_names::Class;
use crate::progress::Stage;
use crate::{files, output};

/// One input with the name that its files get.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) source: FrameSource,
    pub(crate) name: String,
}

/// What is written, and where.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) folder: PathBuf,
    /// Results below this are left out.
    pub(crate) score_threshold: Option<f64>,
    /// Objects above this are drawn; none: no pictures.
    pub(crate) overlay_threshold: Option<f64>,
}

/// Everything that the videos of one run have in common.
pub(crate) struct Run<'a> {
    pub(crate) output: Output,
    pub(crate) classes: Vec<Class>,
    pub(crate) predictor: &'a Predictor,
    pub(crate) ffmpeg: FfmpegLocation,
    pub(crate) summary: Summary,
}

impl Run<'_> {
    /// Goes through all inputs; one that fails does not stop the others.
    pub(super) fn all(&mut self, inputs: &[Input]) {
        for (index, input) in inputs.iter().enumerate() {
            let video_id = index as u64 + 1;
            let video = match self.video(input, video_id, &mut |_progress| {}) {
                Ok(video) => video,
                Err(error) => {
                    output::error(&error);
                    let input = input.source.path().to_path_buf();
                    self.summary
                        .failed
                        .push(FailedInput { input, error: output::describe(&error) });
                    continue;
                }
            };
            self.summary.videos.push(video);
        }
    }

    /// Predicts one video and writes all that belongs to it; calls `progress` on the way.
    pub(crate) fn video(
        &mut self,
        input: &Input,
        video_id: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<FinishedVideo> {
        let start = Instant::now();
        let (found, shown) = self.predict(input, video_id, progress)?;
        let secs = start.elapsed().as_secs_f64();
        let threshold = self.output.score_threshold;
        let tracks = tracks::from_prediction(&found, &self.classes, threshold, shown.times());
        let keep = |score: f32| threshold.is_none_or(|threshold| score > threshold as f32);
        let detections: Vec<&Detection> =
            found.detections.iter().filter(|found| keep(found.score)).collect();
        // Before the pictures: a full disk or an encoder that fails does not cost the results.
        self.write(input, video_id, &found, &detections, &tracks)?;
        let start_overlay = Instant::now();
        let overlay = self.draw(input, &found, &tracks, &shown)?;
        let overlay_secs = start_overlay.elapsed().as_secs_f64();
        Ok(FinishedVideo {
            name: input.name.clone(),
            video_id,
            frames: found.num_frames,
            height: found.size.height,
            width: found.size.width,
            results: detections.len(),
            secs,
            overlay_secs,
            overlay,
            tracks,
        })
    }

    /// Draws the tracks over the video, if pictures are wanted and it can be read again.
    fn draw(
        &self,
        input: &Input,
        found: &VideoPrediction,
        tracks: &[Track],
        shown: &Shown,
    ) -> Result<Option<OverlayFiles>> {
        let can_restart = input.source.can_restart();
        let Some(threshold) = self.output.overlay_threshold.filter(|_| can_restart) else {
            return Ok(None);
        };
        let above = |track: &&Track| f64::from(track.score) > threshold;
        let drawn: Vec<&Track> = tracks.iter().filter(above).collect();
        if drawn.is_empty() {
            tracing::warn!(
                "{}: nothing is drawn: {}",
                input.name,
                overlay::reason(tracks, threshold)
            );
        }
        let output = &self.output.folder;
        let overlay = Overlay { output, ffmpeg: &self.ffmpeg, tracks: &drawn, shown };
        overlay.draw(&input.source, &input.name, found).map(Some)
    }

    /// Adds a video to the files, so that a later failure costs nothing that is done.
    fn write(
        &mut self,
        input: &Input,
        video_id: u64,
        found: &VideoPrediction,
        detections: &[&Detection],
        tracks: &[Track],
    ) -> Result<()> {
        let path = self.output.folder.join("results.json");
        let earlier = self.summary.results.is_some();
        let earlier_rows = self.summary.rows > 0;
        files::replace(&path, |to| {
            if earlier {
                files::copy_start(&path, 1, to)?;
            } else {
                write!(to, "[")?;
            }
            for (index, detection) in detections.iter().enumerate() {
                if index > 0 || earlier_rows {
                    write!(to, ", ")?;
                }
                results::write_row(to, video_id, detection, found, &self.classes)?;
            }
            write!(to, "]")
        })?;
        self.summary.results = Some(path);
        self.summary.rows += detections.len();
        let path = self.output.folder.join("tracks.jsonl");
        files::replace(&path, |to| {
            if earlier {
                files::copy_start(&path, 0, to)?;
            }
            tracks.iter().try_for_each(|track| track.write_line(to, &input.name, video_id))
        })?;
        self.summary.tracks = Some(path);
        Ok(())
    }

    fn predict(
        &self,
        input: &Input,
        video_id: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(VideoPrediction, Shown)> {
        let mut frames = input.source.frames()?;
        // Frames are read on another thread than their lines are written.
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
                    // Whoever shows frames as they come does not want to wait for the next ones.
                    clips.frames_at_once = 1;
                }
                let path = self.output.folder.join(format!("{}.frames.jsonl", input.name));
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
        for note in frames.notes() {
            tracing::warn!("{note}");
        }
        Ok((found, Shown::of(&frames)))
    }
}

/// What is shown while a video is being worked on.
struct Stages<'a> {
    name: &'a str,
    encoding: Option<Stage>,
    masking: Option<Stage>,
    num_frames: usize,
}

impl<'a> Stages<'a> {
    fn new(name: &'a str, total: Option<usize>) -> Self {
        let encoding = Some(Stage::new(format!("{name}: encoding"), total));
        Self { name, encoding, masking: None, num_frames: 0 }
    }

    fn set(&mut self, progress: Progress) {
        match progress {
            Progress::Encoded(done) => {
                self.num_frames = done;
                if let Some(stage) = &mut self.encoding {
                    stage.set(done);
                }
            }
            Progress::Decoded => {
                if let Some(stage) = self.encoding.take() {
                    stage.finish();
                }
                let name = format!("{}: masks", self.name);
                self.masking = Some(Stage::new(name, Some(self.num_frames)));
            }
            Progress::Masks(done) => {
                if let Some(stage) = &mut self.masking {
                    stage.set(done);
                }
            }
        }
    }

    fn finish(self) {
        for stage in [self.encoding, self.masking].into_iter().flatten() {
            stage.finish();
        }
    }
}
