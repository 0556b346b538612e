//! `seqformer predict`: videos in; results, tracks and pictures out.

mod frames;
mod overlay;
mod results;
mod summary;
mod tracks;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use seqformer::inference::Detection;
use seqformer_config::Config;
use seqformer_engine::{
    ClipOptions, Predictor, PredictorOptions, Progress, VideoPrediction, open_device,
    own_categories,
};
use seqformer_video::{FfmpegLocation, FrameSource};

use crate::args::PredictArgs;
use crate::class_names::{self, Class};
use crate::progress::Stage;
use crate::settings::{Settings, split_inputs};
use crate::{files, output};
use frames::FrameLines;
use overlay::Overlay;
use summary::{FailedInput, FinishedVideo, Summary};
use tracks::Track;

/// One input with the name that its files get.
struct Input {
    source: FrameSource,
    name: String,
}

/// Runs the command.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let (inputs, pairs) = split_inputs(&args.inputs)?;
    let settings = Settings::load(&args.config_file, pairs)?;
    let config = &settings.config;
    let num_classes = usize::try_from(config.model.seqformer.num_classes)?;
    let known = known_classes(args, config, num_classes)?;
    let ffmpeg = FfmpegLocation::find(args.ffmpeg.as_deref());
    let inputs = open_inputs(inputs, &ffmpeg)?;
    let weights = weights_path(args, &settings)?;
    let device = open_device(settings.device(args.device)?)?;
    let predictor = Predictor::new(config, &weights, options(args, &settings), device)?;
    let classes =
        known.unwrap_or_else(|| class_names::of_weights(predictor.class_names(), num_classes));
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("{}: cannot be made", args.output.display()))?;
    let mut run = Run { args, classes, predictor, ffmpeg, summary: Summary::new(&weights, device) };
    run.all(&inputs)?;
    run.summary.print(args.json)?;
    match run.summary.failed.len() {
        0 => Ok(()),
        failed => bail!("{failed} of {} inputs failed", inputs.len()),
    }
}

/// The classes that the command line or the datasets of the configuration name.
fn known_classes(
    args: &PredictArgs,
    config: &Config,
    num_classes: usize,
) -> Result<Option<Vec<Class>>> {
    if let Some(path) = &args.classes {
        return class_names::read(path, num_classes).map(Some);
    }
    let own = own_categories(config)?.filter(|own| own.len() == num_classes);
    let own = own.map(|own| class_names::of_categories(&own));
    let names = config.datasets.test.iter().chain(&config.datasets.train);
    Ok(own.or_else(|| class_names::of_datasets(names, num_classes)))
}

/// Opens all inputs before the network is built, so that a wrong name is found at once.
fn open_inputs(paths: &[String], ffmpeg: &FfmpegLocation) -> Result<Vec<Input>> {
    let mut names = BTreeSet::new();
    let mut inputs = Vec::new();
    for path in paths {
        let source = FrameSource::open(Path::new(path), ffmpeg)?;
        for note in source.notes() {
            tracing::warn!("{note}");
        }
        let plain = source.name();
        let numbered = (2..).map(|number| format!("{plain}_{number}"));
        let name =
            std::iter::once(plain.clone()).chain(numbered).find(|name| !names.contains(name));
        let name = name.unwrap_or(plain);
        names.insert(name.clone());
        inputs.push(Input { source, name });
    }
    Ok(inputs)
}

fn weights_path(args: &PredictArgs, settings: &Settings) -> Result<PathBuf> {
    if let Some(path) = &args.weights {
        return Ok(path.clone());
    }
    let path = &settings.config.model.weights;
    if path.is_empty() {
        bail!("there are no weights: give --weights FILE, or MODEL.WEIGHTS in the configuration");
    }
    Ok(PathBuf::from(path))
}

fn options(args: &PredictArgs, settings: &Settings) -> PredictorOptions {
    let mut options = PredictorOptions::from_config(&settings.config);
    options.rule.max_queries = i64::from(args.max_tracks);
    if let (Some(threshold), Some(class_threshold)) =
        (args.score_threshold, &mut options.rule.class_threshold)
    {
        *class_threshold = threshold;
    }
    if args.clip_length.is_some() || args.clip_stride.is_some() {
        let section = &settings.config.model.seqformer;
        let or = |asked: Option<u32>, set: usize| asked.map_or(set, |frames| frames as usize);
        options.clips = Some(ClipOptions::new(
            or(args.clip_length, section.clip_length),
            or(args.clip_stride, section.clip_stride),
        ));
    }
    options
}

/// Everything that the videos of one run have in common.
struct Run<'a> {
    args: &'a PredictArgs,
    classes: Vec<Class>,
    predictor: Predictor,
    ffmpeg: FfmpegLocation,
    summary: Summary,
}

impl Run<'_> {
    /// Goes through all inputs; one that fails does not stop the others.
    fn all(&mut self, inputs: &[Input]) -> Result<()> {
        for (index, input) in inputs.iter().enumerate() {
            let video_id = index as u64 + 1;
            let video = match self.video(input, video_id) {
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
        Ok(())
    }

    fn video(&mut self, input: &Input, video_id: u64) -> Result<FinishedVideo> {
        let start = Instant::now();
        let found = self.predict(input, video_id)?;
        let secs = start.elapsed().as_secs_f64();
        let tracks = tracks::from_prediction(&found, &self.classes, self.args.score_threshold);
        let overlay = if self.args.no_overlay || !input.source.can_restart() {
            None
        } else {
            let drawn: Vec<&Track> = tracks
                .iter()
                .filter(|track| f64::from(track.score) > self.args.overlay_threshold)
                .collect();
            let overlay =
                Overlay { output: &self.args.output, ffmpeg: &self.ffmpeg, tracks: &drawn };
            Some(overlay.draw(&input.source, &input.name, &found)?)
        };
        let keep =
            |score: f32| self.args.score_threshold.is_none_or(|threshold| score > threshold as f32);
        let detections: Vec<&Detection> =
            found.detections.iter().filter(|found| keep(found.score)).collect();
        self.write(input, video_id, &found, &detections, &tracks)?;
        Ok(FinishedVideo {
            name: input.name.clone(),
            video_id,
            frames: found.num_frames,
            height: found.size.height,
            width: found.size.width,
            results: detections.len(),
            secs,
            overlay,
            tracks,
        })
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
        let path = self.args.output.join("results.json");
        let earlier = self.summary.results.is_some();
        let earlier_rows = earlier && self.summary.videos.iter().any(|video| video.results > 0);
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
        let path = self.args.output.join("tracks.jsonl");
        files::replace(&path, |to| {
            if earlier {
                files::copy_start(&path, 0, to)?;
            }
            tracks.iter().try_for_each(|track| track.write_line(to, &input.name, video_id))
        })?;
        self.summary.tracks = Some(path);
        Ok(())
    }

    fn predict(&self, input: &Input, video_id: u64) -> Result<VideoPrediction> {
        let mut frames = input.source.frames()?;
        let images = std::iter::from_fn(|| {
            let frame = frames.next()?;
            Some(frame.map(|frame| frame.image).map_err(Into::into))
        });
        let mut stages = Stages::new(&input.name, input.source.frame_count_hint());
        let progress = &mut |progress| stages.set(progress);
        let found = match self.predictor.options().clips {
            None => self.predictor.predict(images, progress),
            Some(mut clips) => {
                if !input.source.can_restart() {
                    // Whoever shows frames as they come does not want to wait for the next ones.
                    clips.frames_at_once = 1;
                }
                let path = self.args.output.join(format!("{}.frames.jsonl", input.name));
                let mut lines = FrameLines::new(&path, &input.name, video_id, &self.classes);
                self.predictor.track(images, clips, &mut |frame| lines.write(frame), progress)
            }
        };
        stages.finish();
        let found = found.with_context(|| input.source.path().display().to_string())?;
        for note in frames.notes() {
            tracing::warn!("{note}");
        }
        Ok(found)
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
