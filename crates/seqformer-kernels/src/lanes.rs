//! Vectors of sixteen numbers (one AVX-512 register), and operations on sixteen points at once.

use std::ops::{Deref, DerefMut};

/// The four cells around a point: top left, top right, bottom left, bottom right.
pub(crate) const CORNERS: usize = 4;
/// Points that are processed together: one AVX-512 register, and all of the usual 4 levels x 4 points.
pub(crate) const LANES: usize = 16;

/// One number per point.
pub(crate) type Lanes<T> = [T; LANES];

/// The same, aligned to a cache line. A register that straddles two lines is written in two steps, and the next reader
/// waits for both, which doubled the time of the forward pass when memory happened to be laid out that way.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Line(pub(crate) Lanes<f32>);

impl Line {
    #[cfg(test)]
    pub(crate) fn from_fn(of: impl FnMut(usize) -> f32) -> Self {
        Self(std::array::from_fn(of))
    }
}

impl Deref for Line {
    type Target = Lanes<f32>;

    #[inline(always)]
    fn deref(&self) -> &Lanes<f32> {
        &self.0
    }
}

impl DerefMut for Line {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Lanes<f32> {
        &mut self.0
    }
}

/// The elements of a query that belong to group `index`, with `per_point` elements per point.
#[inline(always)]
pub(crate) fn part(numbers: &[f32], index: usize, per_point: usize) -> &[f32] {
    let start = index * LANES * per_point;
    &numbers[start..numbers.len().min(start + LANES * per_point)]
}

/// The first `N` of `numbers`, padded with `rest`.
#[inline(always)]
pub(crate) fn to_array<const N: usize>(numbers: &[f32], rest: f32) -> [f32; N] {
    if let Some(all) = numbers.first_chunk() {
        return *all;
    }
    let mut array = [rest; N];
    array[..numbers.len()].copy_from_slice(numbers);
    array
}

/// The sum of all lanes, by halving.
#[inline(always)]
pub(crate) fn sum_lanes(lanes: &Lanes<f32>) -> f32 {
    let (mut eight, mut four) = ([0.0; 8], [0.0; 4]);
    for k in 0..8 {
        eight[k] = lanes[k] + lanes[k + 8];
    }
    for k in 0..4 {
        four[k] = eight[k] + eight[k + 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}
