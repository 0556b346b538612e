//! The value projection of attention, with its output ordered by head.

use crate::aligned::Aligned;
use crate::blocks::{Block, Failure, NoProduct, ROWS, divide, in_blocks};
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::packed::{Left, Packed, Rows};
use crate::panel::PANEL;
use crate::products::Factor;

/// The inputs of the projection.
#[derive(Debug, Clone, Copy)]
pub struct HeadValuesInputs<'a, T> {
    /// `[M * D, inputs]`
    pub weights: &'a Packed<T>,
    /// `M`, a multiple of the heads per panel
    pub heads: usize,
    /// `S`
    pub tokens_per_clip: usize,
    /// `[N, S, inputs]`
    pub tokens: &'a [f32],
    /// `[N or 1, S]`, true = the token counts as zero; empty without padding.
    pub padding: &'a [bool],
}

/// Writes the values of all tokens, `[N, M, S, D]`.
///
/// # Errors
///
/// If this machine has no kernel for the products.
///
/// # Panics
///
/// If heads do not have 8, 16, 32 or 64 channels.
pub fn head_values<T: Factor>(
    inputs: &HeadValuesInputs<'_, T>,
    out: &mut [T],
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let channels = inputs.weights.outputs() / inputs.heads;
    assert!(
        matches!(channels, 8 | 16 | 32 | 64) && channels * inputs.heads == inputs.weights.outputs(),
        "heads have 8, 16, 32 or 64 channels each"
    );
    let out = &DisjointRows::new(out);
    let rows = inputs.tokens.len() / inputs.weights.inputs();
    let new = || Scratch::new(inputs.weights);
    in_blocks::<T, _>(machine, rows, 1, &new, &|block, _part, scratch, failed| {
        run_vectorized(set, Values { inputs, out, block, scratch, failed, machine });
    })
}

/// The buffers of a thread.
struct Scratch<T> {
    rows: Aligned<T>,
    sums: Aligned<f32>,
    /// The values of a panel.
    values: Aligned<T>,
}

impl<T: Factor> Scratch<T> {
    fn new(weights: &Packed<T>) -> Self {
        Self {
            rows: Aligned::new(ROWS * weights.inputs()),
            sums: Aligned::new(ROWS * PANEL),
            values: Aligned::new(ROWS * PANEL),
        }
    }
}

struct Values<'a, T> {
    inputs: &'a HeadValuesInputs<'a, T>,
    out: &'a DisjointRows<'a, T>,
    block: Block,
    scratch: &'a mut Scratch<T>,
    failed: &'a Failure,
    machine: &'a Machine<'a>,
}

impl<T: Factor> Vectorized for Values<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let failed = self.failed;
        if write(self).is_err() {
            failed.set();
        }
    }
}

#[inline(always)]
fn write<T: Factor>(work: Values<'_, T>) -> Result<(), NoProduct> {
    let Values { inputs, out, block, scratch, machine, .. } = work;
    let set = machine.set;
    let &HeadValuesInputs { weights, heads, tokens_per_clip, tokens, padding } = inputs;
    let (width, channels) = (weights.inputs(), weights.outputs() / heads);
    let is_padded = |row: usize| {
        let (clip, token) = divide(block.first + row, tokens_per_clip);
        let of_clip = if padding.len() > tokens_per_clip { clip } else { 0 };
        padding.get(of_clip * tokens_per_clip + token).copied().unwrap_or(false)
    };
    let tokens = &tokens[block.first * width..][..block.rows * width];
    // Everything below an image is whole blocks of padding, which need no computation.
    let nothing = (0..block.rows).all(is_padded);
    if !nothing {
        T::round(set, tokens, &mut scratch.rows[..tokens.len()]);
    }
    let Scratch { rows, sums, values } = scratch;
    let left = Left { rows, stride: width, block, machine };
    for panel in 0..weights.num_panels() {
        if !nothing {
            let mut to = Rows { numbers: values, stride: PANEL };
            weights.round(panel, &left, false, sums, &mut to)?;
        }
        let columns = weights.columns(panel);
        let values = values.as_chunks_mut::<PANEL>().0;
        for (row, value) in values[..block.rows].iter_mut().enumerate() {
            if is_padded(row) {
                value.fill(T::from_f32(0.0));
            }
            let (clip, token) = divide(block.first + row, tokens_per_clip);
            let first_head = clip * heads + panel * PANEL / channels;
            let value = &value[..columns.len()];
            let place = (first_head * tokens_per_clip + token, tokens_per_clip);
            match channels {
                64 => write_heads::<T, 64>(out, place, value),
                32 => write_heads::<T, 32>(out, place, value),
                16 => write_heads::<T, 16>(out, place, value),
                _ => write_heads::<T, 8>(out, place, value),
            }
        }
    }
    Ok(())
}

/// Writes the heads of a token; the first one's row is `first`, and those of the others are `step` rows apart.
///
/// Copies of constant length compile to no call.
#[inline(always)]
fn write_heads<T: Factor, const D: usize>(
    out: &DisjointRows<'_, T>,
    (first, step): (usize, usize),
    value: &[T],
) {
    for (head, value) in value.as_chunks::<D>().0.iter().enumerate() {
        // SAFETY: a token's row of a head belongs to the block of the token, which goes to one thread: heads have `D` channels.
        unsafe { out.write((first + head * step) * D, value) };
    }
}
