//! Annotated videos, and results: one video at a time, one frame of it at a time.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict};
use seqformer_convert::{ConvertError, Notes, Shape, Video, claim_folder, read};
use seqformer_export::{Export, ExportError, FoundVideo, Kind, Request, Selection, Tools};
use seqformer_files::Outputs;
use seqformer_masks::{BoxXywh, ImageSize, Rle};
use seqformer_video::FfmpegLocation;

use crate::datasets::{named, options};
use crate::errors::{IntoPython, data};
use crate::{masks, rle, run};

/// The videos of a dataset or of results, with masks in compressed form.
#[derive(Debug)]
#[pyclass(frozen, module = "seqformer._core")]
pub(crate) struct Videos {
    export: Arc<Export>,
    /// What was read, which is never replaced.
    inputs: Vec<PathBuf>,
    /// What was left out or changed.
    #[pyo3(get)]
    notes: Vec<String>,
}

/// A video with the run lengths of its objects.
#[derive(Debug)]
#[pyclass(frozen, module = "seqformer._core")]
pub(crate) struct VideoTracks {
    size: ImageSize,
    tracks: Vec<TrackShapes>,
}

/// An object in every frame.
#[derive(Debug)]
struct TrackShapes {
    masks: Vec<Option<Rle>>,
    boxes: Vec<Option<BoxXywh>>,
}

/// Reads annotations of any format.
#[pyfunction]
#[pyo3(signature = (input, *, from_format=None, images=None, size=None))]
pub(crate) fn read_dataset(
    py: Python<'_>,
    input: PathBuf,
    from_format: Option<&str>,
    images: Option<PathBuf>,
    size: Option<(u32, u32)>,
) -> PyResult<Videos> {
    let from = from_format.map(|name| named("from_format", name)).transpose()?;
    let inputs = std::iter::once(input.clone()).chain(images.clone()).collect();
    let found = run::read(py, move || -> Result<_, ConvertError> {
        read(&input, from, &options(images, size))
    })?;
    let notes = found.notes.lines().collect();
    let of = |video: Video| FoundVideo { video, timing: None, pixel_aspect: None, source: None };
    let videos = found.dataset.videos.into_iter().map(of).collect();
    let export = Arc::new(Export { categories: found.dataset.categories, videos });
    Ok(Videos { export, inputs, notes })
}

/// Reads results of YouTube-VIS, or a folder of `seqformer predict`.
#[pyfunction]
#[pyo3(signature = (results, *, annotations=None, images=None, videos=None, min_score=None, max_tracks=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of the function in Python")]
pub(crate) fn read_results(
    py: Python<'_>,
    results: PathBuf,
    annotations: Option<PathBuf>,
    images: Option<PathBuf>,
    videos: Option<Vec<PathBuf>>,
    min_score: Option<f64>,
    max_tracks: Option<usize>,
) -> PyResult<Videos> {
    let selection = Selection { score_threshold: min_score, max_tracks };
    let videos = videos.unwrap_or_default();
    let request = Request { results, annotations, images, videos, selection };
    let inputs = request.inputs().map_err(IntoPython::into_python)?;
    let (export, notes) = run::finish(py, move |stop| {
        let ffmpeg = FfmpegLocation::find(None);
        let tools = Tools { ffmpeg: &ffmpeg, stop };
        let mut notes = Notes::default();
        // A kind that needs frames finds them where they are known, so that all kinds can be written later.
        let kind = if request.videos.is_empty() && request.images.is_none() {
            Kind::Csv
        } else {
            Kind::Cutout
        };
        let export = seqformer_export::read_results(&request, kind, &tools, &mut notes)?;
        Ok::<_, ExportError>((export, notes))
    })?;
    let notes = notes.lines().collect();
    Ok(Videos { export: Arc::new(export), inputs, notes })
}

/// Returns the names of the kinds of files that results are written as.
#[pyfunction]
pub(crate) fn export_kinds() -> Vec<&'static str> {
    Kind::ALL.map(Kind::name).to_vec()
}

#[pymethods]
impl Videos {
    fn __len__(&self) -> usize {
        self.export.videos.len()
    }

    /// The classes as pairs of id and name.
    fn categories(&self) -> Vec<(i64, String)> {
        let categories = self.export.categories.iter();
        categories.map(|category| (category.id, category.name.clone())).collect()
    }

    /// What is known of a video beside its masks.
    fn describe<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyDict>> {
        let video = &self.found(index)?.video;
        let told = PyDict::new(py);
        told.set_item("id", video.id)?;
        told.set_item("name", &video.name)?;
        told.set_item("height", video.size.height)?;
        told.set_item("width", video.size.width)?;
        told.set_item("length", video.length)?;
        told.set_item("file_names", &video.file_names)?;
        let tracks = video.tracks.iter().map(|track| {
            (track.id, track.category_id, track.score, track.is_crowd, track.is_ignored)
        });
        told.set_item("tracks", tracks.collect::<Vec<_>>())?;
        Ok(told)
    }

    /// Reads the masks of one video.
    fn load(&self, py: Python<'_>, index: usize) -> PyResult<VideoTracks> {
        self.found(index)?;
        let export = Arc::clone(&self.export);
        run::read(py, move || Ok::<_, PyErr>(VideoTracks::new(&export.videos[index].video)))
    }

    /// Writes all videos, or one, as files of several kinds. Returns what was written, and notes.
    #[pyo3(signature = (files, *, index=None, overwrite=false))]
    fn write(
        &self,
        py: Python<'_>,
        files: Vec<(String, PathBuf)>,
        index: Option<usize>,
        overwrite: bool,
    ) -> PyResult<(Vec<PathBuf>, Vec<String>)> {
        let export = match index {
            Some(index) => Arc::new(Export {
                categories: self.export.categories.clone(),
                videos: vec![self.found(index)?.clone()],
            }),
            None => Arc::clone(&self.export),
        };
        let ffmpeg = FfmpegLocation::find(None);
        let files = files.iter().map(|(kind, path)| {
            let kind: Kind = named("kinds", kind)?;
            Ok((kind, kind.written_path(path, &ffmpeg)))
        });
        let files: Vec<(Kind, PathBuf)> = files.collect::<PyResult<_>>()?;
        self.claim(&files, overwrite)?;
        let (written, notes) = run::finish(py, move |stop| {
            let tools = Tools { ffmpeg: &ffmpeg, stop };
            let mut notes = Notes::default();
            let write = |(kind, path): &(Kind, PathBuf)| -> Result<PathBuf, ExportError> {
                if let Some(folder) = path.parent() {
                    let failed = |source| ExportError::Write { path: folder.to_path_buf(), source };
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                export.write(*kind, path, &tools, &mut notes)
            };
            let written: Vec<PathBuf> = files.iter().map(write).collect::<Result<_, _>>()?;
            Ok::<_, ExportError>((written, notes))
        })?;
        Ok((written, notes.lines().collect()))
    }
}

impl Videos {
    /// Makes sure that all files may be written, before the first one is.
    fn claim(&self, files: &[(Kind, PathBuf)], overwrite: bool) -> PyResult<()> {
        let mut outputs = Outputs::new(overwrite);
        self.inputs.iter().for_each(|input| outputs.add_input(input));
        for (kind, path) in files {
            if kind.is_file(path) {
                outputs.claim(path).map_err(IntoPython::into_python)?;
            } else {
                claim_folder(&mut outputs, path).map_err(IntoPython::into_python)?;
            }
        }
        Ok(())
    }

    fn found(&self, index: usize) -> PyResult<&FoundVideo> {
        let num_videos = self.export.videos.len();
        self.export.videos.get(index).ok_or_else(|| {
            PyIndexError::new_err(format!(
                "expected the index of one of the {num_videos} videos, found {index}"
            ))
        })
    }
}

#[pymethods]
impl VideoTracks {
    /// The masks of a frame, `[H, W, I]` in Fortran's order, 0 or 1; without pixels where an object is absent.
    fn frame_masks<'py>(&self, py: Python<'py>, frame: usize) -> PyResult<Bound<'py, PyByteArray>> {
        let empty = || Rle::empty(self.size);
        let of = |track: &TrackShapes| track.masks.get(frame).cloned().flatten();
        let frame_masks: Vec<Rle> =
            self.tracks.iter().map(|track| of(track).unwrap_or_else(empty)).collect();
        let drawn = py.detach(|| masks::decode(&frame_masks)).map_err(IntoPython::into_python)?;
        Ok(PyByteArray::new(py, &drawn))
    }

    /// The boxes of a frame, one per object: x, y, width, height in pixels; nothing where it is absent.
    fn frame_boxes(&self, frame: usize) -> Vec<Option<[f64; 4]>> {
        let row = |track: &TrackShapes| track.boxes.get(frame).copied().flatten().map(masks::row);
        self.tracks.iter().map(row).collect()
    }

    /// The boxes of a track, one per frame: x, y, width, height in pixels; nothing where it is absent.
    fn track_boxes(&self, track: usize) -> PyResult<Vec<Option<[f64; 4]>>> {
        Ok(self.track(track)?.boxes.iter().map(|bounds| bounds.map(masks::row)).collect())
    }

    /// The run lengths of a track, one mask per frame.
    fn track_masks<'py>(
        &self,
        py: Python<'py>,
        track: usize,
    ) -> PyResult<Vec<Option<Bound<'py, PyDict>>>> {
        let frames = self.track(track)?.masks.iter();
        frames.map(|mask| mask.as_ref().map(|mask| rle::to_python(py, mask)).transpose()).collect()
    }

    /// The number of pixels of a track in each frame, 0 where it has no mask.
    fn track_areas(&self, track: usize) -> PyResult<Vec<u64>> {
        let area = |mask: &Option<Rle>| mask.as_ref().map_or(0, Rle::area);
        Ok(self.track(track)?.masks.iter().map(area).collect())
    }
}

impl VideoTracks {
    fn new(video: &Video) -> Self {
        let tracks = video.tracks.iter().map(|track| {
            let (mut masks, mut boxes) = (Vec::new(), Vec::new());
            for shape in track.shapes.frames() {
                boxes.push(shape.as_deref().map(Shape::bounding_box));
                masks.push(shape.as_deref().and_then(|shape| shape.draw(video.size)));
            }
            TrackShapes { masks, boxes }
        });
        Self { size: video.size, tracks: tracks.collect() }
    }

    fn track(&self, index: usize) -> PyResult<&TrackShapes> {
        let num_tracks = self.tracks.len();
        self.tracks.get(index).ok_or_else(|| {
            data(format!("expected the index of one of the {num_tracks} objects, found {index}"))
        })
    }
}
