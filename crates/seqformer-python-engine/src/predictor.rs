//! `Predictor`: a network with weights, on a thread of its own.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use seqformer_data::RgbImage;
use seqformer_engine::{ClipOptions, Predictor as Network, TrackedFrame, VideoPrediction};
use seqformer_masks::ImageSize;
use seqformer_video::FfmpegLocation;

use crate::compute_thread::ComputeThread;
use crate::failure::argument;
use crate::frames::{self, Source};
use crate::loading::{About, Clips, Wishes, device_choice, load, precision_choice};
use crate::results::{FoundFrame, Prediction};
use crate::stream::{Busy, Stream};
use crate::work::{Event, Teller, Work, wait};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Frames of a stream that may wait for Python.
const FRAMES_AHEAD: usize = 4;

/// A network with weights.
#[pyclass(frozen, module = "seqformer._engine")]
#[derive(Debug)]
pub(crate) struct Predictor {
    thread: Arc<ComputeThread<Network>>,
    about: About,
    score_threshold: Option<f64>,
    ffmpeg: FfmpegLocation,
    /// Whether a stream is open.
    is_busy: Arc<AtomicBool>,
}

#[pymethods]
impl Predictor {
    #[new]
    #[pyo3(signature = (weights, *, device, precision, config=None, pairs=Vec::new(), classes=None, max_tracks=10,
                        score_threshold=None, clip_length=None, clip_stride=None, threads=None, ffmpeg=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keywords")]
    fn new(
        py: Python<'_>,
        weights: PathBuf,
        device: &str,
        precision: &str,
        config: Option<PathBuf>,
        pairs: Vec<String>,
        classes: Option<PathBuf>,
        max_tracks: u32,
        score_threshold: Option<f64>,
        clip_length: Option<NonZeroUsize>,
        clip_stride: Option<NonZeroUsize>,
        threads: Option<NonZeroUsize>,
        ffmpeg: Option<PathBuf>,
    ) -> PyResult<Self> {
        if max_tracks == 0 {
            return Err(argument("max_tracks: expected at least 1, found 0".to_owned()));
        }
        let wishes = Wishes {
            weights,
            config_file: config,
            pairs,
            device: device_choice(device)?,
            precision: precision_choice(precision)?,
            classes,
            max_tracks,
            score_threshold,
            clips: Clips { length: clip_length, stride: clip_stride },
            threads,
        };
        let started = ComputeThread::start("seqformer", move || load(&wishes));
        let (thread, made) = started
            .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
        let about = match wait(py, &made) {
            Ok(about) => about,
            Err(error) => {
                thread.abandon();
                return Err(error);
            }
        };
        let mut ffmpeg = FfmpegLocation::find(ffmpeg.as_deref());
        if let Some(threads) = threads {
            ffmpeg = ffmpeg.with_threads(threads);
        }
        Ok(Self {
            thread: Arc::new(thread),
            about,
            score_threshold,
            ffmpeg,
            is_busy: Arc::default(),
        })
    }

    /// Names of the classes, in the order of the labels.
    #[getter]
    fn class_names(&self) -> Vec<String> {
        self.about.classes.iter().map(|class| class.name.clone()).collect()
    }

    /// Ids of the classes in results files, in the order of the labels.
    #[getter]
    fn class_ids(&self) -> Vec<u64> {
        self.about.classes.iter().map(|class| class.id).collect()
    }

    #[getter]
    fn device(&self) -> String {
        self.about.device.clone()
    }

    #[getter]
    fn precision(&self) -> &'static str {
        self.about.precision
    }

    /// Finds the objects of a video, given as a path or as an iterator of tuples of height, width and bytes.
    fn predict(&self, py: Python<'_>, video: &Bound<'_, PyAny>) -> PyResult<Prediction> {
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(busy());
        }
        let (source, feed) = frames::source(video)?;
        let (mut work, teller) = Work::<(), Found>::new(1, feed);
        let ffmpeg = self.ffmpeg.clone();
        self.thread.run(move |network| {
            network.stop_on(Arc::clone(&teller.stop));
            let found = predict(network, source, &ffmpeg);
            teller.done(found);
        });
        loop {
            if let Event::Done(Found { prediction, name, image_names }) = work.next(py)? {
                let classes = Arc::clone(&self.about.classes);
                let score_threshold = self.score_threshold;
                return Ok(Prediction {
                    found: prediction,
                    classes,
                    score_threshold,
                    name,
                    image_names,
                });
            }
        }
    }

    /// Starts to follow the objects of a video through clips.
    #[pyo3(signature = (video, *, clip_length=None, clip_stride=None, score_threshold=0.0))]
    fn stream(
        &self,
        video: &Bound<'_, PyAny>,
        clip_length: Option<NonZeroUsize>,
        clip_stride: Option<NonZeroUsize>,
        score_threshold: f32,
    ) -> PyResult<Stream> {
        let asked = Clips { length: clip_length, stride: clip_stride };
        let mut clips =
            asked.options(self.about.configured).map_err(|error| argument(error.to_string()))?;
        let (source, feed) = frames::source(video)?;
        // Those who hand in frames one by one want them back as soon as they are done.
        clips.live = feed.is_some();
        let busy = Busy::begin(&self.is_busy).ok_or_else(busy)?;
        let (work, teller) = Work::new(FRAMES_AHEAD, feed);
        let ffmpeg = self.ffmpeg.clone();
        self.thread.run(move |network| {
            network.stop_on(Arc::clone(&teller.stop));
            let done = follow(network, source, clips, (&ffmpeg, &teller));
            teller.done(done);
        });
        Ok(Stream::new((work, busy), score_threshold, Arc::clone(&self.thread)))
    }
}

fn busy() -> PyErr {
    PyRuntimeError::new_err(
        "this predictor follows a stream: use the stream up or close it first, or make another predictor",
    )
}

/// What was found in a video, and what its files are called.
struct Found {
    prediction: VideoPrediction,
    name: Option<String>,
    image_names: Option<Vec<String>>,
}

fn predict(network: &Network, source: Source, ffmpeg: &FfmpegLocation) -> Result<Found> {
    match source {
        Source::Fed(frames) => {
            let prediction = network.predict(frames, &mut |_progress| {})?;
            Ok(Found { prediction, name: None, image_names: None })
        }
        Source::Path(path) => {
            let video = frames::open(&path, ffmpeg)?;
            let mut images = video.frames()?;
            let frames = std::iter::from_fn(|| {
                Some(images.next()?.map(|frame| frame.image).map_err(Into::into))
            });
            let found = network.predict(frames, &mut |_progress| {});
            let prediction = found.with_context(|| path.display().to_string())?;
            images.notes().iter().for_each(|note| tracing::warn!("{note}"));
            Ok(Found { prediction, name: Some(video.name()), image_names: video.image_names() })
        }
    }
}

fn follow(
    network: &Network,
    source: Source,
    clips: ClipOptions,
    (ffmpeg, teller): (&FfmpegLocation, &Teller<FoundFrame, ()>),
) -> Result<()> {
    let size = OnceLock::new();
    let each_frame: &mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError> = &mut |frame| {
        let size = *size.get().unwrap_or(&ImageSize { height: 0, width: 0 });
        Ok(teller.tell(FoundFrame { frame: frame.clone(), size })?)
    };
    let look = |image: &RgbImage| {
        // All frames have the size of the first.
        let _size = size.get_or_init(|| image.size);
    };
    match source {
        Source::Fed(frames) => {
            let frames = frames.inspect(|frame| frame.iter().for_each(look));
            Ok(network.stream(frames, clips, each_frame)?)
        }
        Source::Path(path) => {
            let mut images = frames::open(&path, ffmpeg)?.frames()?;
            let frames = std::iter::from_fn(|| {
                Some(images.next()?.map(|frame| frame.image).map_err(Into::into))
            });
            let frames = frames.inspect(|frame| frame.iter().for_each(look));
            let done = network.stream(frames, clips, each_frame);
            done.with_context(|| path.display().to_string())?;
            images.notes().iter().for_each(|note| tracing::warn!("{note}"));
            Ok(())
        }
    }
}
