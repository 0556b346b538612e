//! Sampling locations and attention weights of a query and head.

use crate::instruction_set::InstructionSet;
use crate::lanes::{LANES, Line, part, sum_lanes, to_array};
use crate::pairs::{NOWHERE, Pairs};
use crate::prefetch::prefetch;
use crate::shape::Shape;
use crate::softmax::softmax;

/// The representations of sampling locations and attention weights.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// Given directly.
    Located {
        /// `[N, Q, M, L, P, 2]`
        locations: &'a [f32],
        /// `[N, Q, M, L, P]`
        weights: &'a [f32],
    },
    /// As predicted by a network: locations are `references + offsets / (W, H)`, weights the softmax of the logits over
    /// `L * P`.
    Offset {
        /// In cells, `[N, Q, M, L, P, 2]`.
        offsets: &'a [f32],
        /// Attention weights.
        weights: AttentionWeights<'a>,
        /// `[N or 1, Q, L, 2]`
        references: &'a [f32],
    },
    /// As predicted by a network around boxes, for the forward pass: locations are `centre + offsets / P * size / 2`.
    AroundBoxes {
        /// In halves of the box, times `P`, `[N, Q, M, L, P, 2]`.
        offsets: &'a [f32],
        /// Attention weights.
        weights: AttentionWeights<'a>,
        /// (cx, cy, w, h), `[N or 1, Q, L, 4]`.
        references: &'a [f32],
    },
}

/// Attention weights of the points, `[N, Q, M, L, P]`.
#[derive(Debug, Clone, Copy)]
pub enum AttentionWeights<'a> {
    /// Logits, before the softmax over `L * P`.
    Logits(&'a [f32]),
    /// Weights, after the softmax.
    Normalized(&'a [f32]),
}

/// A query of a clip, and its index among all queries and heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) clip: usize,
    pub(crate) query: usize,
    /// `(clip * Q + query) * M + head`
    pub(crate) index: usize,
}

/// The references of every query and point, `[N or 1, Q, groups]` each: computed once for all heads.
#[derive(Debug, Default)]
pub(crate) struct Centres {
    points: Vec<Pairs>,
    /// The scale of offsets; empty if it is one cell.
    extents: Vec<Pairs>,
}

impl Centres {
    /// Points and extents of a query; the latter may be empty.
    #[inline(always)]
    fn of(&self, shape: &Shape, place: Place, num_groups: usize) -> (&[Pairs], &[Pairs]) {
        let per_clip = num_groups * shape.queries;
        let clip = if self.points.len() > per_clip { place.clip } else { 0 };
        let row = clip * shape.queries + place.query;
        let extents = if self.extents.is_empty() {
            &self.extents[..]
        } else {
            row_at(&self.extents, row, num_groups)
        };
        (row_at(&self.points, row, num_groups), extents)
    }
}

/// The predicted points of one query and head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) centres: &'a [Pairs],
    /// As many as `centres`, or none.
    pub(crate) extents: &'a [Pairs],
    /// `[L, P, 2]`
    pub(crate) offsets: &'a [f32],
    /// `[L, P]`
    pub(crate) weights: &'a [f32],
}

/// The points of one query and head, in whole groups.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Width and height of each point's map.
    cells: Vec<[f32; 2 * LANES]>,
    /// The same by axis.
    sizes: Vec<Pairs>,
    /// Locations; lanes beyond the points lie outside every map.
    pub(crate) locations: Vec<Pairs>,
    /// Attention weights; those beyond the points are 0.
    pub(crate) weights: Vec<Line>,
    /// The instruction set.
    pub(crate) set: InstructionSet,
}

impl Buffer {
    pub(crate) fn new(shape: &Shape, set: InstructionSet) -> Self {
        let num_groups = shape.samples().div_ceil(LANES);
        let mut cells = vec![[1.0; 2 * LANES]; num_groups];
        let sizes = shape.levels.iter().map(|level| [level.width as f32, level.height as f32]);
        let sizes = sizes.flat_map(|size| size.repeat(shape.points));
        for (cell, size) in cells.as_flattened_mut().iter_mut().zip(sizes) {
            *cell = size;
        }
        let numbers = cells.as_flattened();
        let sizes: Vec<Pairs> =
            (0..num_groups).map(|number| Pairs::read(set, numbers, number, 1.0)).collect();
        let (locations, weights) = (sizes.clone(), vec![Line([0.0; LANES]); num_groups]);
        Self { cells, sizes, locations, weights, set }
    }
}

impl<'a> Samples<'a> {
    /// Computes the references of all points; empty if locations are given.
    pub(crate) fn centres(&self, shape: &Shape) -> Centres {
        match *self {
            Self::Located { .. } => Centres::default(),
            Self::Offset { references, .. } => {
                let points = by_point(shape, references, |&[x, y]: &[f32; 2]| (x, y));
                Centres { points, extents: Vec::new() }
            }
            Self::AroundBoxes { references, .. } => {
                let half = 0.5 / shape.points as f32;
                let extent = |&[_, _, w, h]: &[f32; 4]| (w * half, h * half);
                Centres {
                    points: by_point(shape, references, |&[x, y, _, _]: &[f32; 4]| (x, y)),
                    extents: by_point(shape, references, extent),
                }
            }
        }
    }

    /// Prefetches the points of query and head number `index`.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: usize, samples: usize) {
        let (locations, weights) = match *self {
            Self::Located { locations, weights } => (locations, weights),
            Self::Offset { offsets, weights, .. } | Self::AroundBoxes { offsets, weights, .. } => {
                let (AttentionWeights::Logits(weights) | AttentionWeights::Normalized(weights)) =
                    weights;
                (offsets, weights)
            }
        };
        prefetch(locations, 2 * samples * index, 2 * samples);
        prefetch(weights, samples * index, samples);
    }

    /// Reads locations and weights of one query and head into `buffer`.
    #[inline(always)]
    pub(crate) fn read<const FMA: bool>(
        &self,
        shape: &Shape,
        centres: &Centres,
        place: Place,
        buffer: &mut Buffer,
    ) {
        let (samples, num_groups) = (shape.samples(), buffer.cells.len());
        match *self {
            Self::Located { locations, weights } => {
                let locations = row_at(locations, place.index, 2 * samples);
                let weights = row_at(weights, place.index, samples);
                for number in 0..num_groups {
                    buffer.locations[number] = Pairs::read(buffer.set, locations, number, NOWHERE);
                    buffer.weights[number] = Line(to_array(part(weights, number, 1), 0.0));
                }
            }
            Self::Offset { offsets, weights, .. } | Self::AroundBoxes { offsets, weights, .. } => {
                let (points, extents) = centres.of(shape, place, num_groups);
                let offsets = row_at(offsets, place.index, 2 * samples);
                for (number, centre) in points.iter().enumerate() {
                    let offset = Pairs::read(buffer.set, offsets, number, 0.0);
                    let location = &mut buffer.locations[number];
                    if let Some(extent) = extents.get(number) {
                        for k in 0..LANES {
                            location.x[k] = centre.x[k] + offset.x[k] * extent.x[k];
                            location.y[k] = centre.y[k] + offset.y[k] * extent.y[k];
                        }
                    } else {
                        let size = &buffer.sizes[number];
                        for k in 0..LANES {
                            location.x[k] = centre.x[k] + offset.x[k] / size.x[k];
                            location.y[k] = centre.y[k] + offset.y[k] / size.y[k];
                        }
                    }
                }
                match weights {
                    AttentionWeights::Logits(logits) => {
                        let logits = row_at(logits, place.index, samples);
                        softmax::<FMA>(buffer.set, logits, &mut buffer.weights);
                    }
                    AttentionWeights::Normalized(weights) => {
                        let weights = row_at(weights, place.index, samples);
                        for (number, to) in buffer.weights.iter_mut().enumerate() {
                            *to = Line(to_array(part(weights, number, 1), 0.0));
                        }
                    }
                }
            }
        }
    }

    /// The predicted points of a query whose weights need no softmax.
    #[inline(always)]
    pub(crate) fn around(
        &self,
        shape: &Shape,
        centres: &'a Centres,
        place: Place,
    ) -> Option<Around<'a>> {
        let samples = shape.samples();
        let (Self::Offset { offsets, weights, .. } | Self::AroundBoxes { offsets, weights, .. }) =
            *self
        else {
            return None;
        };
        let AttentionWeights::Normalized(weights) = weights else { return None };
        let (centres, extents) = centres.of(shape, place, samples.div_ceil(LANES));
        let offsets = row_at(offsets, place.index, 2 * samples);
        Some(Around { centres, extents, offsets, weights: row_at(weights, place.index, samples) })
    }

    /// Converts the gradients of the points read last to those of the inputs (chain rule).
    ///
    /// `locations` is `[L, P, 2]`, `weights` `[L, P]`. Points around boxes have no backward pass.
    #[inline(always)]
    pub(crate) fn chain(&self, buffer: &Buffer, locations: &mut [f32], weights: &mut [f32]) {
        if !matches!(self, Self::Offset { .. }) {
            return;
        }
        for (gradient, cells) in locations.iter_mut().zip(buffer.cells.as_flattened()) {
            *gradient /= cells;
        }
        let mut sums = [0.0; LANES];
        for (number, softmax) in buffer.weights.iter().enumerate() {
            let gradients = to_array::<LANES>(part(weights, number, 1), 0.0);
            for k in 0..LANES {
                sums[k] += softmax[k] * gradients[k];
            }
        }
        let mean = sum_lanes(&sums);
        for (gradients, softmax) in weights.chunks_mut(LANES).zip(&buffer.weights) {
            for (gradient, weight) in gradients.iter_mut().zip(softmax.iter()) {
                *gradient = weight * (*gradient - mean);
            }
        }
    }
}

/// A pair from each query's reference, `[N or 1, Q, L, R]`, for each of its points; lanes beyond the points lie outside
/// every map.
fn by_point<const R: usize>(
    shape: &Shape,
    references: &[f32],
    pick: impl Fn(&[f32; R]) -> (f32, f32),
) -> Vec<Pairs> {
    let groups_per_query = shape.samples().div_ceil(LANES);
    let per_query = references.as_chunks::<R>().0.chunks_exact(shape.levels.len().max(1));
    let nowhere = Pairs { x: [NOWHERE; LANES], y: [NOWHERE; LANES] };
    let mut pairs = vec![nowhere; per_query.len() * groups_per_query];
    for (row, references) in pairs.chunks_exact_mut(groups_per_query.max(1)).zip(per_query) {
        for sample in 0..shape.samples() {
            let (group, lane) = (&mut row[sample / LANES], sample % LANES);
            (group.x[lane], group.y[lane]) = pick(&references[sample / shape.points]);
        }
    }
    pairs
}

/// Row `index` of rows of `length`.
#[inline(always)]
fn row_at<T>(elements: &[T], index: usize, length: usize) -> &[T] {
    &elements[length * index..][..length]
}

/// Replaces logits, `samples` per query and head, by their softmax.
///
/// All at once rather than each before its rows are read, so that additions do not wait for their own softmax.
#[inline(always)]
pub(crate) fn normalise<const FMA: bool>(logits: &mut [f32], samples: usize, buffer: &mut Buffer) {
    for logits in logits.chunks_exact_mut(samples.max(1)) {
        softmax::<FMA>(buffer.set, logits, &mut buffer.weights);
        for (logits, weights) in logits.chunks_mut(LANES).zip(&buffer.weights) {
            match logits.first_chunk_mut() {
                Some(all) => *all = **weights,
                None => logits.copy_from_slice(&weights[..logits.len()]),
            }
        }
    }
}
