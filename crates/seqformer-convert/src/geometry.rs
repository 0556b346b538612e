//! Shapes that other tools have, as polygons.

use seqformer_annotations::Fault;
use seqformer_masks::{BoxXywh, Polygon};

use crate::dataset::Shape;

/// Number of corners of the polygon that approximates an ellipse; it covers 99.9 per cent of it.
const ELLIPSE_CORNERS: u32 = 72;

/// Creates a shape of one polygon.
///
/// # Errors
///
/// Fewer than three points, or a point that is not finite or too far away.
pub(crate) fn polygon(vertices: Vec<[f64; 2]>) -> Result<Shape, Fault> {
    Ok(Shape::Polygons(Box::new([closed(vertices)?])))
}

/// Creates a polygon of its corners.
///
/// # Errors
///
/// As [`polygon`].
pub(crate) fn closed(vertices: Vec<[f64; 2]>) -> Result<Polygon, Fault> {
    if vertices.len() < 3 {
        let mend = "draw the polygon again, or remove it";
        return Err(Fault::new("", "three points or more", vertices.len().to_string(), mend));
    }
    Polygon::from_vertices(vertices).map_err(|error| Fault::of_mask(&error))
}

/// Makes a box, which becomes a polygon if it is turned by `degrees` about `pivot`, clockwise as pictures are seen.
///
/// # Errors
///
/// Coordinates that are too far away.
pub(crate) fn rectangle(bounds: BoxXywh, degrees: f64, pivot: [f64; 2]) -> Result<Shape, Fault> {
    if degrees == 0.0 {
        return Ok(Shape::Box(bounds));
    }
    let BoxXywh { x, y, width, height } = bounds;
    let corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
    polygon(corners.iter().map(|&corner| turned(corner, degrees, pivot)).collect())
}

/// Approximates an ellipse with these half axes by a polygon.
///
/// # Errors
///
/// Coordinates that are too far away.
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
    fn fewer_than_three_points_are_no_polygon() {
        let said = polygon(vec![[1.0, 1.0], [5.0, 1.0]]).unwrap_err().within("points").to_string();
        assert!(said.starts_with("points: expected three points or more, found 2; draw"), "{said}");
        assert!(polygon(vec![[1.0, 1.0], [5.0, 1.0], [f64::NAN, 2.0]]).is_err());
    }

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
