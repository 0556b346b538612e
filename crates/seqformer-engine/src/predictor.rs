//! `Predictor`: the frames of one video in, every instance's classes, scores and masks out.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward`, and `data/dataset_mapper.py`,
//! `YTVISDatasetMapper` for evaluation.

mod clips;
mod image;

use std::path::Path;

use seqformer::inference::{
    DecodedVideo, Detection, Selection, SelectionRule, WholeVideo, final_masks, select,
};
use seqformer::{FrameSize, Precision, SeqFormer, load_state_dict};
use seqformer_checkpoint::{Provenance, StateDict};
use seqformer_config::Config;
use seqformer_config::config::ImageFormat;
use seqformer_data::{RgbImage, resize_bilinear, shortest_edge_size};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor, nn};

use crate::encode::encode_masks;
use crate::{EngineError, TrackMasks, builder, initial_weights};

pub use clips::{ClipOptions, TrackOnFrame, TrackedFrame};
pub use image::ImagePrediction;

/// Frames that are encoded together: enough to keep all cores busy, few enough to stay small.
const PART: usize = 5;

/// How a video is prepared and which results are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorOptions {
    /// Short edge of the network's input in pixels; 0 leaves frames as they are.
    pub short_edge: u32,
    /// Limit of the long edge in pixels.
    pub max_size: u32,
    /// Whether the weights want blue first.
    pub channels: ImageFormat,
    /// Which queries and classes become results.
    pub rule: SelectionRule,
    /// Cuts videos into overlapping clips; `None`: every video is decoded as a whole.
    pub clips: Option<ClipOptions>,
    /// The numbers in which the network computes.
    pub precision: Precision,
}

impl PredictorOptions {
    /// What the configuration says.
    pub fn from_config(config: &Config) -> Self {
        Self {
            short_edge: config.input.min_size_test,
            max_size: config.input.max_size_test,
            channels: config.input.format,
            rule: builder::selection_rule(config),
            clips: builder::clip_options(config),
            precision: Precision::F32,
        }
    }
}

/// How far a prediction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This many frames went through backbone and encoder.
    Encoded(usize),
    /// The decoder has found the instances.
    Decoded,
    /// The masks of this many frames are done.
    Masks(usize),
}

/// What was found in one video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPrediction {
    /// Size of the frames.
    pub size: ImageSize,
    /// Number of frames.
    pub num_frames: usize,
    /// One track for each selected query, best first, or for each track of a video that was cut into
    /// clips, in their order.
    pub masks: TrackMasks,
    /// The results: a query or track as an instance of a class. By query or track, then class.
    pub detections: Vec<Detection>,
}

/// A network with weights, ready for videos.
#[derive(Debug)]
pub struct Predictor {
    model: SeqFormer,
    options: PredictorOptions,
    class_names: Vec<String>,
    // Owns the parameters.
    _variables: nn::VarStore,
}

impl Predictor {
    /// Builds the network of `config` and fills it from the checkpoint at `weights`.
    ///
    /// # Errors
    ///
    /// If the network cannot be built, the checkpoint cannot be read, or it belongs to another network.
    pub fn new(
        config: &Config,
        weights: &Path,
        options: PredictorOptions,
        device: Device,
    ) -> Result<Self, EngineError> {
        let mut variables = nn::VarStore::new(device);
        let model = SeqFormer::new(&variables.root(), &builder::model_config(config))?;
        let state = seqformer_checkpoint::read(weights)?;
        for note in &state.notes {
            tracing::info!("{}: {note}", weights.display());
        }
        let provenance = Provenance::of(&state);
        initial_weights::check(&state, &provenance, config, weights)?;
        load_weights(&variables, state, config, weights)?;
        variables.freeze();
        let predictor = Self::with_model(model, variables, options);
        Ok(Self { class_names: provenance.classes, ..predictor })
    }

    /// The names of the classes, if the weights have them.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Takes a network over whose parameters in `variables` are filled.
    pub fn with_model(
        mut model: SeqFormer,
        variables: nn::VarStore,
        options: PredictorOptions,
    ) -> Self {
        seqformer_ops::runtime::keep_freed_memory();
        tch::no_grad(|| model.prepare_inference(options.precision));
        Self { model, options, class_names: Vec::new(), _variables: variables }
    }

    /// Finds the instances of a video, as a whole or in clips as the options say; calls `progress` on
    /// the way.
    ///
    /// Frames are taken from the iterator as they are needed and not kept.
    ///
    /// # Errors
    ///
    /// If a frame cannot be had, sizes differ, or there is no frame.
    pub fn predict(
        &self,
        frames: impl Iterator<Item = Result<RgbImage, Box<dyn std::error::Error + Send + Sync>>>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VideoPrediction, EngineError> {
        if let Some(clips) = self.options.clips {
            return self.track(frames, clips, &mut |_frame| Ok(()), progress);
        }
        let mut size = None;
        let mut video: Option<WholeVideo<'_>> = None;
        let mut part = Vec::with_capacity(PART);
        let mut num_frames = 0;
        for frame in frames {
            part.push(self.next_input(frame, num_frames, &mut size)?);
            num_frames += 1;
            if part.len() == PART {
                self.push(&mut video, &mut part)?;
                progress(Progress::Encoded(num_frames));
            }
        }
        if !part.is_empty() {
            self.push(&mut video, &mut part)?;
            progress(Progress::Encoded(num_frames));
        }
        let (Some(video), Some(size)) = (video, size) else { return Err(EngineError::NoFrames) };
        let input_size = video.frame_size();
        let decoded = video.decode()?;
        let selection = select(&decoded.pred_logits(), self.options.rule);
        progress(Progress::Decoded);
        let masks = masks_of(&decoded, &selection, input_size, size, progress);
        Ok(VideoPrediction { size, num_frames, masks, detections: selection.detections })
    }

    /// Checks the size of a frame against that of the first, and resizes it for the network.
    fn next_input(
        &self,
        frame: Result<RgbImage, Box<dyn std::error::Error + Send + Sync>>,
        index: usize,
        size: &mut Option<ImageSize>,
    ) -> Result<RgbImage, EngineError> {
        let frame = frame.map_err(EngineError::Frame)?;
        let expected = *size.get_or_insert(frame.size);
        if frame.size != expected {
            return Err(EngineError::FrameSize { index, expected, found: frame.size });
        }
        Ok(self.resize(&frame))
    }

    /// The network's input for a frame: its size by the rule of the test mapper.
    pub fn resize(&self, frame: &RgbImage) -> RgbImage {
        let size = shortest_edge_size(frame.size, self.options.short_edge, self.options.max_size);
        resize_bilinear(frame, size)
    }

    /// The network.
    pub fn model(&self) -> &SeqFormer {
        &self.model
    }

    /// Which results are kept.
    pub fn options(&self) -> &PredictorOptions {
        &self.options
    }

    /// Encodes the collected frames, which all have one size.
    fn push<'a>(
        &'a self,
        video: &mut Option<WholeVideo<'a>>,
        part: &mut Vec<RgbImage>,
    ) -> Result<(), EngineError> {
        let tensor = frames_tensor(part, self.options.channels);
        part.clear();
        let size = FrameSize { height: tensor.size()[2], width: tensor.size()[3] };
        video.get_or_insert_with(|| WholeVideo::new(&self.model, size)).push(&tensor)?;
        Ok(())
    }
}

/// Frames of one size as `[T, 3, H, W]` bytes, channels in the order of the weights.
pub(crate) fn frames_tensor(frames: &[RgbImage], channels: ImageFormat) -> Tensor {
    let tensors: Vec<Tensor> = frames
        .iter()
        .map(|frame| {
            let size = [i64::from(frame.size.height), i64::from(frame.size.width), 3];
            Tensor::from_data_size(&frame.pixels, &size, Kind::Uint8)
        })
        .collect();
    let frames = Tensor::stack(&tensors, 0).permute([0, 3, 1, 2]);
    match channels {
        ImageFormat::Rgb => frames,
        ImageFormat::Bgr => frames.flip([1]),
    }
}

/// Masks of the selected queries on every frame, at the size of the video.
fn masks_of(
    decoded: &DecodedVideo<'_>,
    selection: &Selection,
    input_size: FrameSize,
    size: ImageSize,
    progress: &mut dyn FnMut(Progress),
) -> TrackMasks {
    let output_size = FrameSize { height: i64::from(size.height), width: i64::from(size.width) };
    let mut masks = TrackMasks::new(size);
    masks.reserve_tracks(selection.queries.len());
    let mut done = 0;
    for part in 0..decoded.num_parts() {
        let logits = decoded.mask_logits(&selection.queries, part); // [I, T', h, w]
        for frame in 0..logits.size()[1] {
            let full = final_masks(&logits.select(1, frame), input_size, output_size);
            masks.push_frame(encode_masks(&full).iter().enumerate());
            done += 1;
            progress(Progress::Masks(done));
        }
    }
    masks
}

/// Fills a network from a checkpoint in the names of any known program, completely.
fn load_weights(
    variables: &nn::VarStore,
    state: StateDict,
    config: &Config,
    path: &Path,
) -> Result<(), EngineError> {
    let state = initial_weights::translate(variables, state, config, path)?;
    let report = load_state_dict(variables, &state)
        .map_err(|source| EngineError::Weights { path: path.to_path_buf(), source })?;
    tracing::info!("{}: {} tensors loaded", path.display(), report.loaded);
    Ok(())
}

#[cfg(test)]
mod tests;
