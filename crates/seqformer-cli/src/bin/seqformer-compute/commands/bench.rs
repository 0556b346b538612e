//! `seqformer bench`: the speed of the network and of the whole of `predict`, compared with the rates of the machine; or
//! what a training costs.

mod backbones;
mod end_to_end;
mod footage;
mod history;
mod machine;
mod model;
mod report;
mod setting;
mod speed;
mod timing;
mod training;

use std::path::PathBuf;

use anyhow::Result;
use seqformer_engine::{ClipOptions, PredictPlan, Predictor, gpu_fallbacks, open_device};
use seqformer_video::FfmpegLocation;

use crate::args::{BenchArgs, Mode};
use crate::compute;
use crate::output;
use crate::settings::Settings;
use crate::weights_source;
use report::BenchReport;
use setting::Setting;

/// The seed of random weights.
const SEED: i64 = 1;

/// What all measurements have in common.
struct Bench<'a> {
    args: &'a BenchArgs,
    settings: Settings,
    predictor: Predictor,
    /// The weight file; `None` for random weights.
    weights: Option<PathBuf>,
    device: tch::Device,
}

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    if let Some(json) = &args.json {
        output::check_json(json, &[])?;
    }
    if let Some(path) = &args.history {
        history::check(path, args.json.as_deref())?;
    }
    // Pairs on the command line take precedence.
    let mut pairs = args.backbone.map(backbones::pairs).unwrap_or_default();
    pairs.extend(args.opts.iter().cloned());
    let settings = settings(args, &pairs)?;
    if args.training {
        return training::run(args, settings);
    }
    let device = open_device(settings.device(args.device)?)?;
    let threads = compute::start(&args.compute);
    let bench = Bench::new(args, settings, device)?;
    let frames = footage::frames(args.frames.get(), args.size);
    // The network first: memory that later parts leave behind would count as its own.
    let model = model::measure(&bench, &frames)?;
    let end_to_end =
        if args.model_only { None } else { Some(end_to_end::measure(&bench, &frames)?) };
    let report = BenchReport::new(
        Setting::new(&bench, threads),
        model,
        end_to_end,
        machine::measure(device, threads),
    );
    let report = if device.is_cuda() {
        report.on_gpu(bench.predictor.model().num_recordings(), gpu_fallbacks())
    } else {
        report
    };
    output::show(&report.table(), &report, args.json.as_deref())?;
    args.history.as_deref().map_or(Ok(()), |path| history::append(path, &report))
}

/// The configuration of the file, or else of the weights, or else of the built-in recipe.
fn settings(args: &BenchArgs, pairs: &[String]) -> Result<Settings> {
    let asks_for_network = args.config_file.is_some() || args.backbone.is_some();
    if args.weights.is_none() || asks_for_network {
        return Settings::load_or_recipe(args.config_file.as_deref(), pairs);
    }
    let weights = weights_source::locate_without_config(args.weights.as_deref(), pairs)?;
    let settings = Settings::from_weights(&weights, pairs)?;
    settings.say_what_follows(&weights);
    Ok(settings)
}

impl<'a> Bench<'a> {
    fn new(args: &'a BenchArgs, settings: Settings, device: tch::Device) -> Result<Self> {
        let config = &settings.config;
        let named = &config.model.weights;
        let named = (!named.is_empty()).then(|| PathBuf::from(named));
        let weights = args.weights.clone().or(named);
        let weights = weights.map(|weights| weights_source::locate(&weights)).transpose()?;
        let mut plan = PredictPlan::from_config(config);
        let options = &mut plan.options;
        // Frames enter the network at their own size.
        options.short_edge = 0;
        let section = &config.model.seqformer;
        let or = |asked: Option<std::num::NonZeroUsize>, set: usize| asked.map_or(set, Into::into);
        options.clips = (args.mode == Mode::Clip).then(|| {
            let length = or(args.clip_length, section.clip_length);
            ClipOptions::new(length, or(args.clip_stride, section.clip_stride))
        });
        compute::apply(&args.compute, options, device)?;
        let predictor = if let Some(path) = &weights {
            Predictor::new(&plan, path, device)?
        } else {
            // Random weights find nothing: their best queries take the place of objects.
            options.rule.class_threshold = None;
            Predictor::with_random_weights(&plan, device, SEED)?
        };
        Ok(Self { args, settings, predictor, weights, device })
    }

    /// Warm-up runs: on a GPU, every size of batches comes twice, and at the second time its graph is recorded.
    fn warm_ups(&self) -> usize {
        if self.device.is_cuda() { 2 } else { 1 }
    }

    fn ffmpeg(&self) -> FfmpegLocation {
        compute::ffmpeg(&self.args.compute, FfmpegLocation::find(self.args.ffmpeg.as_deref()))
    }
}
