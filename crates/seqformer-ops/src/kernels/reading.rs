//! What a block of queries reads of one head's map.

use super::forward::factors;
use super::points::{CORNERS, Lanes, Line, PointGroup, groups};
use super::samples::{Buffer, Centres, Place};
use super::{Element, InstructionSet, Samples, Shape};
use crate::ffi::prefetch_rows;

/// How many queries ahead points are placed: time enough for their rows to arrive from a far cache.
const AHEAD: usize = 4;

/// The buffers of a thread.
pub(super) struct Reader {
    groups: Vec<PointGroup>,
    points: Buffer,
    /// Those of the queries whose points are placed, `[AHEAD, groups]`.
    corners: Vec<Corners>,
}

/// The corners of a group of points.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Corners {
    cells: [Lanes<i32>; CORNERS],
    /// Bilinear shares times attention weights.
    factors: [Line; CORNERS],
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadMap<'a, T, const W: usize> {
    pub(super) shape: &'a Shape,
    pub(super) samples: &'a Samples<'a>,
    pub(super) centres: &'a Centres,
    /// `[S, D]`
    pub(super) rows: &'a [[T; W]],
}

impl Reader {
    pub(super) fn new(shape: &Shape, set: InstructionSet) -> Self {
        let groups = groups(shape);
        let none = Corners { cells: [[0; _]; CORNERS], factors: [Line([0.0; _]); CORNERS] };
        let corners = vec![none; AHEAD * groups.len()];
        Self { groups, points: Buffer::new(shape, set), corners }
    }

    /// Calls `each` with the number and the sum of every one of some queries.
    #[inline(always)]
    pub(super) fn read<T: Element, const W: usize, const FMA: bool>(
        &mut self,
        head: &HeadMap<'_, T, W>,
        places: impl ExactSizeIterator<Item = Place>,
        mut each: impl FnMut(usize, &[f32; W]),
    ) {
        let (count, mut places) = (places.len(), places);
        for step in 0..count + AHEAD {
            let slot = step % AHEAD * self.groups.len();
            if let Some(number) = step.checked_sub(AHEAD) {
                let mut sum = [0.0; W];
                for Corners { cells, factors } in &self.corners[slot..][..self.groups.len()] {
                    T::add_group::<W, FMA>(
                        self.points.set,
                        &mut sum,
                        head.rows,
                        [1, 0],
                        cells,
                        factors,
                    );
                }
                each(number, &sum);
            }
            if let Some(place) = places.next() {
                self.place::<T, W, FMA>(head, place, slot);
            }
        }
    }

    /// Places the points of a query and asks for their rows.
    #[inline(always)]
    fn place<T: Element, const W: usize, const FMA: bool>(
        &mut self,
        head: &HeadMap<'_, T, W>,
        place: Place,
        slot: usize,
    ) {
        head.samples.read::<FMA>(head.shape, head.centres, place, &mut self.points);
        let Self { groups, points, corners } = self;
        let points = points.locations.iter().zip(&points.weights);
        let corners = &mut corners[slot..][..groups.len()];
        for ((group, to), (location, weights)) in groups.iter_mut().zip(corners).zip(points) {
            group.place::<false>(location);
            *to = Corners { cells: group.cells, factors: factors(group, weights) };
            prefetch_rows(head.rows, &group.cells);
        }
    }
}
