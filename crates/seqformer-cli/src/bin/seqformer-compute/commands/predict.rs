//! `seqformer predict`: videos in; results, tracks and overlays out.

mod ahead;
mod duplicates;
mod folder;
mod frames;
mod inputs;
mod overlay;
mod plan;
mod record;
mod results;
mod run;
mod save;
mod stages;
mod store;
mod summary;
mod tracks;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Result, bail};
use seqformer_engine::{
    ClipOptions, Device, PredictPlan, Predictor, PredictorOptions, open_device,
};
use seqformer_models::IncludedModel;
use seqformer_signals::StopSignals;
use seqformer_video::{FfmpegLocation, Fonts};

use crate::End;
use crate::args::PredictArgs;
use crate::class_names;
use crate::compute;
use crate::output;
use crate::settings::{Settings, split_inputs};
use crate::weights_source;
use folder::ResultsFolder;
pub(crate) use inputs::Input;
pub(crate) use overlay::OverlayOptions;
use plan::{Plan, digest};
pub(crate) use run::{Output, Run};
pub(crate) use save::Saving;
pub(crate) use store::Store;
pub(crate) use summary::Summary;

/// Runs the command.
pub(crate) fn run(args: &PredictArgs, signals: &StopSignals) -> Result<End> {
    // A run that waits for the next image of a pipe does not check the flag.
    let patience = args.inputs.iter().any(|input| input == "-").then_some(PATIENCE);
    run_until(args, &signals.stop_in_good_order(patience))
}

/// Time for a run to end by itself while it reads from a pipe.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs the command until it is done or `stop` is true.
pub(crate) fn run_until(args: &PredictArgs, stop: &Arc<AtomicBool>) -> Result<End> {
    let (paths, pairs) = split_inputs(&args.inputs)?;
    let mut default_model = None;
    let (settings, found) = if let Some(file) = &args.config_file {
        (Settings::load(file, pairs)?, None)
    } else {
        let (weights, default) = weights_source::locate_or_default(args.weights.as_deref(), pairs)?;
        default_model = default;
        (Settings::from_weights(&weights, pairs)?, Some(weights))
    };
    let config = &settings.config;
    let num_classes = usize::try_from(config.model.seqformer.num_classes)?;
    let known = settings.classes(args.classes.as_deref())?;
    let given_font = args.font.as_deref().map(Fonts::with_file).transpose()?;
    let fonts = given_font.as_ref().unwrap_or(Fonts::of_system());
    let saving = Saving::new(&args.save, args.save_threshold);
    let ffmpeg = compute::ffmpeg(&args.compute, FfmpegLocation::find(args.ffmpeg.as_deref()));
    let opened = inputs::open_all(paths, &ffmpeg);
    for error in opened.iter().filter_map(|input| input.source.as_ref().err()) {
        output::error(error);
    }
    if opened.iter().all(|input| input.source.is_err()) {
        bail!("no input can be used");
    }
    let weights = match found {
        Some(weights) => weights,
        None => weights_source::locate_named(args.weights.as_deref(), &config.model.weights)?,
    };
    if let Some(model) = &default_model {
        output::note(&describe_default(model));
    }
    settings.say_what_follows(&weights);
    let device = open_device(settings.device(args.device)?)?;
    compute::start(&args.compute);
    let options = options(args, &settings, device)?;
    let usable = opened.iter().find(|input| input.source.is_ok());
    let folder = ResultsFolder::open(
        args.output.as_deref(),
        usable.map_or("video", |input| input.name.as_str()),
    )?;
    let overlay = (!args.no_overlay).then_some(OverlayOptions {
        threshold: args.overlay_threshold,
        max_overlap: args.overlay_max_overlap,
        contact_sheet: args.contact_sheet,
    });
    // The memory limit and the number of threads do not affect results.
    let of_network = PredictorOptions { max_memory: None, ..options };
    let device_kind = device.is_cuda();
    let mut on_results: Vec<&dyn std::fmt::Debug> =
        vec![&of_network, &device_kind, &known, &args.score_threshold, &overlay];
    let saving_settings = saving.settings();
    on_results.extend(saving_settings.as_ref().map(|settings| settings as &dyn std::fmt::Debug));
    on_results.extend(args.font.as_ref().map(|font| font as &dyn std::fmt::Debug));
    let digest = digest(&on_results, &settings.node.dump());
    let mut plan = Plan::new(args, &folder.path, opened, (&weights, digest))?;
    let network = PredictPlan::from_config(config).with_options(options);
    let mut predictor = Predictor::new(&network, &weights, device)?;
    predictor.stop_on(Arc::clone(stop));
    let classes =
        known.unwrap_or_else(|| class_names::of_weights(predictor.class_names(), num_classes));
    let store = plan.start(args.overwrite)?;
    let mut run = Run {
        output: Output {
            folder: folder.path.clone(),
            score_threshold: args.score_threshold,
            overlay,
            saving,
        },
        classes,
        fonts,
        predictor: &predictor,
        ffmpeg,
        summary: Summary::new(&weights, device, args.json),
        store,
        stop,
    };
    let interrupted = run.all(&mut plan)?;
    run.summary.finish()?;
    if interrupted {
        output::note(&folder.how_to_resume());
        return Ok(End::Stopped);
    }
    match run.summary.failed.len() {
        0 => Ok(End::Finished),
        failed => bail!("{failed} of {} inputs failed", plan.record.videos.len()),
    }
}

/// Which model is used because none was asked for, and what it can find.
fn describe_default(model: &IncludedModel) -> String {
    let IncludedModel { name, about, .. } = model;
    let space = if about.is_empty() { "" } else { " " };
    format!(
        "no --weights: using the model {name}.{space}{about} docs/weights.md says how to get others"
    )
}

fn options(args: &PredictArgs, settings: &Settings, device: Device) -> Result<PredictorOptions> {
    let mut options = PredictorOptions::from_config(&settings.config);
    options.limit(args.max_tracks, args.score_threshold);
    if args.clip_length.is_some() || args.clip_stride.is_some() {
        let section = &settings.config.model.seqformer;
        let or = |asked: Option<u32>, set: usize| asked.map_or(set, |frames| frames as usize);
        let length = or(args.clip_length, section.clip_length);
        let stride = or(args.clip_stride, section.clip_stride);
        if stride > length {
            bail!(
                "--clip-stride: expected at most the {length} frames of a clip (--clip-length), found {stride}: \
                 frames between clips would be skipped"
            );
        }
        options.clips = Some(ClipOptions::new(length, stride));
    }
    compute::apply(&args.compute, &mut options, device)?;
    Ok(options)
}
