//! The picture in the back, and its objects.

use seqformer_masks::{BitMask, ImageSize, MaskError};

use super::affine_map::AffineMap;
use super::layer::Layer;
use super::matte::ColorStatistics;
use super::scene_object::SceneObject;
use crate::{DataError, RgbImage, TrackAnnotation, Transform, VideoRecord, transform_segmentation};

/// An object of the picture in the back.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) object: SceneObject,
    /// Its mask within its box.
    pub(super) mask: Layer<1>,
    /// From the mask to the picture.
    pub(super) to_picture: AffineMap,
}

/// Draws the mask of an object of a picture; `None` if it has none.
pub(super) fn mask_of(
    record: &VideoRecord,
    track: &TrackAnnotation,
) -> Result<Option<BitMask>, DataError> {
    let Some(Some(frame)) = track.frames.first() else { return Ok(None) };
    let mask = frame.segmentation.to_mask(record.size);
    mask.map(Some).map_err(|source| wrong_mask(record, track, source))
}

fn wrong_mask(record: &VideoRecord, track: &TrackAnnotation, source: MaskError) -> DataError {
    let path = record.frames.first().cloned().unwrap_or_default();
    DataError::Mask { path, video_id: record.id, track_id: track.id, source }
}

/// Draws the masks of all objects of a picture that is resized to `size`.
pub(super) fn residents(
    record: &VideoRecord,
    index: usize,
    size: ImageSize,
) -> Result<Vec<Resident>, DataError> {
    let mut residents = Vec::with_capacity(record.tracks.len());
    for (track_index, track) in record.tracks.iter().enumerate() {
        let Some(Some(frame)) = track.frames.first() else { continue };
        let steps = [Transform::Resize(size)];
        let mask = transform_segmentation(&frame.segmentation, record.size, &steps)
            .map_err(|source| wrong_mask(record, track, source))?;
        let Some(bounds) = mask.bounding_box() else { continue };
        let (left, top) = (bounds.x0 as u32, bounds.y0 as u32);
        let window = ImageSize { height: bounds.y1 as u32 - top, width: bounds.x1 as u32 - left };
        let Ok(mask) = mask.crop(left, top, window) else { continue };
        let pixels = mask.as_bytes().iter().map(|&pixel| [f32::from(pixel)]).collect();
        residents.push(Resident {
            object: SceneObject {
                category: track.category,
                is_crowd: track.is_crowd,
                record: index,
                track: track_index,
            },
            mask: Layer { size: window, pixels },
            to_picture: AffineMap { shift: [left, top].map(f64::from), ..AffineMap::scaling(1.0) },
        });
    }
    Ok(residents)
}

pub(super) fn backdrop(picture: &RgbImage) -> Layer<3> {
    let (pixels, _none_left) = picture.pixels.as_chunks::<3>();
    Layer { size: picture.size, pixels: pixels.iter().map(|pixel| pixel.map(f32::from)).collect() }
}

/// Measures the colours of a part of the pixels.
pub(super) fn statistics(picture: &RgbImage) -> ColorStatistics {
    const STEP: usize = 7;
    let (pixels, _none_left) = picture.pixels.as_chunks::<3>();
    let opaque = |&[red, green, blue]: &[u8; 3]| {
        let [red, green, blue] = [red, green, blue].map(f32::from);
        [red, green, blue, 1.0]
    };
    let sample: Vec<[f32; 4]> = pixels.iter().step_by(STEP).map(opaque).collect();
    ColorStatistics::of(&sample)
}
