//! What all formats have in common.

use std::borrow::Cow;

use seqformer_annotations::{CompressedTrack, Mask, TrackMasks};
use seqformer_masks::{BoxXywh, BoxXyxy, ImageSize, PackedTrack, Polygon, Rle};
use serde_json::{Value, json};

/// Annotated videos; a single image is a video of one frame.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// The classes, each with an id of its own.
    pub categories: Vec<Category>,
    /// The videos, each with an id and a name of its own.
    pub videos: Vec<Video>,
}

/// A class of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The number by which annotations name it, 0 or more.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A video with its objects.
#[derive(Debug, Clone)]
pub struct Video {
    /// Its number, 0 or more.
    pub id: i64,
    /// Its name: that of the folder of its frames, where there is one.
    pub name: String,
    /// Height and width of its frames.
    pub size: ImageSize,
    /// How many frames it has.
    pub length: usize,
    /// The image file of every frame, as the format names them; `None` if it does not.
    pub file_names: Option<Vec<String>>,
    /// The objects.
    pub tracks: Vec<Track>,
    /// The classes of which every object is annotated, in order; `None` if all of them are.
    pub exhaustive: Option<Vec<i64>>,
}

/// An object over the frames of its video.
#[derive(Debug, Clone)]
pub struct Track {
    /// Its number, which no other object of the video has.
    pub id: i64,
    /// The class.
    pub category_id: i64,
    /// Whether it stands for a group of objects.
    pub is_crowd: bool,
    /// Whether it is a region to be ignored.
    pub is_ignored: bool,
    /// The score of a model's result, from 0 to 1; `None` for annotations.
    pub score: Option<f64>,
    /// Its shape in each frame.
    pub shapes: Shapes,
    /// How far it is occluded in each frame; empty if that is unknown.
    pub occlusion: Vec<Option<Occlusion>>,
}

/// How far an object is occluded, in the levels of OVIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occlusion {
    /// Not at all.
    None,
    /// In part.
    Slight,
    /// For the most part.
    Severe,
}

/// Where an object is in one frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Its pixels.
    Mask(Rle),
    /// The union of polygons, of which there is at least one.
    Polygons(Box<[Polygon]>),
    /// A box without a mask.
    Box(BoxXywh),
}

/// The shapes of an object, one per frame; `None` where it is absent.
#[derive(Debug, Clone)]
pub enum Shapes {
    /// Only masks, packed.
    Packed(PackedTrack),
    /// Only masks, as the compressed text of the file.
    Compressed(CompressedTrack),
    /// Masks, polygons and boxes.
    Mixed(Vec<Option<Shape>>),
}

impl Occlusion {
    /// Converts the word that OVIS has for it.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "no_occlusion" => Some(Self::None),
            "slight_occlusion" => Some(Self::Slight),
            "severe_occlusion" => Some(Self::Severe),
            _ => None,
        }
    }

    /// Returns the word that OVIS has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "no_occlusion",
            Self::Slight => "slight_occlusion",
            Self::Severe => "severe_occlusion",
        }
    }

    /// Converts a mark that only says whether a part is occluded.
    pub fn from_mark(is_occluded: bool) -> Self {
        if is_occluded { Self::Slight } else { Self::None }
    }

    /// Returns whether a part is occluded.
    pub fn is_occluded(self) -> bool {
        self != Self::None
    }
}

impl Shape {
    /// Draws the pixels in a frame of `size`; a box has none.
    pub fn draw(&self, size: ImageSize) -> Option<Rle> {
        match self {
            Self::Mask(mask) => Some(mask.clone()),
            Self::Polygons(polygons) => {
                let parts: Vec<Rle> =
                    polygons.iter().map(|polygon| polygon.rasterize(size)).collect();
                // Parts of one size have a union.
                Rle::union(&parts).ok()
            }
            Self::Box(_) => None,
        }
    }

    /// Returns the tight box, that of the pixels for a mask.
    pub fn bounding_box(&self) -> BoxXywh {
        match self {
            Self::Mask(mask) => mask.bounding_box(),
            Self::Polygons(polygons) => {
                let boxes = polygons.iter().map(Polygon::bounding_box);
                let around = boxes.reduce(|a, b| BoxXyxy {
                    x0: a.x0.min(b.x0),
                    y0: a.y0.min(b.y0),
                    x1: a.x1.max(b.x1),
                    y1: a.y1.max(b.y1),
                });
                around.unwrap_or_default().into()
            }
            Self::Box(bounds) => *bounds,
        }
    }
}

impl Default for Shapes {
    fn default() -> Self {
        Self::Packed(PackedTrack::default())
    }
}

impl From<Vec<Option<Shape>>> for Shapes {
    /// Packs the shapes if all of them are masks.
    fn from(shapes: Vec<Option<Shape>>) -> Self {
        let is_mask = |shape: &Option<Shape>| matches!(shape, None | Some(Shape::Mask(_)));
        if !shapes.iter().all(is_mask) {
            return Self::Mixed(shapes);
        }
        let mut track = PackedTrack::default();
        for shape in &shapes {
            match shape {
                Some(Shape::Mask(mask)) => track.push(mask),
                _ => track.push_absent(),
            }
        }
        track.shrink_to_fit();
        Self::Packed(track)
    }
}

impl From<TrackMasks> for Shapes {
    fn from(masks: TrackMasks) -> Self {
        match masks {
            TrackMasks::Packed(track) => Self::Packed(track),
            TrackMasks::Compressed(track) => Self::Compressed(track),
            TrackMasks::Mixed(masks) => {
                Self::Mixed(masks.into_iter().map(|mask| Shape::from_mask(mask, None)).collect())
            }
        }
    }
}

impl Shape {
    /// Converts the mask of an annotation; the box if there is no mask.
    pub(crate) fn from_mask(mask: Mask, bounds: Option<BoxXywh>) -> Option<Self> {
        match mask {
            Mask::Runs(mask) => Some(Self::Mask(mask)),
            Mask::Polygons(polygons) => Some(Self::Polygons(polygons)),
            Mask::Absent | Mask::Unusable => bounds.map(Self::Box),
        }
    }
}

impl Shapes {
    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(track) => track.len(),
            Self::Compressed(track) => track.len(),
            Self::Mixed(shapes) => shapes.len(),
        }
    }

    /// Returns whether there are no frames.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the shape of every frame.
    pub fn frames(&self) -> Box<dyn Iterator<Item = Option<Cow<'_, Shape>>> + '_> {
        match self {
            Self::Packed(track) => {
                Box::new(track.masks().map(|mask| mask.map(|mask| Cow::Owned(Shape::Mask(mask)))))
            }
            Self::Compressed(track) => {
                Box::new(track.masks().map(|mask| mask.map(|mask| Cow::Owned(Shape::Mask(mask)))))
            }
            Self::Mixed(shapes) => {
                Box::new(shapes.iter().map(|shape| shape.as_ref().map(Cow::Borrowed)))
            }
        }
    }

    /// Returns the size of the first mask that has another one than `size`, and its frame.
    pub fn other_size(&self, size: ImageSize) -> Option<(usize, ImageSize)> {
        let is_other = |&(_, found): &(usize, ImageSize)| found != size;
        let known = |(frame, size): (usize, Option<ImageSize>)| Some((frame, size?));
        match self {
            Self::Packed(track) => track.sizes().enumerate().filter_map(known).find(is_other),
            Self::Compressed(track) => track.sizes().enumerate().filter_map(known).find(is_other),
            Self::Mixed(shapes) => {
                let size_of = |(frame, shape): (usize, &Option<Shape>)| match shape {
                    Some(Shape::Mask(mask)) => Some((frame, mask.size())),
                    _ => None,
                };
                shapes.iter().enumerate().filter_map(size_of).find(is_other)
            }
        }
    }
}

impl Video {
    /// Returns the image file of a frame, or a name made of that of the video if the format names none.
    pub fn frame_name(&self, frame: usize) -> Cow<'_, str> {
        match self.file_names.as_ref().and_then(|names| names.get(frame)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("{}/{frame:05}.jpg", self.name)),
        }
    }

    /// Writes the classes that are completely annotated into the entry of the video or of one of its frames.
    pub(crate) fn write_exhaustive(&self, entry: &mut Value) {
        if let Some(classes) = &self.exhaustive {
            entry["exhaustive_category_ids"] = json!(classes);
        }
    }

    /// Names the video in messages.
    pub fn place(&self) -> String {
        format!("video {} ({})", self.id, self.name)
    }

    /// Names a track in messages.
    pub fn track_place(&self, track: &Track) -> String {
        format!("object {} of {}", track.id, self.place())
    }

    /// Names a track on a frame in messages.
    pub fn frame_place(&self, track: &Track, frame: usize) -> String {
        format!("{} on frame {frame}", self.track_place(track))
    }
}

impl Dataset {
    /// Returns the name of a class.
    pub fn category_name(&self, id: i64) -> &str {
        self.categories.iter().find(|category| category.id == id).map_or("", |found| &found.name)
    }

    /// Returns the number of objects of all videos.
    pub fn num_tracks(&self) -> usize {
        self.videos.iter().map(|video| video.tracks.len()).sum()
    }

    /// Returns whether every video is a single image.
    pub fn has_images_only(&self) -> bool {
        self.videos.iter().all(|video| video.length == 1)
    }
}
