//! Shapes that other tools have, as polygons.

use seqformer_annotations::Fault;
use seqformer_masks::{BoxXywh, Polygon};

use crate::dataset::Shape;

/// Corners of the polygon that stands for an ellipse; it covers 99.9 per cent of it.
const ELLIPSE_CORNERS: u32 = 72;

/// Makes a shape of one polygon.
///
/// # Errors
///
/// Fewer than three points, or one that is not finite or far away.
pub(crate) fn polygon(vertices: Vec<[f64; 2]>) -> Result<Shape, Fault> {
    let polygon = Polygon::from_vertices(vertices).map_err(|error| Fault::of_mask(&error))?;
    Ok(Shape::Polygons(Box::new([polygon])))
}

/// Makes a box, which becomes a polygon if it is turned by `degrees` about `pivot`, clockwise as pictures are seen.
///
/// # Errors
///
/// Coordinates far away.
pub(crate) fn rectangle(bounds: BoxXywh, degrees: f64, pivot: [f64; 2]) -> Result<Shape, Fault> {
    if degrees == 0.0 {
        return Ok(Shape::Box(bounds));
    }
    let BoxXywh { x, y, width, height } = bounds;
    let corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
    polygon(corners.iter().map(|&corner| turned(corner, degrees, pivot)).collect())
}

/// Makes a polygon of an ellipse with these half axes.
///
/// # Errors
///
/// Coordinates far away.
pub(crate) fn ellipse(
    [cx, cy]: [f64; 2],
    [rx, ry]: [f64; 2],
    degrees: f64,
) -> Result<Shape, Fault> {
    let corner = |index: u32| {
        let angle = std::f64::consts::TAU * f64::from(index) / f64::from(ELLIPSE_CORNERS);
        turned([cx + rx * angle.cos(), cy + ry * angle.sin()], degrees, [cx, cy])
    };
    polygon((0..ELLIPSE_CORNERS).map(corner).collect())
}

fn turned([x, y]: [f64; 2], degrees: f64, [px, py]: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (dx, dy) = (x - px, y - py);
    [px + cos * dx - sin * dy, py + sin * dx + cos * dy]
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;

    use super::*;

    #[test]
    fn turned_boxes_and_ellipses_cover_what_they_should() {
        let size = ImageSize { height: 100, width: 100 };
        let bounds = BoxXywh { x: 30.0, y: 40.0, width: 40.0, height: 20.0 };
        let area = |shape: &Shape| shape.draw(size).unwrap().area();
        let quarter = rectangle(bounds, 90.0, [50.0, 50.0]).unwrap();
        let turned = quarter.bounding_box();
        assert!(
            (turned.x - 40.0).abs() < 1e-9 && (turned.height - 40.0).abs() < 1e-9,
            "{turned:?}"
        );
        assert_eq!(area(&quarter), 800);
        assert_eq!(rectangle(bounds, 0.0, [0.0; 2]).unwrap(), Shape::Box(bounds));
        let round = ellipse([50.0, 50.0], [30.0, 20.0], 0.0).unwrap();
        let expected = std::f64::consts::PI * 600.0;
        assert!((area(&round) as f64 - expected).abs() < 0.02 * expected);
    }
}
