//! Polygons around masks, along the edges of pixels.
//!
//! Drawn by the rules of COCO, which are those of even and odd, such polygons give back every pixel of the mask: their
//! corners lie between pixels, and a hole is joined to the outline around it by a line that goes there and back.

use std::collections::BTreeMap;

use seqformer_masks::{BitMask, Polygon, Rle};

/// The four directions along the edges of pixels, clockwise: right, down, left, up.
const STEPS: [(i64, i64); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];
const RIGHT: usize = 0;

/// A corner between pixels, `(y, x)`, so that it sorts from top to bottom.
type Corner = (i64, i64);

/// Returns a polygon for each connected part of a mask (pixels connect by their sides), holes included.
///
/// The union of the polygons, drawn in an image of the mask's size, is the mask.
pub fn outlines(mask: &Rle) -> Vec<Polygon> {
    let bounds = mask.bounding_box();
    let (x0, y0) = (bounds.x as i64, bounds.y as i64);
    let parts =
        Parts::find(&mask.decode(), (x0, y0), (bounds.width as usize, bounds.height as usize));
    let mut loops: BTreeMap<u32, Vec<Vec<Corner>>> = BTreeMap::new();
    for (part, corners) in parts.trace() {
        loops.entry(part).or_default().push(corners);
    }
    loops.into_values().filter_map(|loops| polygon(&join_holes(loops), (x0, y0))).collect()
}

/// Returns one polygon for the whole mask, nothing for an empty one; its parts are joined by lines that go there and
/// back.
///
/// The polygon, drawn in an image of the mask's size, is the mask.
pub fn outline(mask: &Rle) -> Option<Polygon> {
    let mut parts = outlines(mask).into_iter();
    let mut path = parts.next()?.vertices().to_vec();
    let start = path[0];
    for part in parts {
        // From the start of the first part to that of another one, around it, and back.
        path.push(start);
        path.extend_from_slice(part.vertices());
        path.push(part.vertices()[0]);
    }
    Polygon::from_vertices(path).ok()
}

/// The connected parts of a mask within its box.
struct Parts {
    /// The number of the part of each pixel, row-major; 0 for none.
    numbers: Vec<u32>,
    width: i64,
    height: i64,
}

impl Parts {
    fn find(mask: &BitMask, (x0, y0): (i64, i64), (width, height): (usize, usize)) -> Self {
        let is_set: Vec<bool> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| mask.get((y0 as usize + y) as u32, (x0 as usize + x) as u32))
            .collect();
        let mut numbers = vec![0; is_set.len()];
        let mut last = 0;
        let mut open = Vec::new();
        for start in 0..is_set.len() {
            if !is_set[start] || numbers[start] != 0 {
                continue;
            }
            last += 1;
            numbers[start] = last;
            open.push(start);
            while let Some(pixel) = open.pop() {
                let (x, y) = (pixel % width, pixel / width);
                let neighbours = [
                    (x > 0).then(|| pixel - 1),
                    (x + 1 < width).then(|| pixel + 1),
                    (y > 0).then(|| pixel - width),
                    (y + 1 < height).then(|| pixel + width),
                ];
                for neighbour in neighbours.into_iter().flatten() {
                    if is_set[neighbour] && numbers[neighbour] == 0 {
                        numbers[neighbour] = last;
                        open.push(neighbour);
                    }
                }
            }
        }
        Self { numbers, width: width as i64, height: height as i64 }
    }

    /// Returns the part that a pixel belongs to, 0 for none.
    fn part(&self, x: i64, y: i64) -> u32 {
        let is_inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        if is_inside { self.numbers[(y * self.width + x) as usize] } else { 0 }
    }

    /// Walks around all parts and their holes, each with the part on the right-hand side.
    fn trace(&self) -> Vec<(u32, Vec<Corner>)> {
        let mut loops = Vec::new();
        // Every loop has an edge that goes to the right, with its pixel below; each such edge is walked once.
        let mut walked = vec![false; self.numbers.len()];
        for y in 0..self.height {
            for x in 0..self.width {
                let part = self.part(x, y);
                let index = (y * self.width + x) as usize;
                if part != 0 && self.part(x, y - 1) != part && !walked[index] {
                    loops.push((part, self.walk(part, (x, y), &mut walked)));
                }
            }
        }
        loops
    }

    /// Walks around a part from the top left corner of a pixel, and returns the corners where it turns.
    fn walk(&self, part: u32, (x0, y0): (i64, i64), walked: &mut [bool]) -> Vec<Corner> {
        let (mut x, mut y, mut direction) = (x0, y0, RIGHT);
        let mut corners = vec![(y, x)];
        loop {
            if direction == RIGHT {
                walked[(y * self.width + x) as usize] = true;
            }
            (x, y) = (x + STEPS[direction].0, y + STEPS[direction].1);
            let next = self.turn(part, (x, y), direction);
            if (x, y) == (x0, y0) && next == RIGHT {
                return corners;
            }
            if next != direction {
                corners.push((y, x));
                direction = next;
            }
        }
    }

    /// Returns where the walk goes on from a corner: pixels that only touch there are kept apart.
    fn turn(&self, part: u32, (x, y): (i64, i64), direction: usize) -> usize {
        // The pixels ahead of the corner, to the right and to the left of the walk.
        let (right, left) = match direction {
            0 => ((x, y), (x, y - 1)),
            1 => ((x - 1, y), (x, y)),
            2 => ((x - 1, y - 1), (x - 1, y)),
            _ => ((x, y - 1), (x - 1, y - 1)),
        };
        if self.part(right.0, right.1) != part {
            (direction + 1) % 4
        } else if self.part(left.0, left.1) != part {
            direction
        } else {
            (direction + 3) % 4
        }
    }
}

/// Joins the loops around one part: each hole by a line upwards to the loop above it.
fn join_holes(mut loops: Vec<Vec<Corner>>) -> Vec<Corner> {
    // The outline has the topmost corner of all, and above each hole are only loops that begin further up.
    for corners in &mut loops {
        let top = (0..corners.len()).min_by_key(|&index| corners[index]).unwrap_or(0);
        corners.rotate_left(top);
    }
    loops.sort_by_key(|corners| corners[0]);
    let mut loops = loops.into_iter();
    let mut path = loops.next().unwrap_or_default();
    for hole in loops {
        let (top, x) = hole[0];
        // The nearest edge above that spans this column of pixels.
        let above = (0..path.len())
            .filter_map(|index| {
                let ((y, from), (y_end, to)) = (path[index], path[(index + 1) % path.len()]);
                let spans = y == y_end && y < top && from.min(to) <= x && x < from.max(to);
                spans.then_some((y, index))
            })
            .max();
        let Some((y, index)) = above else { continue };
        let detour = [(y, x)].into_iter().chain(hole.iter().copied()).chain([(top, x), (y, x)]);
        path.splice(index + 1..=index, detour);
    }
    path
}

fn polygon(corners: &[Corner], (x0, y0): (i64, i64)) -> Option<Polygon> {
    let vertices = corners.iter().map(|&(y, x)| [(x0 + x) as f64, (y0 + y) as f64]).collect();
    Polygon::from_vertices(vertices).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use seqformer_masks::ImageSize;

    use super::*;

    fn from_rows(rows: &[&str]) -> Rle {
        let size = ImageSize { height: rows.len() as u32, width: rows[0].len() as u32 };
        let bytes = rows.concat().bytes().map(|byte| u8::from(byte == b'#')).collect();
        Rle::encode(&BitMask::from_bytes(size, bytes).unwrap())
    }

    fn check(mask: &Rle) {
        let drawn: Vec<Rle> =
            outlines(mask).iter().map(|polygon| polygon.rasterize(mask.size())).collect();
        let area: u64 = drawn.iter().map(Rle::area).sum();
        assert_eq!(area, mask.area(), "parts do not overlap");
        if let Some(whole) = outline(mask) {
            assert_eq!(Rle::union(&drawn).unwrap().decode(), mask.decode());
            assert_eq!(whole.rasterize(mask.size()).decode(), mask.decode());
        } else {
            assert_eq!(mask.area(), 0);
        }
    }

    #[test]
    fn a_part_is_one_polygon_whatever_its_holes() {
        let mask =
            from_rows(&["#######...", "#..#..#.##", "#######.##", "#.#.###...", "#######..#"]);
        let polygons = outlines(&mask);
        assert_eq!(polygons.len(), 3);
        check(&mask);
    }

    #[test]
    fn a_square_has_its_four_corners() {
        let mask = from_rows(&["....", ".##.", ".##.", "...."]);
        let polygons = outlines(&mask);
        assert_eq!(polygons[0].vertices(), [[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]]);
    }

    proptest! {
        #[test]
        fn polygons_give_back_every_pixel(
            (width, height, bytes) in (1_u32..14, 1_u32..14).prop_flat_map(|(width, height)| {
                let pixels = proptest::collection::vec(0_u8..3, (width * height) as usize);
                (Just(width), Just(height), pixels)
            })
        ) {
            let size = ImageSize { height, width };
            check(&Rle::encode(&BitMask::from_bytes(size, bytes).unwrap()));
        }
    }
}
