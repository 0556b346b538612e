//! Just enough SVG: rectangles, lines, circles, text.

use std::fmt::{Arguments, Write as _};

/// Fonts that a renderer tries in turn; the last one always exists.
const FONTS: &str = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

/// A rectangle on the page, in pixels from the top left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// A point on the page, in pixels from the top left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The stroke of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) color: &'static str,
    pub(super) width: f64,
    pub(super) opacity: f64,
}

impl Stroke {
    pub(super) fn new(color: &'static str, width: f64) -> Self {
        Self { color, width, opacity: 1.0 }
    }
}

/// The alignment of a text relative to its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The style of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    pub(super) size: f64,
    pub(super) color: &'static str,
    pub(super) bold: bool,
    pub(super) anchor: Anchor,
}

/// A picture under construction.
#[derive(Debug)]
pub(super) struct Svg {
    text: String,
}

impl Svg {
    /// Starts a white picture.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut svg = Self { text: String::new() };
        svg.push(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="{FONTS}">"#
        ));
        svg.push(format_args!(r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##));
        svg
    }

    pub(super) fn rect(&mut self, area: Area, fill: &str) {
        let Area { left, top, width, height } = area;
        self.push(format_args!(
            r#"<rect x="{left:.2}" y="{top:.2}" width="{width:.2}" height="{height:.2}" fill="{fill}"/>"#
        ));
    }

    pub(super) fn line(&mut self, from: Point, to: Point, stroke: Stroke) {
        let Stroke { color, width, .. } = stroke;
        self.push(format_args!(
            r#"<path d="M{:.2} {:.2}L{:.2} {:.2}" stroke="{color}" stroke-width="{width}"/>"#,
            from.x, from.y, to.x, to.y
        ));
    }

    /// One path of several lines; each is a sequence of points.
    pub(super) fn polylines(&mut self, lines: &[Vec<Point>], stroke: Stroke) {
        let mut path = String::new();
        for line in lines {
            for (index, point) in line.iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                // Writing into a string cannot fail.
                let _infallible = write!(path, "{command}{:.2} {:.2}", point.x, point.y);
            }
            if let [only] = line.as_slice() {
                // A line without length still shows its round cap.
                let _infallible = write!(path, "L{:.2} {:.2}", only.x, only.y);
            }
        }
        let Stroke { color, width, opacity } = stroke;
        self.push(format_args!(
            r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}" stroke-opacity="{opacity}" stroke-linejoin="round" stroke-linecap="round"/>"#
        ));
    }

    pub(super) fn circle(&mut self, center: Point, radius: f64, fill: &str) {
        let Point { x, y } = center;
        self.push(format_args!(
            r##"<circle cx="{x:.2}" cy="{y:.2}" r="{radius}" fill="{fill}" stroke="#ffffff" stroke-width="1.2"/>"##
        ));
    }

    pub(super) fn text(&mut self, at: Point, font: Font, content: &str) {
        let Point { x, y } = at;
        let Font { size, color, .. } = font;
        let weight = if font.bold { "600" } else { "400" };
        let anchor = match font.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let content = escaped(content);
        self.push(format_args!(
            r#"<text x="{x:.2}" y="{y:.2}" font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}">{content}</text>"#
        ));
    }

    pub(super) fn finish(mut self) -> String {
        self.push(format_args!("</svg>"));
        self.text
    }

    fn push(&mut self, element: Arguments<'_>) {
        // Writing into a string cannot fail.
        let _infallible = writeln!(self.text, "{element}");
    }
}

/// Text escaped for XML; control characters are not allowed at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn texts_mean_themselves() {
        assert_eq!(escaped("a<b> & \"c\"\u{1}é"), "a&lt;b&gt; &amp; \"c\" é");
    }
}
