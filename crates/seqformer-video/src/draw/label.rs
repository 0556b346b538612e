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
        let text_px = (picture.height as f32 / 28.0).clamp(11.0, 28.0);
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

    /// The first free position: above the box, inside its top, then further down, then below it.
    fn place(&self, region: &Region, width: i64, height: i64) -> Tag {
        let (picture_width, picture_height) =
            (i64::from(self.picture.width), i64::from(self.picture.height));
        let left = (region.left as i64).min(picture_width - width).max(0);
        let top = region.top as i64;
        let bottom = top + region.height as i64;
        let at = |top: i64| {
            let top = top.min(picture_height - height).max(0);
            Tag { left, top, width, height }
        };
        let above = (top >= height).then(|| at(top - height));
        let steps = (bottom - top) / height.max(1);
        let within = (0..=steps).map(|step| at(top + step * height));
        let candidates = above.into_iter().chain(within).chain([at(bottom)]);
        let covered = |tag: &Tag| self.placed.iter().map(|other| tag.overlap(*other)).sum::<i64>();
        // `min_by_key` returns the first of several equally good candidates.
        candidates.min_by_key(covered).unwrap_or_else(|| at(top))
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
}
