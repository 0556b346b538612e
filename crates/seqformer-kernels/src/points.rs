//! Converts sampling locations to rows and factors, for all points of one query and head at once.

use crate::element::Element;
use crate::instruction_set::InstructionSet;
use crate::lanes::{CORNERS, LANES, Lanes, Line, part};
use crate::pairs::Pairs;
use crate::samples::{Around, Buffer};
use crate::scalar::truncate;
use crate::shape::Shape;
#[cfg(target_arch = "x86_64")]
use crate::simd::{PointMaps, PointsAround, corners_around16, corners16};

/// Some points of one query and head; the last group of a query may have lanes without a point.
///
/// Aligned to cache lines like [`Line`].
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct PointGroup {
    /// Size of each point's map in cells, and its first token.
    width: Lanes<f32>,
    height: Lanes<f32>,
    start: Lanes<i32>,
    /// Token of each corner; an arbitrary token of the map if the corner lies outside.
    pub(crate) cells: [Lanes<i32>; CORNERS],
    /// Bilinear weight of each corner, 0 outside the map.
    pub(crate) bilinear_weights: [Lanes<f32>; CORNERS],
    /// Derivative of each weight by x and y, in units of the whole map, 0 outside the map.
    pub(crate) slopes_x: [Lanes<f32>; CORNERS],
    pub(crate) slopes_y: [Lanes<f32>; CORNERS],
}

/// The groups for queries of `shape`.
pub(crate) fn groups(shape: &Shape) -> Vec<PointGroup> {
    let empty = PointGroup {
        width: [1.0; LANES],
        height: [1.0; LANES],
        start: [0; LANES],
        cells: [[0; LANES]; CORNERS],
        bilinear_weights: [[0.0; LANES]; CORNERS],
        slopes_x: [[0.0; LANES]; CORNERS],
        slopes_y: [[0.0; LANES]; CORNERS],
    };
    let mut groups = vec![empty; shape.samples().div_ceil(LANES)];
    let (mut sample, mut start) = (0, 0);
    for level in &shape.levels {
        for _ in 0..shape.points {
            let (group, lane) = (&mut groups[sample / LANES], sample % LANES);
            group.width[lane] = level.width as f32;
            group.height[lane] = level.height as f32;
            group.start[lane] = start;
            sample += 1;
        }
        start += level.num_tokens() as i32;
    }
    groups
}

impl PointGroup {
    /// Computes cells and weights of the points at `locations`. Non-finite points get NaN as their weight, points
    /// outside the map 0.
    ///
    /// `SLOPES` says whether to compute derivatives, too. A corner outside the map gets weight 0 and some cell inside,
    /// so that reading it needs no branch: [`exact_sum`] handles cells that are not finite.
    #[inline(always)]
    pub(crate) fn place<const SLOPES: bool>(&mut self, locations: &Pairs) {
        for k in 0..LANES {
            let (w, h) = (self.width[k], self.height[k]);
            let (x, y) = (locations.x[k] * w - 0.5, locations.y[k] * h - 0.5);
            // Zero, or NaN for a non-finite location.
            let nothing = x * 0.0 + y * 0.0;
            // All comparisons are false for NaN. `&` does not branch, as `&&` may.
            #[expect(clippy::needless_bitwise_bool, reason = "branches would not be vectorised")]
            let in_range = (x > -1.0) & (x < w) & (y > -1.0) & (y < h);
            let on = if in_range { 1.0 } else { nothing };
            let x = if in_range { x } else { 0.0 };
            let y = if in_range { y } else { 0.0 };
            let (x0, y0) = (x.floor(), y.floor());
            let (dx, dy) = (x - x0, y - y0);
            // Which of the two columns and rows are inside.
            let left = if x0 >= 0.0 { on } else { nothing };
            let right = if x0 < w - 1.0 { on } else { nothing };
            let top = if y0 >= 0.0 { 1.0 } else { 0.0 };
            let bottom = if y0 < h - 1.0 { 1.0 } else { 0.0 };
            let (x1, y1) = (truncate((x0 + 1.0).min(w - 1.0)), truncate((y0 + 1.0).min(h - 1.0)));
            let (x0, y0) = (truncate(x0), truncate(y0));
            let columns = truncate(w);
            let upper = self.start[k] + y0 * columns;
            let lower = self.start[k] + y1 * columns;
            self.cells[0][k] = upper + x0;
            self.cells[1][k] = upper + x1;
            self.cells[2][k] = lower + x0;
            self.cells[3][k] = lower + x1;
            let (weight_x0, weight_x1) = ((1.0 - dx) * left, dx * right);
            let (weight_y0, weight_y1) = ((1.0 - dy) * top, dy * bottom);
            self.bilinear_weights[0][k] = weight_x0 * weight_y0;
            self.bilinear_weights[1][k] = weight_x1 * weight_y0;
            self.bilinear_weights[2][k] = weight_x0 * weight_y1;
            self.bilinear_weights[3][k] = weight_x1 * weight_y1;
            if SLOPES {
                self.slopes_x[0][k] = -w * left * weight_y0;
                self.slopes_x[1][k] = w * right * weight_y0;
                self.slopes_x[2][k] = -w * left * weight_y1;
                self.slopes_x[3][k] = w * right * weight_y1;
                self.slopes_y[0][k] = -h * top * weight_x0;
                self.slopes_y[1][k] = -h * top * weight_x1;
                self.slopes_y[2][k] = h * bottom * weight_x0;
                self.slopes_y[3][k] = h * bottom * weight_x1;
            }
        }
    }
}

impl PointGroup {
    /// Bilinear weights times attention weights.
    #[inline(always)]
    pub(crate) fn factors(&self, weights: &Lanes<f32>) -> [Line; CORNERS] {
        let mut factors = [Line([0.0; LANES]); CORNERS];
        for (factors, corner) in factors.iter_mut().zip(&self.bilinear_weights) {
            for k in 0..LANES {
                factors[k] = corner[k] * weights[k];
            }
        }
        factors
    }
}

/// Whether a sum of rows is finite; otherwise [`exact_sum`] must compute it.
#[inline(always)]
pub(crate) fn is_finite(sum: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    let mut all = 0_u32;
    for number in sum {
        all |= u32::from(number.to_bits() & EXPONENT == EXPONENT);
    }
    all == 0
}

/// The sum of rows of a query and head, `[S, W]` with `sum.len()` channels: the sample of each point times its weight,
/// where a sample includes only cells on the map.
///
/// The fast code multiplies other cells by zero instead, which makes no difference if they are finite.
#[cold]
#[inline(never)]
pub(crate) fn exact_sum<T: Element>(shape: &Shape, points: &Buffer, rows: &[T], sum: &mut [f32]) {
    let mut sample = vec![0.0; sum.len()];
    sum.fill(0.0);
    let (mut number, mut start) = (0, 0);
    for level in &shape.levels {
        let (w, h) = (level.width as f32, level.height as f32);
        for _ in 0..shape.points {
            let (group, lane) = (number / LANES, number % LANES);
            let Pairs { x, y } = &points.locations[group];
            let (x, y) = (x[lane] * w - 0.5, y[lane] * h - 0.5);
            sample.fill(x * 0.0 + y * 0.0);
            if x > -1.0 && x < w && y > -1.0 && y < h {
                for corner in 0..CORNERS {
                    let (column, row) =
                        (x.floor() + (corner % 2) as f32, y.floor() + (corner / 2) as f32);
                    if column < 0.0 || column >= w || row < 0.0 || row >= h {
                        continue;
                    }
                    let weight = (1.0 - (x - column).abs()) * (1.0 - (y - row).abs());
                    let cell = start + row as usize * level.width as usize + column as usize;
                    let row = &rows[cell * sum.len()..][..sum.len()];
                    for (sample, number) in sample.iter_mut().zip(row) {
                        *sample += number.to_f32() * weight;
                    }
                }
            }
            for (sum, sample) in sum.iter_mut().zip(&sample) {
                *sum += sample * points.weights[group][lane];
            }
            number += 1;
        }
        start += level.num_tokens() as usize;
    }
}

/// The corners of a group of points.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Corners {
    /// Token of each corner; an arbitrary token of the map if the corner lies outside.
    pub(crate) cells: [Lanes<i32>; CORNERS],
    /// Bilinear weights times attention weights, 0 outside the map.
    pub(crate) factors: [Line; CORNERS],
    /// Used instead of `factors` where [rows are added in pairs](Element::adds_pairs): factors rounded to bfloat16,
    /// those of the left corner in the lower halves and those of the right one in the upper; at the top, then at the
    /// bottom.
    pub(crate) pairs: [Lanes<i32>; CORNERS / 2],
}

impl Corners {
    pub(crate) const NONE: Self = Self {
        cells: [[0; LANES]; CORNERS],
        factors: [Line([0.0; LANES]); CORNERS],
        pairs: [[0; LANES]; CORNERS / 2],
    };

    /// Computes the corners of points at `locations` with attention weights `weights`.
    #[inline(always)]
    pub(crate) fn set(
        &mut self,
        set: InstructionSet,
        group: &mut PointGroup,
        locations: &Pairs,
        weights: &Line,
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() {
            let maps =
                PointMaps { width: &group.width, height: &group.height, start: &group.start };
            let factors = self.factors.each_mut().map(|line| &mut line.0);
            let at = [&locations.x, &locations.y];
            return corners16(set, &maps, at, weights, &mut self.cells, factors);
        }
        group.place::<false>(locations);
        (self.cells, self.factors) = (group.cells, group.factors(weights));
    }

    /// Computes the corners of the predicted points of group `number`, as pairs if `PAIRS`; returns false if there is
    /// no code for it.
    #[inline(always)]
    #[must_use]
    pub(crate) fn set_around<const PAIRS: bool>(
        &mut self,
        set: InstructionSet,
        group: &PointGroup,
        around: &Around<'_>,
        number: usize,
    ) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let (Some(offsets), Some(weights)) = (
            part(around.offsets, number, 2).first_chunk(),
            part(around.weights, number, 1).first_chunk(),
        ) && set.has_avx512()
        {
            let centre = &around.centres[number];
            let extent = around.extents.get(number).map(|extent| [&extent.x, &extent.y]);
            let maps =
                PointMaps { width: &group.width, height: &group.height, start: &group.start };
            let around = PointsAround { centre: [&centre.x, &centre.y], extent, offsets, weights };
            let factors = self.factors.each_mut().map(|line| &mut line.0);
            corners_around16::<PAIRS>(
                set,
                &maps,
                &around,
                &mut self.cells,
                factors,
                &mut self.pairs,
            );
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::LevelSize;

    /// Sixteen points on maps of four sizes; some on the border, outside, far away or nowhere.
    fn places() -> Vec<Pairs> {
        let special = [0.0, 1.0, -0.01, 1.01, 0.5, f32::NAN, f32::INFINITY, -1e30, 1e30, 0.125];
        let mut state = 7_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 * 1.4 - 0.2
        };
        let mut places = Vec::new();
        for number in 0..200 {
            let mut pairs = Pairs { x: [0.0; LANES], y: [0.0; LANES] };
            for k in 0..LANES {
                (pairs.x[k], pairs.y[k]) = (random(), random());
                if (number + k) % 5 == 0 {
                    pairs.x[k] = special[(number + 3 * k) % special.len()];
                }
                if (number + k) % 7 == 0 {
                    pairs.y[k] = special[(number + k) % special.len()];
                }
            }
            places.push(pairs);
        }
        places
    }

    #[test]
    fn corners_are_the_same_in_all_instruction_sets() {
        let size = |height, width| LevelSize { height, width };
        let shape = Shape {
            batch: 1,
            tokens: 5 * 7 + 3 * 4 + 2 + 1,
            heads: 1,
            channels: 8,
            queries: 1,
            points: 4,
            levels: vec![size(5, 7), size(3, 4), size(2, 1), size(1, 1)],
        };
        let mut group = groups(&shape).remove(0);
        let weights = Line(std::array::from_fn(|k| 0.1 + k as f32));
        for place in places() {
            let mut plain = Corners::NONE;
            plain.set(InstructionSet::BASELINE, &mut group, &place, &weights);
            for set in InstructionSet::available() {
                let mut found = Corners::NONE;
                found.set(set, &mut group, &place, &weights);
                assert_eq!(found.cells, plain.cells, "{set:?}");
                for (found, plain) in found.factors.iter().zip(&plain.factors) {
                    // All that is not a number is the same.
                    let numbers = |line: &Line| line.0.map(|x| Some(x).filter(|x| !x.is_nan()));
                    assert_eq!(numbers(found), numbers(plain), "{set:?}");
                }
            }
        }
    }
}
