//! `Predictor`: the frames of one video in, every instance's classes, scores and masks out.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward`, and `data/dataset_mapper.py`,
//! `YTVISDatasetMapper` for evaluation.

mod batch_policy;
mod clips;
mod clock;
mod drive;
mod frame_bits;
mod frame_masks;
mod frame_tensor;
mod geometry;
mod gpu;
mod image;
mod mask_reader;
mod memory_plan;
mod network_run;
mod one_step;
mod ordered_workers;
mod original;
mod random;
mod read_ahead;
mod run_lengths;
mod threads;
mod video_prediction;
mod waiting;
mod whole;

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;

use seqformer::SeqFormer;
use seqformer::inference::{InferenceModel, Launch, Selection, classify};
use seqformer_checkpoint::Provenance;
use seqformer_config::config::ResultRule;
use seqformer_cuda::transfer::Staging;
use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;
use tch::{Device, Tensor, nn};

use clock::PipelineClock;
use drive::FrameStream;
use geometry::{Enlargement, FrameGeometry};
use gpu::GpuMemory;
use memory_plan::{MemoryPlan, Needs};
use read_ahead::{Input, Preparation, read_ahead};
use run_lengths::{OnFrame, RunLengths};

use crate::device::out_of_memory;
use crate::model_summary::ModelSummary;
use crate::plan::PredictPlan;
use crate::{ClipOptions, EngineError, PredictorOptions, initial_weights, process};

pub use clock::PipelineTimes;
pub(crate) use frame_tensor::{frames_tensor, send_frames};
pub use image::ImagePrediction;
pub use ordered_workers::OrderedWorkers;
pub use run_lengths::{TrackOnFrame, TrackedFrame};
pub use threads::{num_threads, use_threads};
pub use video_prediction::VideoPrediction;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The progress of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Number of frames that went through backbone and encoder.
    Encoded(usize),
    /// The decoder has found the instances.
    Decoded,
    /// Number of frames whose masks are done.
    Masks(usize),
}

/// A network with weights, ready to predict.
#[derive(Debug)]
pub struct Predictor {
    model: InferenceModel,
    options: PredictorOptions,
    class_names: Vec<String>,
    summary: ModelSummary,
    clock: PipelineClock,
    /// Memory of the process in bytes when the network was ready.
    resident: u64,
    gpu: Option<GpuMemory>,
    /// Where frames are written for the device.
    staging: RefCell<Staging>,
    stop: Arc<AtomicBool>,
}

impl Predictor {
    /// Builds the network of the plan and loads the checkpoint at `weights`.
    ///
    /// # Errors
    ///
    /// If the network cannot be built, the checkpoint cannot be read or belongs to another network, or the device lacks
    /// the memory or does not support the precision.
    pub fn new(plan: &PredictPlan, weights: &Path, device: Device) -> Result<Self, EngineError> {
        plan.options.check()?;
        gpu::check(device, plan.options.precision)?;
        out_of_memory("the weights", || Self::load(plan, weights, device))?
    }

    fn load(plan: &PredictPlan, weights: &Path, device: Device) -> Result<Self, EngineError> {
        let PredictPlan { network, options } = plan;
        let variables = nn::VarStore::new(device);
        let model = SeqFormer::new(&variables.root(), &network.model)?;
        let state = seqformer_checkpoint::read(weights)?;
        initial_weights::log_remarks(&state, weights);
        let provenance = Provenance::of(&state);
        initial_weights::check(&state, &provenance, network, weights)?;
        initial_weights::load_weights(&variables, state, network, weights)?;
        let predictor = Self::with_model(model, variables, options.clone());
        Ok(Self { class_names: provenance.classes, ..predictor })
    }

    /// The class names stored in the weights, if any.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The parts of the network, with the sizes of their parameters.
    pub fn summary(&self) -> &ModelSummary {
        &self.summary
    }

    /// Wraps an already loaded model, whose parameters are in `variables`; both are consumed. From then on the process
    /// keeps freed memory for reuse.
    pub fn with_model(
        model: SeqFormer,
        variables: nn::VarStore,
        options: PredictorOptions,
    ) -> Self {
        process::keep_freed_memory();
        let summary = ModelSummary::of(&variables);
        let model = model.prepare(variables, options.precision);
        let gpu = gpu::plan_memory(model.device(), &options);
        let staging = RefCell::new(Staging::new(model.device()));
        Self {
            gpu,
            staging,
            model,
            options,
            class_names: Vec::new(),
            summary,
            clock: PipelineClock::default(),
            resident: memory_plan::resident_bytes(),
            stop: Arc::default(),
        }
    }

    /// Makes predictions end early with [`EngineError::Interrupted`] once `stop` is true.
    pub fn stop_on(&mut self, stop: Arc<AtomicBool>) {
        self.stop = stop;
    }

    /// Fails if a stop was requested.
    fn check_stop(&self) -> Result<(), EngineError> {
        if self.stop.load(Ordering::Relaxed) { Err(EngineError::Interrupted) } else { Ok(()) }
    }

    /// Finds the instances of a video, as a whole or in clips according to the options; calls `progress` meanwhile.
    ///
    /// A separate thread takes frames from the iterator, a few ahead of the network. Frames are not kept.
    ///
    /// # Errors
    ///
    /// If a frame cannot be read, sizes differ, or there are no frames.
    pub fn predict(
        &self,
        frames: impl Iterator<Item = Result<RgbImage, AnyError>> + Send,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VideoPrediction, EngineError> {
        if let Some(clips) = self.options.clips {
            return self.track(frames, clips, &mut |_frame| Ok(()), progress);
        }
        std::thread::scope(|scope| {
            let inputs = FrameStream::open(read_ahead(scope, frames, self.preparation())?)?;
            let on_frame = OnFrame { each_frame: &mut |_frame| Ok(()), progress, live: false };
            self.find(scope, inputs, None, on_frame)
        })
    }

    /// Finds the instances of a video whose frames already have the size of the network's input, as returned by
    /// [`Predictor::resize`]; masks have the size `output`.
    ///
    /// # Errors
    ///
    /// If sizes differ, or there are no frames.
    pub fn predict_resized(
        &self,
        frames: Vec<RgbImage>,
        output: ImageSize,
    ) -> Result<VideoPrediction, EngineError> {
        let inputs = frames.into_iter().map(|image| Ok(Input { image, size: output }));
        let (each_frame, progress) = (&mut |_: &_| Ok(()), &mut |_| {});
        std::thread::scope(|scope| {
            let on_frame = OnFrame { each_frame, progress, live: false };
            self.find(scope, FrameStream::open(inputs)?, self.options.clips, on_frame)
        })
    }

    /// Runs the network on a video, and encodes its masks as run lengths.
    fn find<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        inputs: FrameStream<'_>,
        clips: Option<ClipOptions>,
        on_frame: OnFrame<'_>,
    ) -> Result<VideoPrediction, EngineError> {
        let inputs = inputs.enlarging(Enlargement::of(self.options.results));
        let geometry = inputs.geometry();
        let mut sink = RunLengths::start(scope, &self.clock, geometry, on_frame)?;
        let (num_tracks, detections) = match clips {
            None => {
                let Selection { queries, detections } =
                    self.drive_whole(inputs, Launch::Graph, &mut sink)?.selection;
                (queries.len(), detections)
            }
            Some(clips) => {
                let class_probs = self.drive_clips(inputs, clips, Launch::Graph, &mut sink)?;
                let threshold = self.options.rule.class_threshold;
                let detections = classify(class_probs.iter().map(Vec::as_slice), threshold);
                (class_probs.len(), detections)
            }
        };
        let mut masks = sink.finish(num_tracks)?;
        let detections = match self.options.results {
            ResultRule::VNext => detections,
            ResultRule::Original => original::visible(detections, &mut masks),
        };
        let (size, num_frames) = (geometry.output, masks.num_frames());
        Ok(VideoPrediction { size, num_frames, masks, detections })
    }

    /// How many frames may go through the network at once.
    fn memory_plan(&self, geometry: FrameGeometry, clip_length: Option<usize>) -> MemoryPlan {
        MemoryPlan::new(Needs {
            limit: self.options.max_memory,
            resident: self.resident,
            gpu: self.gpu,
            network: self.model.config(),
            precision: self.options.precision,
            input: geometry.input,
            output: geometry.output,
            max_queries: self.options.rule.max_queries,
            clip_length,
        })
    }

    /// Uploads frames of one size as the network's input; the copy overlaps with computation on the device.
    fn upload(&self, inputs: &[Input]) -> Result<Tensor, EngineError> {
        let images = inputs.iter().map(|input| &input.image);
        let mut staging = self.staging.borrow_mut();
        out_of_memory("frames", || send_frames(images, self.options.channels, &mut staging))?
    }

    fn preparation(&self) -> Preparation<'_> {
        let PredictorOptions { short_edge, max_size, .. } = self.options;
        Preparation { short_edge, max_size, clock: &self.clock }
    }

    /// The network's input for a frame: its size by the rule of the test mapper.
    pub fn resize(&self, frame: &RgbImage) -> RgbImage {
        self.preparation().resize(frame.clone())
    }

    /// Times of the stages around the network since the last call.
    pub fn take_times(&self) -> PipelineTimes {
        self.clock.take()
    }

    /// The network.
    pub fn model(&self) -> &InferenceModel {
        &self.model
    }

    /// Which results are kept.
    pub fn options(&self) -> &PredictorOptions {
        &self.options
    }
}

#[cfg(test)]
mod tests;
