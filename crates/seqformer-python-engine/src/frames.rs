//! Frames of a prediction: those of a file or folder, or those that Python hands in one by one.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, bounded};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator};
use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;
use seqformer_video::{FfmpegLocation, FrameSource};

use crate::failure::argument;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Where the frames of a prediction come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A video file, a folder of images or an animation.
    Path(PathBuf),
    /// Frames from Python.
    Fed(FedFrames),
}

/// The end of the channels that takes frames, on a thread of the prediction.
#[derive(Debug)]
pub(crate) struct FedFrames {
    wants: Sender<()>,
    frames: Receiver<RgbImage>,
}

/// The end that gives frames, on Python's thread.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Receives something for every frame that is wanted.
    pub(crate) wants: Receiver<()>,
    frames: Sender<RgbImage>,
    iterator: Py<PyIterator>,
}

/// Takes a file name, or an iterator of tuples of height, width and bytes.
pub(crate) fn source(given: &Bound<'_, PyAny>) -> PyResult<(Source, Option<Feed>)> {
    if let Ok(path) = given.extract::<PathBuf>() {
        return Ok((Source::Path(path), None));
    }
    let iterator = given.try_iter()?.unbind();
    let (want, wants) = bounded(1);
    let (give, frames) = bounded(1);
    let fed = FedFrames { wants: want, frames };
    Ok((Source::Fed(fed), Some(Feed { wants, frames: give, iterator })))
}

impl Feed {
    /// Hands on the next frame of the iterator; false if there are no more.
    ///
    /// # Errors
    ///
    /// What the iterator raises, and a frame that is none.
    pub(crate) fn give(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(frame) = self.iterator.bind(py).clone().next() else { return Ok(false) };
        // Nobody waits for a frame after the prediction has ended.
        Ok(self.frames.send(image(&frame?)?).is_ok())
    }
}

/// An image from height, width and the bytes of its pixels.
fn image(frame: &Bound<'_, PyAny>) -> PyResult<RgbImage> {
    let (height, width, pixels): (u32, u32, Bound<'_, PyBytes>) = frame.extract()?;
    let (size, pixels) = (ImageSize { height, width }, pixels.as_bytes());
    if !(1..=ImageSize::MAX_PIXELS).contains(&size.num_pixels()) {
        return Err(argument(format!(
            "a frame: expected 1 to {} pixels, found {height} x {width}",
            ImageSize::MAX_PIXELS
        )));
    }
    if pixels.len() as u64 != 3 * size.num_pixels() {
        return Err(argument(format!(
            "a frame: expected three bytes for each of {height} x {width} pixels, found {}",
            pixels.len()
        )));
    }
    Ok(RgbImage { size, pixels: pixels.to_vec() })
}

impl Iterator for FedFrames {
    type Item = Result<RgbImage, AnyError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.wants.send(()).ok()?;
        self.frames.recv().ok().map(Ok)
    }
}

/// Opens a path, and says what is odd about it.
pub(crate) fn open(path: &Path, ffmpeg: &FfmpegLocation) -> anyhow::Result<FrameSource> {
    let source = FrameSource::open(path, ffmpeg)?;
    for note in source.notes() {
        tracing::warn!("{note}");
    }
    Ok(source)
}
