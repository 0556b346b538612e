//! From records to training clips, and to frames for inference.
//!
//! Reference: VNext `data/dataset_mapper.py`, `YTVISDatasetMapper`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use seqformer_masks::{BitMask, BoxXyxy, ImageSize};

use crate::random::Random;
use crate::transforms::transform_segmentation;
use crate::{
    Augmentation, ClipSampling, DataError, RgbImage, TrackAnnotation, Transform, VideoRecord,
    read_image_logged, resize_bilinear, shortest_edge_size,
};

/// Augmented frames of one video, and their instances.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipSample {
    /// The video's id.
    pub video_id: u64,
    /// Indices of the frames in the video; one may occur twice.
    pub frame_indices: Vec<usize>,
    /// The frames, all of the same size.
    pub frames: Vec<RgbImage>,
    /// Size of the frames in their files.
    pub original_size: ImageSize,
    /// The instances, in the order of the annotation file.
    pub instances: Vec<ClipInstance>,
    /// The contiguous categories of which every instance is annotated; `None` if all of them are.
    pub exhaustive: Option<Vec<usize>>,
}

impl ClipSample {
    /// Returns the size of the augmented frames.
    pub fn size(&self) -> ImageSize {
        self.frames.last().map_or(self.original_size, |frame| frame.size)
    }
}

/// One object in the frames of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipInstance {
    /// The id of its annotation.
    pub track_id: u64,
    /// The contiguous category; 0 for an instance that is visible in no frame (see
    /// [`AbsentInstances`]).
    pub label: usize,
    /// One entry per frame of the clip.
    pub frames: Vec<InstanceFrame>,
}

impl ClipInstance {
    /// Returns the id in one frame: −1 where the instance is not visible.
    pub fn id_on(&self, frame: usize) -> i64 {
        let is_seen = self.frames.get(frame).is_some_and(|frame| frame.is_visible);
        if is_seen { self.track_id as i64 } else { -1 }
    }
}

/// One object in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceFrame {
    /// Whether any pixel is visible.
    pub is_visible: bool,
    /// The tight box of the mask in pixels of the augmented frame; zeros if nothing is visible.
    pub bbox: BoxXyxy,
    /// The mask, of the size of the frame.
    pub mask: BitMask,
}

/// What happens to instances that are visible in no frame of the clip: crowds, and objects removed
/// by a crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentInstances {
    /// They are dropped.
    #[default]
    Drop,
    /// As in the reference, they are kept, with label 0 and without pixels, and are trained on.
    Keep,
}

/// How the masks of a clip are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Masks {
    /// What happens to instances that are visible in no frame.
    pub(crate) absent: AbsentInstances,
    /// Draws outlines at the size of the file and transforms their pixels, rather than drawing
    /// transformed outlines.
    pub(crate) draws_first: bool,
}

impl Masks {
    /// Masks of transformed outlines.
    pub(crate) fn of(absent: AbsentInstances) -> Self {
        Self { absent, draws_first: false }
    }
}

/// Makes training clips.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipMapper {
    /// Selects the frames.
    pub sampling: ClipSampling,
    /// Augments the frames.
    pub augmentation: Augmentation,
    /// What happens to instances that are visible in no frame.
    pub absent: AbsentInstances,
}

impl ClipMapper {
    /// Draws a clip of a video.
    ///
    /// # Errors
    ///
    /// A frame that cannot be read or has another size than its record says.
    pub fn map(&self, record: &VideoRecord, random: &mut Random) -> Result<ClipSample, DataError> {
        let frame_indices = self.sampling.draw(record.frames.len(), random);
        let steps = self.augmentation.draw(record.size, frame_indices.len(), random);
        build_sample(record, frame_indices, &steps, Masks::of(self.absent))
    }
}

/// Prepares frames for inference by resizing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestMapper {
    /// Short edge in pixels; 0 does not resize.
    pub short_edge: u32,
    /// Limit of the long edge in pixels.
    pub max_size: u32,
}

impl TestMapper {
    /// Reads and resizes frame `index`.
    ///
    /// # Errors
    ///
    /// As [`ClipMapper::map`].
    pub fn map_frame(&self, record: &VideoRecord, index: usize) -> Result<RgbImage, DataError> {
        Ok(self.resize(read_frame(record, index)?))
    }

    /// Resizes a frame from another source.
    pub fn resize(&self, frame: RgbImage) -> RgbImage {
        let size = shortest_edge_size(frame.size, self.short_edge, self.max_size);
        if size == frame.size { frame } else { resize_bilinear(&frame, size) }
    }
}

/// Reads a frame and compares its size with the record's.
pub(crate) fn read_frame(record: &VideoRecord, index: usize) -> Result<RgbImage, DataError> {
    let path = record.frames.get(index).ok_or(DataError::NoSuchFrame {
        video_id: record.id,
        length: record.frames.len(),
        index,
    })?;
    let image = read_image_logged(path)?;
    if image.size != record.size {
        return Err(DataError::FrameSize {
            path: path.clone(),
            video_id: record.id,
            expected: record.size,
            found: image.size,
        });
    }
    Ok(image)
}

/// Applies `steps` to the frames and instances of a clip; one list of steps for each frame.
pub(crate) fn build_sample(
    record: &VideoRecord,
    frame_indices: Vec<usize>,
    steps: &[Vec<Transform>],
    masks: Masks,
) -> Result<ClipSample, DataError> {
    let mut decoded: BTreeMap<usize, RgbImage> = BTreeMap::new();
    let mut frames = Vec::with_capacity(frame_indices.len());
    for (&index, steps) in frame_indices.iter().zip(steps) {
        let image = match decoded.entry(index) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(read_frame(record, index)?).clone(),
        };
        frames.push(steps.iter().fold(image, |image, step| step.apply_image(image)));
    }
    let mut instances = Vec::new();
    for track in &record.tracks {
        let is_annotated = |&index: &usize| track.frames.get(index).is_some_and(Option::is_some);
        if frame_indices.iter().any(is_annotated) {
            let clip = ClipSteps { frame_indices: &frame_indices, steps, masks };
            let instance = map_track(record, track, clip)?;
            let is_seen = instance.frames.iter().any(|frame| frame.is_visible);
            if is_seen || masks.absent == AbsentInstances::Keep {
                instances.push(instance);
            }
        }
    }
    Ok(ClipSample {
        video_id: record.id,
        frame_indices,
        frames,
        original_size: record.size,
        instances,
        exhaustive: record.exhaustive.clone(),
    })
}

/// The frames of a clip, and what is done to them.
#[derive(Debug, Clone, Copy)]
struct ClipSteps<'a> {
    frame_indices: &'a [usize],
    steps: &'a [Vec<Transform>],
    masks: Masks,
}

fn map_track(
    record: &VideoRecord,
    track: &TrackAnnotation,
    clip: ClipSteps<'_>,
) -> Result<ClipInstance, DataError> {
    let mut frames = Vec::with_capacity(clip.frame_indices.len());
    for (&index, steps) in clip.frame_indices.iter().zip(clip.steps) {
        // Crowds have an empty slot.
        let annotation = track.frames.get(index).and_then(Option::as_ref);
        let mask = if let Some(annotation) = annotation.filter(|_| !track.is_crowd) {
            let segmentation = &annotation.segmentation;
            let mask = if clip.masks.draws_first {
                let drawn = segmentation.to_mask(record.size);
                drawn.map(|mask| steps.iter().fold(mask, |mask, step| step.apply_mask(mask)))
            } else {
                transform_segmentation(segmentation, record.size, steps)
            };
            mask.map_err(|source| DataError::Mask {
                path: record.frames[index].clone(),
                video_id: record.id,
                track_id: track.id,
                source,
            })?
        } else {
            let output_size = |size, step: &Transform| step.output_size(size);
            BitMask::new(steps.iter().fold(record.size, output_size))
        };
        let bbox = mask.bounding_box();
        frames.push(InstanceFrame {
            is_visible: bbox.is_some(),
            bbox: bbox.unwrap_or_default(),
            mask,
        });
    }
    let is_seen = frames.iter().any(|frame| frame.is_visible);
    let label = if is_seen { track.category } else { 0 };
    Ok(ClipInstance { track_id: track.id, label, frames })
}

#[cfg(test)]
mod tests;
