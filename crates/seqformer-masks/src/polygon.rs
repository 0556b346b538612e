//! Polygons and their pixels.
//!
//! Reference: COCO `maskApi.c`, `rleFrPoly`.

use crate::{BoxXyxy, ImageSize, MaskError, Rle};

/// Coordinates are traced in steps of a fifth of a pixel.
const STEPS_PER_PIXEL: f64 = 5.0;
/// Tracing an edge takes time proportional to its length, so the length is bounded.
const MAX_COORDINATE: f64 = 1e6;

/// A closed polygon in pixel coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    vertices: Vec<[f64; 2]>,
}

impl Polygon {
    /// Reads the flat list `x, y, x, y, …` of COCO files.
    ///
    /// # Errors
    ///
    /// Fewer than three points, half a point, or a coordinate that is not finite or beyond a
    /// million pixels.
    pub fn from_xy(numbers: &[f64]) -> Result<Self, MaskError> {
        let (points, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(MaskError::PolygonLength { found: numbers.len() });
        }
        Self::from_vertices(points.to_vec())
    }

    /// Creates a polygon from the vertices `[x, y]`.
    ///
    /// # Errors
    ///
    /// As [`Self::from_xy`].
    pub fn from_vertices(vertices: Vec<[f64; 2]>) -> Result<Self, MaskError> {
        if vertices.len() < 3 {
            return Err(MaskError::PolygonLength { found: 2 * vertices.len() });
        }
        let far = |&number: &f64| !number.is_finite() || number.abs() > MAX_COORDINATE;
        if let Some(&found) = vertices.as_flattened().iter().find(|number| far(number)) {
            return Err(MaskError::PolygonCoordinate { found });
        }
        Ok(Self { vertices })
    }

    /// Returns the vertices `[x, y]`.
    pub fn vertices(&self) -> &[[f64; 2]] {
        &self.vertices
    }

    /// Returns the geometric area, which differs slightly from the number of pixels.
    pub fn area(&self) -> f64 {
        let twice: f64 = self.edges().map(|([x0, y0], [x1, y1])| x0 * y1 - x1 * y0).sum();
        twice.abs() / 2.0
    }

    /// Returns the tight box around the vertices.
    pub fn bounding_box(&self) -> BoxXyxy {
        let [x, y] = self.vertices[0];
        let start = BoxXyxy { x0: x, y0: y, x1: x, y1: y };
        self.vertices.iter().fold(start, |bounds, &[x, y]| BoxXyxy {
            x0: bounds.x0.min(x),
            y0: bounds.y0.min(y),
            x1: bounds.x1.max(x),
            y1: bounds.y1.max(y),
        })
    }

    /// Returns the pixels of the polygon in an image of `size`, exactly as COCO draws them.
    ///
    /// Check a `size` that comes from a file with [`ImageSize::checked`] first.
    pub fn rasterize(&self, size: ImageSize) -> Rle {
        let mut crossings = Vec::new();
        let mut previous = None;
        for (start, end) in self.edges() {
            trace_edge(in_steps(start), in_steps(end), |point| {
                if let Some(previous) = previous {
                    crossings.extend(crossing(previous, point, size));
                }
                previous = Some(point);
            });
        }
        crossings.sort_unstable();
        Rle::from_crossings(size, &crossings)
    }

    fn edges(&self) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
        let next = self.vertices.iter().cycle().skip(1);
        self.vertices.iter().zip(next).map(|(&start, &end)| (start, end))
    }
}

/// A point in fifths of a pixel.
#[derive(Debug, Clone, Copy)]
struct Point {
    u: i32,
    v: i32,
}

fn in_steps([x, y]: [f64; 2]) -> Point {
    // `as` truncates toward zero, as C does.
    let steps = |number: f64| (STEPS_PER_PIXEL * number + 0.5) as i32;
    Point { u: steps(x), v: steps(y) }
}

/// Visits the points of an edge, one per step along its longer axis, both ends included.
fn trace_edge(start: Point, end: Point, mut visit: impl FnMut(Point)) {
    let (du, dv) = ((end.u - start.u).abs(), (end.v - start.v).abs());
    let along_u = du >= dv;
    let backwards = if along_u { start.u > end.u } else { start.v > end.v };
    // The slope is always taken in the rising direction, so that an edge shared by two polygons
    // has the same points in both.
    let (low, high) = if backwards { (end, start) } else { (start, end) };
    let length = du.max(dv);
    let rise = if along_u { high.v - low.v } else { high.u - low.u };
    // A zero-length edge is one point; COCO's slope is NaN there, without any effect.
    let slope = if length == 0 { 0.0 } else { f64::from(rise) / f64::from(length) };
    let base = f64::from(if along_u { low.v } else { low.u });
    for step in 0..=length {
        let t = if backwards { length - step } else { step };
        let other = (base + slope * f64::from(t) + 0.5) as i32;
        visit(if along_u {
            Point { u: low.u + t, v: other }
        } else {
            Point { u: other, v: low.v + t }
        });
    }
}

/// Returns the column-major position where a step crosses the centre line of a pixel column.
fn crossing(previous: Point, point: Point, size: ImageSize) -> Option<u64> {
    if point.u == previous.u {
        return None;
    }
    let in_pixels = |steps: i32| (f64::from(steps) + 0.5) / STEPS_PER_PIXEL - 0.5;
    let x = in_pixels(if point.u < previous.u { point.u } else { point.u - 1 });
    if x.floor() != x || x < 0.0 || x >= f64::from(size.width) {
        return None;
    }
    let y = in_pixels(point.v.min(previous.v));
    let y = y.clamp(0.0, f64::from(size.height)).ceil();
    Some(x as u64 * u64::from(size.height) + y as u64)
}

#[cfg(test)]
mod tests;
