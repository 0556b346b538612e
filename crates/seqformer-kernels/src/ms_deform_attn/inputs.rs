//! Inputs and outputs of deformable attention, and how its work is divided.

use crate::samples::Samples;
use crate::shape::Shape;

/// The inputs of both passes.
#[derive(Debug, Clone, Copy)]
pub struct MsDeformAttnInputs<'a, T> {
    /// The sizes.
    pub shape: &'a Shape,
    /// `[N, S, M, D]`, or `[N, M, S, D]` if `head_major`.
    pub value: &'a [T],
    /// Forward only.
    pub head_major: bool,
    /// Sampling locations and attention weights.
    pub samples: Samples<'a>,
    /// `[N or 1, S]`, true = the token counts as zero; empty without padding.
    pub padding: &'a [bool],
}

impl<T> MsDeformAttnInputs<'_, T> {
    /// The padding of a clip; `None` without padding.
    pub(super) fn padding_of(&self, clip: usize) -> Option<&[bool]> {
        let tokens = self.shape.tokens;
        let clip = if self.padding.len() > tokens { clip } else { 0 };
        self.padding.get(clip * tokens..(clip + 1) * tokens).filter(|padding| !padding.is_empty())
    }
}

/// The outputs of the backward pass.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// `[N, S, M, D]`
    pub value: &'a mut [T],
    /// Gradient of the locations or offsets, `[N, Q, M, L, P, 2]`.
    pub locations: &'a mut [f32],
    /// Gradient of the weights or logits, `[N, Q, M, L, P]`.
    pub weights: &'a mut [f32],
}

/// A task: some queries of one head of one clip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) clip: usize,
    pub(super) head: usize,
    pub(super) first_query: usize,
    pub(super) num_queries: usize,
}
