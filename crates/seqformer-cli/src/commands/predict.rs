//! `seqformer predict`: videos in; results, tracks and pictures out.

mod frames;
mod overlay;
mod results;
mod run;
mod summary;
mod tracks;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seqformer_config::Config;
use seqformer_engine::{
    ClipOptions, Device, Predictor, PredictorOptions, open_device, own_categories,
};
use seqformer_video::{FfmpegLocation, FrameSource};

use crate::args::PredictArgs;
use crate::class_names::{self, Class};
use crate::settings::{Settings, split_inputs};
pub(crate) use run::{Input, Output, Run};
pub(crate) use summary::Summary;

/// Runs the command.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let (inputs, pairs) = split_inputs(&args.inputs)?;
    let settings = Settings::load(&args.config_file, pairs)?;
    let config = &settings.config;
    let num_classes = usize::try_from(config.model.seqformer.num_classes)?;
    let known = known_classes(args, config, num_classes)?;
    let ffmpeg = args.compute.ffmpeg(FfmpegLocation::find(args.ffmpeg.as_deref()));
    let inputs = open_inputs(inputs, &ffmpeg)?;
    let weights = weights_path(args, &settings)?;
    let device = open_device(settings.device(args.device)?)?;
    args.compute.start();
    let predictor = Predictor::new(config, &weights, options(args, &settings, device)?, device)?;
    let classes =
        known.unwrap_or_else(|| class_names::of_weights(predictor.class_names(), num_classes));
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("{}: cannot be made", args.output.display()))?;
    let mut run = Run {
        output: Output {
            folder: args.output.clone(),
            score_threshold: args.score_threshold,
            overlay_threshold: (!args.no_overlay).then_some(args.overlay_threshold),
        },
        classes,
        predictor: &predictor,
        ffmpeg,
        summary: Summary::new(&weights, device),
    };
    run.all(&inputs);
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

fn options(args: &PredictArgs, settings: &Settings, device: Device) -> Result<PredictorOptions> {
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
    args.compute.apply(&mut options, device)?;
    Ok(options)
}
