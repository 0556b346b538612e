//! From the arguments of `Predictor` to a network.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use pyo3::PyResult;
use seqformer_cli::class_names::{self, Class};
use seqformer_cli::settings::Settings;
use seqformer_cli::weights_source;
use seqformer_engine::{
    ClipOptions, DeviceChoice, PrecisionChoice, PredictPlan, Predictor as Network,
    PredictorOptions, open_device, use_threads,
};
use seqformer_models::Models;

use crate::failure::argument;

/// What a predictor is made from.
pub(crate) struct Wishes {
    pub(crate) weights: PathBuf,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) pairs: Vec<String>,
    pub(crate) device: Option<DeviceChoice>,
    pub(crate) precision: PrecisionChoice,
    pub(crate) classes: Option<PathBuf>,
    pub(crate) max_tracks: u32,
    pub(crate) score_threshold: Option<f64>,
    pub(crate) clips: Clips,
    pub(crate) threads: Option<NonZeroUsize>,
}

/// Frames per clip and from one clip to the next; `None` as the configuration says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clips {
    pub(crate) length: Option<NonZeroUsize>,
    pub(crate) stride: Option<NonZeroUsize>,
}

/// What is known of a network once it is there.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) classes: Arc<[Class]>,
    pub(crate) device: String,
    pub(crate) precision: &'static str,
    /// Length and stride of clips that the configuration sets, whether it uses them or not.
    pub(crate) configured: (usize, usize),
}

/// Reads configuration and weights; on the thread that computes.
pub(crate) fn load(wishes: &Wishes) -> Result<(Network, About)> {
    let Wishes { weights, pairs, .. } = wishes;
    fetch(weights)?;
    let settings = match &wishes.config_file {
        Some(file) => Settings::load(file, pairs)?,
        None => Settings::from_weights(&weights_source::locate_named(Some(weights), "")?, pairs)?,
    };
    let config = &settings.config;
    let weights = weights_source::locate_named(Some(weights), &config.model.weights)?;
    let known = settings.classes(wishes.classes.as_deref())?;
    let device = open_device(settings.device(wishes.device)?)?;
    use_threads(wishes.threads);
    let mut options = PredictorOptions::from_config(config);
    options.limit(wishes.max_tracks, wishes.score_threshold);
    let section = &config.model.seqformer;
    let configured = (section.clip_length, section.clip_stride);
    if wishes.clips.length.is_some() || wishes.clips.stride.is_some() {
        options.clips = Some(wishes.clips.options(configured)?);
    }
    options.precision = wishes.precision.on(device)?;
    let precision = precision_name(options.precision);
    let plan = PredictPlan::from_config(config).with_options(options);
    let network = Network::new(&plan, &weights, device)?;
    let num_classes = usize::try_from(config.model.seqformer.num_classes)?;
    let classes =
        known.unwrap_or_else(|| class_names::of_weights(network.class_names(), num_classes));
    let device = match device {
        seqformer_engine::Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    };
    Ok((network, About { classes: classes.into(), device, precision, configured }))
}

/// Brings weights with an address into the cache, unless they are there.
fn fetch(weights: &Path) -> Result<()> {
    if let Some(address) = weights.to_str().filter(|text| Models::is_of_cache(text)) {
        Models::from_environment()?.locate_or_fetch(address, &mut |_progress| {})?;
    }
    Ok(())
}

impl Clips {
    /// Clips for [`Network`]s, with what the configuration says of what is `None`.
    ///
    /// # Errors
    ///
    /// If frames between clips would be skipped.
    pub(crate) fn options(self, (length, stride): (usize, usize)) -> Result<ClipOptions> {
        let length = self.length.map_or(length, NonZeroUsize::get);
        let stride = self.stride.map_or(stride.min(length), NonZeroUsize::get);
        if stride > length {
            bail!(
                "clip_stride: expected at most the {length} frames of a clip (clip_length), found {stride}: frames \
                 between clips would be skipped"
            );
        }
        Ok(ClipOptions::new(length, stride))
    }
}

/// What `device` means; `None` leaves the choice to the configuration.
pub(crate) fn device_choice(device: &str) -> PyResult<Option<DeviceChoice>> {
    if device == "auto" {
        return Ok(None);
    }
    let choice = device.parse::<DeviceChoice>();
    choice.map(Some).map_err(|message| argument(format!("device: {message}")))
}

/// What `precision` means.
pub(crate) fn precision_choice(precision: &str) -> PyResult<PrecisionChoice> {
    match precision {
        "auto" => Ok(PrecisionChoice::Auto),
        "f32" => Ok(PrecisionChoice::F32),
        "tf32" => Ok(PrecisionChoice::Tf32),
        "bf16" => Ok(PrecisionChoice::Bf16),
        other => Err(argument(format!(
            "precision: expected 'auto', 'f32', 'tf32' or 'bf16', found '{other}'"
        ))),
    }
}

fn precision_name(precision: seqformer::Precision) -> &'static str {
    match precision {
        seqformer::Precision::F32 => "f32",
        seqformer::Precision::Tf32 => "tf32",
        seqformer::Precision::Bf16 => "bf16",
    }
}
