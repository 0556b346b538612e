//! The masks of an annotation: whether they can be drawn, and fit their frames.

use seqformer_annotations::{BoxField, Dropped, Fault, Mask, describe, is_absent, other_size};
use seqformer_masks::{ImageSize, Rle};
use serde_json::Value;

use super::{Examination, OF_IMAGE};
use crate::check::comparison;
use crate::check::problem::Kind;
use crate::check::records::Record;

impl Examination {
    /// Takes the list of masks, with as many entries as there are frames.
    pub(super) fn masks(&mut self, record: Option<&Record>) -> Option<Vec<Value>> {
        let field = self.fields.masks;
        if !self.has_videos {
            return Some(vec![self.entry.get(field).cloned().unwrap_or_default()]);
        }
        let list = match self.entry.get(field) {
            Some(Value::Array(list)) => list.clone(),
            other => {
                let found = other.map_or("no such field".to_owned(), describe);
                let fault = Fault::new(
                    field,
                    "a list with an entry for each frame",
                    found,
                    "write a list of masks in square brackets",
                );
                self.say(Kind::WrongField, None, fault, false);
                return None;
            }
        };
        let length = record.and_then(|record| record.length);
        if let Some(length) = length.filter(|&length| length != list.len()) {
            let surplus = list.get(length..).unwrap_or_default();
            // Entries of null beyond the last frame are harmless.
            let is_fixable = list.len() > length && surplus.iter().all(is_absent);
            let expected = format!("an entry for each of the {length} frames of the video");
            let mend = if is_fixable {
                "remove the entries behind the last frame"
            } else {
                "write null where the object is not seen"
            };
            let fault = Fault::new(field, expected, format!("{} entries", list.len()), mend);
            self.say(Kind::TrackLength, None, fault, is_fixable);
            if is_fixable {
                let kept = list[..length].to_vec();
                self.entry.set(field, Value::Array(kept.clone()));
                for other in [self.fields.boxes, self.fields.areas] {
                    if let Some(Value::Array(values)) = self.entry.get(other).cloned() {
                        self.entry.set(other, values.into_iter().take(length).collect());
                    }
                }
                return Some(kept);
            }
        }
        Some(list)
    }

    /// Draws the masks, and reports those that are wrong.
    pub(super) fn draw(&mut self, masks: Vec<Value>, size: Option<ImageSize>) -> Vec<Drawn> {
        let field = self.fields.masks;
        let mut drawn = Vec::with_capacity(masks.len());
        let mut is_any_given = false;
        for (frame, value) in masks.iter().enumerate() {
            let name = self.field(field, frame);
            is_any_given |= !is_absent(value);
            let mut dropped = Dropped::default();
            let mask = match Mask::read(value, &mut dropped) {
                Ok(mask) => mask,
                Err(fault) => {
                    let is_finite = comparison::is_finite(&fault.found);
                    let kind = if is_finite { Kind::BrokenMask } else { Kind::NotFinite };
                    self.say(kind, Some(frame), fault.within(&name), false);
                    drawn.push(Drawn::default());
                    continue;
                }
            };
            if dropped.stray_polygons + dropped.unusable > 0 {
                let found = "fewer points, or half a point";
                let fault = Fault::new(
                    name.as_str(),
                    "polygons of three points or more",
                    found,
                    "remove the polygon, or draw it again",
                );
                // A stray polygon beside good ones has no pixels; where it is all there is, something is lost.
                let is_fixable = dropped.unusable == 0;
                self.say(Kind::ShortPolygon, Some(frame), fault, is_fixable);
                if is_fixable && let Some(Value::Array(polygons)) = Some(value) {
                    let is_good = |polygon: &&Value| {
                        polygon
                            .as_array()
                            .is_some_and(|list| list.len() >= 6 && list.len().is_multiple_of(2))
                    };
                    let good = polygons.iter().filter(is_good).cloned().collect();
                    self.set_mask(frame, good);
                }
            }
            drawn.push(self.draw_one(mask, (frame, &name), size));
        }
        if !is_any_given && self.entry.bbox(OF_IMAGE.boxes) == BoxField::Absent {
            let fault = Fault::new(
                field,
                "a mask",
                "none on any frame",
                "draw the object, or remove the annotation",
            );
            self.say(Kind::NoMask, None, fault, false);
        }
        drawn
    }

    fn draw_one(
        &mut self,
        mask: Mask,
        (frame, name): (usize, &str),
        size: Option<ImageSize>,
    ) -> Drawn {
        let is_polygon = matches!(mask, Mask::Polygons(_));
        if let (Mask::Polygons(polygons), Some(size)) = (&mask, size) {
            let (width, height) = (f64::from(size.width), f64::from(size.height));
            // Half a pixel comes from tools that count from the centre of pixels.
            let is_outside =
                |&[x, y]: &[f64; 2]| x < -0.5 || y < -0.5 || x > width + 0.5 || y > height + 0.5;
            if let Some([x, y]) = polygons
                .iter()
                .flat_map(seqformer_masks::Polygon::vertices)
                .find(|point| is_outside(point))
            {
                let fault = Fault::new(
                    name,
                    format!("points inside of the frame, {size}"),
                    format!("({x}, {y})"),
                    "cut the polygon at the edge; was the image resized?",
                );
                self.say(Kind::PolygonOutside, Some(frame), fault, false);
            }
        }
        // Run lengths bring their size along.
        let Ok(Some(mask)) = mask.draw(size) else { return Drawn::default() };
        if let Some(size) = size.filter(|&size| size != mask.size()) {
            let fault = other_size(size, mask.size()).within(name);
            self.say(Kind::MaskSize, Some(frame), fault, false);
            return Drawn { mask: None, is_polygon, is_reported: true };
        }
        if mask.area() == 0 {
            let is_fixable = self.has_videos && !is_polygon;
            let fault = Fault::new(
                name,
                "pixels, or null",
                "a mask without pixels",
                "write null where the object is not seen",
            );
            self.say(Kind::EmptyMask, Some(frame), fault, is_fixable);
            if is_fixable {
                self.set_mask(frame, Value::Null);
                for other in [self.fields.boxes, self.fields.areas] {
                    self.set_in(other, frame, Value::Null);
                }
            }
            return Drawn { mask: None, is_polygon, is_reported: true };
        }
        Drawn { mask: Some(mask), is_polygon, is_reported: false }
    }

    fn set_mask(&mut self, frame: usize, value: Value) {
        self.set_in(self.fields.masks, frame, value);
    }
}

/// A mask that was drawn.
#[derive(Default)]
pub(super) struct Drawn {
    /// Its pixels.
    pub(super) mask: Option<Rle>,
    /// Whether it is of polygons.
    pub(super) is_polygon: bool,
    /// Whether there was a mask without pixels, or of another size, which is reported already.
    pub(super) is_reported: bool,
}
