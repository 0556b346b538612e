//! Samples the values of one head for a block of queries.

use crate::instruction_set::InstructionSet;
use crate::lanes::LANES;
use crate::points::{Corners, PointGroup, exact_sum, groups, is_finite};
use crate::prefetch::prefetch_rows;
use crate::row_sums::RowSums;
use crate::samples::{Buffer, Centres, Place, Samples, normalise};
use crate::shape::Shape;

/// How many queries ahead sampling locations are computed, so that their rows arrive from a distant cache in time.
const AHEAD: usize = 4;

/// Samples values; the buffers of one thread.
pub(crate) struct Sampler {
    groups: Vec<PointGroup>,
    points: Buffer,
    /// Corners of the queries whose locations are computed, `[AHEAD, groups]`.
    corners: Vec<Corners>,
    /// These queries.
    queries: [Place; AHEAD],
}

/// The values of one head and the points at which they are sampled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadMap<'a, T, const W: usize> {
    pub(crate) shape: &'a Shape,
    pub(crate) samples: &'a Samples<'a>,
    pub(crate) centres: &'a Centres,
    /// `[S, D]`
    pub(crate) rows: &'a [[T; W]],
}

impl Sampler {
    pub(crate) fn new(shape: &Shape, set: InstructionSet) -> Self {
        let groups = groups(shape);
        let corners = vec![Corners::NONE; AHEAD * groups.len()];
        let queries = [Place { clip: 0, query: 0, index: 0 }; AHEAD];
        Self { groups, points: Buffer::new(shape, set), corners, queries }
    }

    /// Replaces logits, `samples` per query and head, by their softmax.
    #[inline(always)]
    pub(crate) fn normalise<const FMA: bool>(&mut self, logits: &mut [f32], samples: usize) {
        normalise::<FMA>(logits, samples, &mut self.points);
    }

    /// Writes the weighted sums of some queries to `out`, `stride` elements apart.
    #[inline(always)]
    pub(crate) fn sample<T: RowSums, const W: usize, const FMA: bool>(
        &mut self,
        head: &HeadMap<'_, T, W>,
        places: impl ExactSizeIterator<Item = Place>,
        out: &mut [T],
        stride: usize,
    ) {
        let (count, mut places) = (places.len(), places);
        let pairs = self.adds_pairs::<T, W>(head.shape);
        for step in 0..count + AHEAD {
            let slot = step % AHEAD * self.groups.len();
            if let Some(number) = step.checked_sub(AHEAD) {
                let mut sum = [0.0; W];
                for corners in &self.corners[slot..][..self.groups.len()] {
                    if pairs {
                        T::add_pairs::<W>(self.points.set, &mut sum, head.rows, corners);
                        continue;
                    }
                    let Corners { cells, factors, .. } = corners;
                    let set = self.points.set;
                    T::add_group::<W, FMA>(set, &mut sum, head.rows, [1, 0], cells, factors);
                }
                if !is_finite(&sum) {
                    let Self { points, queries, .. } = self;
                    let query = queries[step % AHEAD];
                    head.samples.read::<FMA>(head.shape, head.centres, query, points);
                    exact_sum(head.shape, points, head.rows.as_flattened(), &mut sum);
                }
                T::round(self.points.set, &sum, &mut out[number * stride..][..W]);
            }
            if let Some(place) = places.next() {
                self.queries[step % AHEAD] = place;
                self.locate::<T, W, FMA>(head, place, slot);
            }
            // Prefetch for the previous query: its cells are in memory by now; those of this one would be extracted from
            // registers one by one.
            let before = (step + AHEAD - 1) % AHEAD * self.groups.len();
            for corners in &self.corners[before..][..self.groups.len()] {
                prefetch_rows(head.rows, corners.cells.as_flattened());
            }
        }
    }

    /// Whether rows are added in pairs.
    #[inline(always)]
    fn adds_pairs<T: RowSums, const W: usize>(&self, shape: &Shape) -> bool {
        T::adds_pairs::<W>(self.points.set) && shape.samples().is_multiple_of(LANES)
    }

    /// Computes the corners of a query's points.
    #[inline(always)]
    fn locate<T: RowSums, const W: usize, const FMA: bool>(
        &mut self,
        head: &HeadMap<'_, T, W>,
        place: Place,
        slot: usize,
    ) {
        let pairs = self.adds_pairs::<T, W>(head.shape);
        let Self { groups, points, corners, .. } = self;
        let corners = &mut corners[slot..][..groups.len()];
        if let Some(around) = head.samples.around(head.shape, head.centres, place) {
            let mut done = true;
            for (number, (group, to)) in groups.iter().zip(&mut *corners).enumerate() {
                done &= if pairs {
                    to.set_around::<true>(points.set, group, &around, number)
                } else {
                    to.set_around::<false>(points.set, group, &around, number)
                };
            }
            if done {
                return;
            }
        }
        head.samples.read::<FMA>(head.shape, head.centres, place, points);
        let places = points.locations.iter().zip(&points.weights);
        for ((group, to), (location, weights)) in groups.iter_mut().zip(corners).zip(places) {
            to.set(points.set, group, location, weights);
        }
    }
}
