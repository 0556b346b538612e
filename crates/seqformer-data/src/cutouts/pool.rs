//! Which objects can be cut out, and which pictures can be in the back.

use std::collections::BTreeMap;
use std::fmt;

use seqformer_masks::{BoxXyxy, ImageSize};

use crate::random::Random;
use crate::{Segmentation, TrackAnnotation, VideoRecord};

/// The least side of an object's box, in pixels of its picture.
const MIN_SIDE: f64 = 20.0;
/// The least area of an object, in pixels of its picture.
const MIN_AREA: f64 = 500.0;
/// The largest part of its picture that an object covers.
const MAX_PART: f64 = 0.6;
/// Pictures of which objects cover more than this are not in the back.
const MAX_COVERED: f64 = 0.6;
/// Distance from the border of a picture, in pixels, within which an object counts as cut off by it.
const BORDER: f64 = 1.5;

/// An object of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectIndex {
    /// Its picture, counted from 0.
    pub(super) record: usize,
    /// Its place among the objects of the picture, counted from 0.
    pub(super) track: usize,
}

/// On which sides an object is cut off by the border of its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CutSides {
    /// For x and y: the lower side (left, top), and the higher one (right, bottom).
    pub(super) sides: [[bool; 2]; 2],
}

impl CutSides {
    /// Returns whether any side is cut off.
    pub(super) fn any(self) -> bool {
        self.sides.as_flattened().contains(&true)
    }

    /// Exchanges left and right.
    pub(super) fn flipped(mut self) -> Self {
        self.sides[0].reverse();
        self
    }

    fn of(bounds: BoxXyxy, size: ImageSize) -> Self {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let sides = |low: f64, high: f64, end: f64| [low < BORDER, high > end - BORDER];
        Self { sides: [sides(bounds.x0, bounds.x1, width), sides(bounds.y0, bounds.y1, height)] }
    }

    /// Returns whether two opposite sides are cut off.
    fn is_opposite(self) -> bool {
        self.sides.iter().any(|&[low, high]| low && high)
    }
}

/// How many objects cannot be cut out, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOutObjects {
    /// Groups of objects.
    pub crowds: usize,
    /// Fewer than 20 pixels wide or high, or fewer than 500 pixels.
    pub small: usize,
    /// More than 60 % of their picture.
    pub large: usize,
    /// Cut off by two opposite borders of their picture.
    pub cut_off: usize,
}

impl fmt::Display for LeftOutObjects {
    /// Writes `1 crowds, 2 too small, 3 too large, 4 cut off on opposite sides`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { crowds, small, large, cut_off } = self;
        write!(
            formatter,
            "{crowds} crowds, {small} too small, {large} too large, {cut_off} cut off on opposite sides"
        )
    }
}

/// The objects of a dataset that can be cut out, and the pictures that can be in the back.
///
/// An object that the border of its picture cuts off on one side, or on two sides that meet, stays with these sides
/// beyond the border of the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutoutPool {
    /// For each category that has any.
    by_class: Vec<(usize, Vec<ObjectIndex>)>,
    cut_sides: BTreeMap<ObjectIndex, CutSides>,
    backgrounds: Vec<usize>,
    left_out: LeftOutObjects,
}

impl CutoutPool {
    /// Examines the pictures of a dataset; of a video, its first frame.
    pub fn new(records: &[VideoRecord]) -> Self {
        let mut left_out = LeftOutObjects::default();
        let mut by_class: BTreeMap<usize, Vec<ObjectIndex>> = BTreeMap::new();
        let mut cut_sides = BTreeMap::new();
        let mut covered = Vec::with_capacity(records.len());
        for (record, picture) in records.iter().enumerate() {
            let num_pixels = picture.size.num_pixels() as f64;
            let mut sum = 0.0;
            for (track, object) in picture.tracks.iter().enumerate() {
                let Some((area, bounds)) = extent(object) else { continue };
                sum += area;
                let sides = CutSides::of(bounds, picture.size);
                let (width, height) = (bounds.x1 - bounds.x0, bounds.y1 - bounds.y0);
                let reason = if object.is_crowd {
                    &mut left_out.crowds
                } else if width.min(height) < MIN_SIDE || area < MIN_AREA {
                    &mut left_out.small
                } else if area > MAX_PART * num_pixels {
                    &mut left_out.large
                } else if sides.is_opposite() {
                    &mut left_out.cut_off
                } else {
                    let object_index = ObjectIndex { record, track };
                    by_class.entry(object.category).or_default().push(object_index);
                    cut_sides.insert(object_index, sides);
                    continue;
                };
                *reason += 1;
            }
            covered.push(sum / num_pixels);
        }
        let mut pool = Self {
            by_class: by_class.into_iter().collect(),
            cut_sides,
            backgrounds: Vec::new(),
            left_out,
        };
        let possible = |limit: f64| -> Vec<usize> {
            let records = (0..records.len()).filter(|&record| covered[record] <= limit);
            records.filter(|&record| pool.has_others(record)).collect()
        };
        let mut backgrounds = possible(MAX_COVERED);
        if backgrounds.is_empty() {
            backgrounds = possible(f64::INFINITY);
        }
        pool.backgrounds = backgrounds;
        pool
    }

    /// Returns the number of objects that can be cut out.
    pub fn num_objects(&self) -> usize {
        self.cut_sides.len()
    }

    /// Returns the pictures that can be in the back, counted from 0: there is an object to cut out of another one.
    pub fn backgrounds(&self) -> &[usize] {
        &self.backgrounds
    }

    /// Returns how many objects cannot be cut out.
    pub fn left_out(&self) -> LeftOutObjects {
        self.left_out
    }

    /// Returns whether pictures other than this one have an object to cut out.
    pub(crate) fn has_others(&self, record: usize) -> bool {
        let is_other = |object: Option<(&ObjectIndex, _)>| {
            object.is_some_and(|(object, _)| object.record != record)
        };
        is_other(self.cut_sides.first_key_value()) || is_other(self.cut_sides.last_key_value())
    }

    /// Draws an object that is not of the picture `background`, if there is one: first its class, all with the same
    /// probability, unless it is given.
    pub(super) fn draw(
        &self,
        random: &mut Random,
        background: usize,
        category: Option<usize>,
    ) -> Option<ObjectIndex> {
        const ATTEMPTS: usize = 50;
        for _ in 0..ATTEMPTS {
            let given = self.by_class.iter().find(|class| Some(class.0) == category);
            let (_, objects) =
                given.or_else(|| self.by_class.get(random.index(self.by_class.len())))?;
            let object = objects[random.index(objects.len())];
            if object.record != background {
                return Some(object);
            }
        }
        // Nearly all objects are of this picture.
        self.cut_sides.keys().find(|object| object.record != background).copied()
    }

    /// Returns the sides on which an object is cut off.
    pub(super) fn cut_sides(&self, object: ObjectIndex) -> CutSides {
        self.cut_sides.get(&object).copied().unwrap_or_default()
    }
}

/// The area and the box of an object; `None` if it has no mask.
fn extent(object: &TrackAnnotation) -> Option<(f64, BoxXyxy)> {
    match &object.frames.first()?.as_ref()?.segmentation {
        Segmentation::Rle(mask) => Some((mask.area() as f64, mask.bounding_box().into())),
        Segmentation::Polygons(polygons) => {
            let area = polygons.iter().map(seqformer_masks::Polygon::area).sum();
            let boxes = polygons.iter().map(seqformer_masks::Polygon::bounding_box);
            let join = |a: BoxXyxy, b: BoxXyxy| BoxXyxy {
                x0: a.x0.min(b.x0),
                y0: a.y0.min(b.y0),
                x1: a.x1.max(b.x1),
                y1: a.y1.max(b.y1),
            };
            Some((area, boxes.reduce(join)?))
        }
    }
}
