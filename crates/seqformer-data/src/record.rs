//! A video of an annotation file, checked and with contiguous categories.

use std::path::PathBuf;

use seqformer_masks::{BitMask, ImageSize, MaskError, Polygon, Rle};

/// A video and the objects in it. A still image is a video of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoRecord {
    /// The `id` in the file.
    pub id: u64,
    /// The image file of every frame.
    pub frames: Vec<PathBuf>,
    /// Height and width of every frame.
    pub size: ImageSize,
    /// One entry per object, in the order of the file.
    pub tracks: Vec<TrackAnnotation>,
    /// The contiguous categories of which every object is annotated, in order; `None` if all of them are.
    pub exhaustive: Option<Vec<usize>>,
}

impl VideoRecord {
    /// Returns whether any frame shows a non-crowd object.
    pub fn has_instances(&self) -> bool {
        self.tracks.iter().any(|track| !track.is_crowd && track.is_visible())
    }
}

/// One object, tracked through the video.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackAnnotation {
    /// The annotation's `id` in the file.
    pub id: u64,
    /// Contiguous category: the rank of its id among all ids.
    pub category: usize,
    /// Whether this is a group of objects that were not annotated separately.
    pub is_crowd: bool,
    /// One entry per frame of the video; `None` where the object is not visible.
    pub frames: Vec<Option<FrameAnnotation>>,
}

impl TrackAnnotation {
    /// Returns whether any frame shows the object.
    pub fn is_visible(&self) -> bool {
        self.frames.iter().any(Option::is_some)
    }
}

/// An object in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameAnnotation {
    /// The pixels. Boxes are computed from the pixels, whatever the file contains.
    pub segmentation: Segmentation,
}

/// The pixels of an object, in either of the two forms of COCO files.
#[derive(Debug, Clone, PartialEq)]
pub enum Segmentation {
    /// The union of one or more polygons.
    Polygons(Vec<Polygon>),
    /// Run lengths of the size of the frame.
    Rle(Rle),
}

impl Segmentation {
    /// Draws the pixels in an image of `size`.
    ///
    /// # Errors
    ///
    /// Run lengths of another size.
    pub fn to_mask(&self, size: ImageSize) -> Result<BitMask, MaskError> {
        match self {
            Self::Polygons(polygons) => rasterize_all(polygons, size),
            Self::Rle(rle) if rle.size() == size => Ok(rle.decode()),
            Self::Rle(rle) => Err(MaskError::SizeMismatch { expected: size, found: rle.size() }),
        }
    }
}

/// Draws the union of `polygons` in an image of `size`.
pub(crate) fn rasterize_all(polygons: &[Polygon], size: ImageSize) -> Result<BitMask, MaskError> {
    let drawn: Vec<Rle> = polygons.iter().map(|polygon| polygon.rasterize(size)).collect();
    match drawn.as_slice() {
        [] => Ok(BitMask::new(size)),
        [only] => Ok(only.decode()),
        several => Ok(Rle::union(several)?.decode()),
    }
}
