//! Tags with text: layout, placement and drawing.

use seqformer_masks::ImageSize;

use super::{Canvas, Region};
use crate::palette::text_color;
use crate::text::{Fonts, Ink, ascent};

/// Draws tags and remembers their positions, so that they do not cover each other.
pub(super) struct LabelPainter<'a> {
    fonts: &'a Fonts,
    picture: ImageSize,
    text_px: f32,
    placed: Vec<Tag>,
}

/// A tag's rectangle, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tag {
    pub(super) left: i64,
    pub(super) top: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

impl<'a> LabelPainter<'a> {
    pub(super) fn new(picture: ImageSize, fonts: &'a Fonts) -> Self {
        let text_px = (picture.height as f32 / 24.0).clamp(11.0, 32.0);
        Self { fonts, picture, text_px, placed: Vec::new() }
    }

    /// Draws `text` on a tag at the top of `region`; nothing if not even one letter fits.
    pub(super) fn paint(
        &mut self,
        canvas: &mut Canvas<'_>,
        region: &Region,
        text: &str,
        color: [u8; 3],
    ) {
        let padding_x = (self.text_px * 0.35).round();
        let padding_y = (self.text_px * 0.12).round();
        let room = self.picture.width as f32 - 2.0 * padding_x;
        let Some(line) = self.fonts.fit(text, self.text_px, room) else { return };
        let width = (line.width + 2.0 * padding_x).ceil() as i64;
        let height = (self.text_px + 2.0 * padding_y).ceil() as i64;
        let tag = self.place(region, width, height);
        self.placed.push(tag);
        paint_tag(canvas, tag, color, (self.text_px * 0.2).round());
        let baseline = tag.top as f32 + padding_y + ascent(self.text_px);
        let text_color = text_color(color);
        self.fonts.draw(&line, tag.left as f32 + padding_x, baseline, |ink| {
            let Ink { x, y, color, alpha } = ink;
            paint_pixel(canvas, x, y, color.unwrap_or(text_color), alpha);
        });
    }

    /// The first free position: above the box, inside its top, further down, below it, aligned with its left, right or
    /// middle; then the nearest one in the picture. If nothing is free, the one of these that covers least of other tags.
    fn place(&self, region: &Region, width: i64, height: i64) -> Tag {
        let (picture_width, picture_height) =
            (i64::from(self.picture.width), i64::from(self.picture.height));
        let (left, right) = (region.left as i64, (region.left + region.width) as i64);
        let top = region.top as i64;
        let bottom = top + region.height as i64;
        let at = |left: i64, top: i64| {
            let left = left.min(picture_width - width).max(0);
            let top = top.min(picture_height - height).max(0);
            Tag { left, top, width, height }
        };
        let along = move |left: i64| {
            let above = (top >= height).then(|| at(left, top - height));
            let steps = (bottom - top) / height.max(1);
            let within = (0..=steps).map(move |step| at(left, top + step * height));
            above.into_iter().chain(within).chain([at(left, bottom)])
        };
        let candidates = [left, right - width, left.midpoint(right - width)].map(along);
        let covered = |tag: &Tag| self.placed.iter().map(|other| tag.overlap(*other)).sum::<i64>();
        // `min_by_key` returns the first of several equally good candidates.
        let best = candidates.into_iter().flatten().min_by_key(covered);
        let best = best.unwrap_or_else(|| at(left, top));
        if covered(&best) == 0 {
            return best;
        }
        let distance = |tag: &Tag| {
            let aside = (2 * tag.left + width - left - right).abs();
            aside.max((2 * tag.top + height - top - bottom).abs())
        };
        let step = usize::try_from(height.max(2) / 2).unwrap_or(1);
        let columns = (0..=(picture_width - width).max(0)).step_by(step);
        let everywhere = columns.flat_map(|left| {
            let rows = (0..=(picture_height - height).max(0)).step_by(step);
            rows.map(move |top| at(left, top))
        });
        everywhere.filter(|tag| covered(tag) == 0).min_by_key(distance).unwrap_or(best)
    }
}

impl Tag {
    /// Number of pixels that both tags cover.
    fn overlap(self, other: Self) -> i64 {
        let along = |start: i64, length: i64, other_start: i64, other_length: i64| {
            ((start + length).min(other_start + other_length) - start.max(other_start)).max(0)
        };
        along(self.left, self.width, other.left, other.width)
            * along(self.top, self.height, other.top, other.height)
    }
}

/// A filled rectangle with round corners.
fn paint_tag(canvas: &mut Canvas<'_>, tag: Tag, color: [u8; 3], radius: f32) {
    // Distance of a pixel centre to the straight part of the rectangle, along one axis.
    let beyond = |offset: i64, length: i64| {
        let centre = offset as f32 + 0.5;
        (radius - centre).max(centre - (length as f32 - radius)).max(0.0)
    };
    for y in 0..tag.height {
        for x in 0..tag.width {
            let corner = beyond(x, tag.width).hypot(beyond(y, tag.height));
            let alpha = (radius + 0.5 - corner).clamp(0.0, 1.0);
            paint_pixel(canvas, tag.left + x, tag.top + y, color, alpha);
        }
    }
}

fn paint_pixel(canvas: &mut Canvas<'_>, x: i64, y: i64, color: [u8; 3], alpha: f32) {
    if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
        canvas.blend(x, y, color, alpha);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(left: usize, top: usize, width: usize, height: usize) -> Region {
        Region { left, top, width, height, inside: vec![true; width * height] }
    }

    #[test]
    fn tags_stay_in_the_picture_and_apart() {
        let picture = ImageSize { height: 100, width: 100 };
        let mut painter = LabelPainter::new(picture, Fonts::of_system());
        let check = |painter: &LabelPainter<'_>, region: &Region, left: i64, top: i64| {
            let tag = painter.place(region, 40, 10);
            assert_eq!((tag.left, tag.top), (left, top));
        };
        check(&painter, &region(30, 50, 20, 20), 30, 40); // above
        check(&painter, &region(90, 50, 10, 20), 60, 40); // above, moved left
        check(&painter, &region(30, 3, 20, 20), 30, 3); // inside the top
        check(&painter, &region(30, 95, 20, 5), 30, 85); // above, at the bottom
        painter.placed.push(Tag { left: 30, top: 40, width: 40, height: 10 });
        check(&painter, &region(30, 50, 20, 20), 30, 50); // the place above is taken
        painter.placed.push(Tag { left: 30, top: 50, width: 40, height: 20 });
        check(&painter, &region(30, 50, 20, 20), 30, 70); // and so are those inside
    }

    #[test]
    fn tags_of_many_objects_in_one_place_do_not_touch() {
        let mut painter =
            LabelPainter::new(ImageSize { height: 100, width: 200 }, Fonts::of_system());
        // Half of the picture: places are taken as they come, so not every one of a full picture can be used.
        for index in 0..10 {
            let tag = painter.place(&region(90 + index, 45, 20, 10), 60, 14);
            let free = painter.placed.iter().all(|other| tag.overlap(*other) == 0);
            assert!(free, "{index}: {tag:?} among {:?}", painter.placed);
            painter.placed.push(tag);
        }
    }
}
