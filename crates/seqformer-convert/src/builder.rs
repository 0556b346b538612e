//! Builds videos from single shapes.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_masks::{ImageSize, Rle};

use crate::dataset::{Category, Occlusion, Shape, Shapes, Track, Video};
use crate::notes::Notes;

/// One object on one frame.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The number of the object within its video.
    pub(crate) id: i64,
    /// The frame.
    pub(crate) frame: usize,
    /// Its class.
    pub(crate) category_id: i64,
    /// Where it is.
    pub(crate) shape: Shape,
    /// How far it is occluded.
    pub(crate) occlusion: Option<Occlusion>,
    /// Whether it stands for a group of objects.
    pub(crate) is_crowd: bool,
    /// Whether it is a region to be ignored.
    pub(crate) is_ignored: bool,
}

impl Seen {
    /// An object without marks, whose occlusion is unknown.
    pub(crate) fn new(id: i64, frame: usize, category_id: i64, shape: Shape) -> Self {
        let (occlusion, is_crowd, is_ignored) = (None, false, false);
        Self { id, frame, category_id, shape, occlusion, is_crowd, is_ignored }
    }
}

/// The objects of a video by their numbers, in the order in which they were added.
#[derive(Debug)]
pub(crate) struct TrackBuilder {
    size: ImageSize,
    place: String,
    tracks: Vec<Growing>,
    by_id: BTreeMap<i64, usize>,
}

#[derive(Debug)]
struct Growing {
    id: i64,
    category_id: i64,
    is_crowd: bool,
    is_ignored: bool,
    shapes: BTreeMap<usize, (Shape, Option<Occlusion>)>,
}

impl TrackBuilder {
    /// Begins a video with frames of `size`; `place` names it in messages.
    pub(crate) fn new(size: ImageSize, place: impl Into<String>) -> Self {
        Self { size, place: place.into(), tracks: Vec::new(), by_id: BTreeMap::new() }
    }

    /// Returns a number that no object has yet.
    pub(crate) fn unused_id(&self) -> i64 {
        self.by_id.last_key_value().map_or(1, |(&id, _)| id.saturating_add(1))
    }

    /// Adds an object on a frame, and joins it with what the object already has there.
    pub(crate) fn add(&mut self, seen: Seen, notes: &mut Notes) {
        let Seen { id, frame, category_id, shape, occlusion, is_crowd, is_ignored } = seen;
        let index = *self.by_id.entry(id).or_insert(self.tracks.len());
        let place = || format!("object {id} of {} on frame {frame}", self.place);
        if index == self.tracks.len() {
            let shapes = BTreeMap::new();
            self.tracks.push(Growing { id, category_id, is_crowd, is_ignored, shapes });
        }
        let track = &mut self.tracks[index];
        if track.category_id != category_id {
            notes.count("objects change their class: the first one is kept", place);
        }
        track.is_crowd |= is_crowd;
        track.is_ignored |= is_ignored;
        let joined = match track.shapes.remove(&frame) {
            None => (shape, occlusion),
            Some((earlier, earlier_occlusion)) => {
                (join(earlier, shape, self.size), earlier_occlusion.or(occlusion))
            }
        };
        track.shapes.insert(frame, joined);
    }

    /// Returns the video, which has a frame for each of `file_names`.
    pub(crate) fn into_video(self, id: i64, name: String, file_names: Vec<String>) -> Video {
        let (size, length) = (self.size, file_names.len());
        let tracks = self.finish(length);
        Video { id, name, size, length, file_names: Some(file_names), tracks, exhaustive: None }
    }

    /// Returns the objects, with a shape or none for each of `length` frames.
    pub(crate) fn finish(self, length: usize) -> Vec<Track> {
        let finish = |track: Growing| {
            let Growing { id, category_id, is_crowd, is_ignored, mut shapes } = track;
            let knows_occlusion = shapes.values().any(|(_, occlusion)| occlusion.is_some());
            let mut frames = Vec::with_capacity(length);
            let mut occlusion = Vec::new();
            for frame in 0..length {
                let (shape, hidden) = shapes.remove(&frame).unzip();
                frames.push(shape);
                if knows_occlusion {
                    occlusion.push(hidden.flatten());
                }
            }
            let shapes = Shapes::from(frames);
            Track { id, category_id, is_crowd, is_ignored, score: None, shapes, occlusion }
        };
        self.tracks.into_iter().map(finish).collect()
    }
}

/// Classes that are known by their names, numbered from 1 in the order of their first use.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    categories: Vec<Category>,
}

impl Classes {
    /// Returns the number of a class.
    pub(crate) fn id(&mut self, name: &str) -> i64 {
        if let Some(known) = self.categories.iter().find(|known| known.name == name) {
            return known.id;
        }
        let id = self.categories.len() as i64 + 1;
        self.categories.push(Category { id, name: name.to_owned() });
        id
    }

    /// Returns all classes.
    pub(crate) fn finish(self) -> Vec<Category> {
        self.categories
    }
}

/// Names classes that are known by their numbers; one without a name is called `class_7`.
pub(crate) fn categories(
    ids: &BTreeSet<i64>,
    name: impl Fn(i64) -> Option<&'static str>,
) -> Vec<Category> {
    let named = |&id: &i64| {
        let name = name(id).map_or_else(|| format!("class_{id}"), str::to_owned);
        Category { id, name }
    };
    ids.iter().map(named).collect()
}

/// Joins two parts of one object; a mask replaces a box.
fn join(first: Shape, second: Shape, size: ImageSize) -> Shape {
    match (first, second) {
        (Shape::Polygons(first), Shape::Polygons(second)) => {
            Shape::Polygons(first.into_iter().chain(second).collect())
        }
        (Shape::Box(_), other) | (other, Shape::Box(_)) => other,
        (first, second) => {
            let parts: Vec<Rle> =
                [&first, &second].iter().filter_map(|shape| shape.draw(size)).collect();
            // Masks of different sizes have no union; `check_sizes` reports them.
            Rle::union(&parts).map_or(first, Shape::Mask)
        }
    }
}

#[cfg(test)]
mod tests {
    use seqformer_masks::{BoxXywh, Polygon};

    use super::*;

    #[test]
    fn parts_on_one_frame_are_joined_and_holes_stay() {
        let size = ImageSize { height: 10, width: 10 };
        let square = |x: f64| {
            let polygon = Polygon::from_xy(&[x, 1.0, x + 2.0, 1.0, x + 2.0, 3.0, x, 3.0]).unwrap();
            Shape::Polygons(Box::new([polygon]))
        };
        let mut builder = TrackBuilder::new(size, "video 1");
        let mut notes = Notes::default();
        let seen = |frame, category_id, shape| {
            let (is_crowd, is_ignored) = (false, false);
            Seen { id: 5, frame, category_id, shape, occlusion: None, is_crowd, is_ignored }
        };
        builder.add(seen(2, 1, square(1.0)), &mut notes);
        builder.add(seen(2, 1, square(6.0)), &mut notes);
        builder.add(seen(0, 2, Shape::Box(BoxXywh::default())), &mut notes);
        builder.add(seen(0, 2, square(4.0)), &mut notes);
        let tracks = builder.finish(3);
        let [track] = tracks.as_slice() else { panic!("{tracks:?}") };
        let areas: Vec<Option<u64>> =
            track.shapes.frames().map(|shape| Some(shape?.draw(size)?.area())).collect();
        assert_eq!((track.category_id, areas), (1, vec![Some(4), None, Some(8)]));
        let lines: Vec<String> = notes.lines().collect();
        assert!(lines[0].starts_with("2 objects change their class"), "{lines:?}");
    }
}
