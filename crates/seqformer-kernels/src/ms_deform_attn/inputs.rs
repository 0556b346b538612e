//! What deformable attention reads and writes, and how its work is divided.

use crate::samples::Samples;
use crate::shape::Shape;

/// What both passes read.
#[derive(Debug, Clone, Copy)]
pub struct MsDeformAttnInputs<'a, T> {
    /// The sizes.
    pub shape: &'a Shape,
    /// `[N, S, M, D]`, or `[N, M, S, D]` if `head_major`.
    pub value: &'a [T],
    /// Forward only.
    pub head_major: bool,
    /// Where the points lie and how much they count.
    pub samples: Samples<'a>,
    /// `[N or 1, S]`, true = the token counts as zero; empty where none does.
    pub padding: &'a [bool],
}

impl<T> MsDeformAttnInputs<'_, T> {
    /// Which tokens of a clip count as zero; `None` where none does.
    pub(super) fn padding_of(&self, clip: usize) -> Option<&[bool]> {
        let tokens = self.shape.tokens;
        let clip = if self.padding.len() > tokens { clip } else { 0 };
        self.padding.get(clip * tokens..(clip + 1) * tokens).filter(|padding| !padding.is_empty())
    }
}

/// Where backward writes.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// `[N, S, M, D]`
    pub value: &'a mut [T],
    /// Of the locations or offsets, `[N, Q, M, L, P, 2]`.
    pub locations: &'a mut [f32],
    /// Of the weights or logits, `[N, Q, M, L, P]`.
    pub weights: &'a mut [f32],
}

/// A part of the work: some queries of one head of one clip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) clip: usize,
    pub(super) head: usize,
    pub(super) first_query: usize,
    pub(super) num_queries: usize,
}
