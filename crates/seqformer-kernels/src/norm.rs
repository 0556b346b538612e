//! Layer normalization of a row.

use crate::scalar::sum16;

/// Layer normalization.
#[derive(Debug)]
pub struct Norm {
    /// Scale, `[C]`.
    pub weight: Vec<f32>,
    /// Shift, `[C]`.
    pub bias: Vec<f32>,
    /// Added to the variance.
    pub eps: f32,
}

impl Norm {
    /// Normalizes a row in place.
    #[inline(always)]
    pub fn apply(&self, row: &mut [f32]) {
        let count = row.len() as f32;
        let mean = sum(row, |x| x) / count;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
        let scale = 1.0 / (variance + self.eps).sqrt();
        for ((x, weight), bias) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
            *x = (*x - mean) * scale * weight + bias;
        }
    }
}

/// `Σ of(x)` with several interleaved accumulators.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let (chunks, rest) = row.as_chunks::<{ 2 * LANES }>();
    let (mut even, mut odd) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for chunk in chunks {
        for k in 0..LANES {
            even[k] += of(chunk[k]);
            odd[k] += of(chunk[k + LANES]);
        }
    }
    for k in 0..LANES {
        even[k] += odd[k];
    }
    let mut total = sum16(&even);
    for x in rest {
        total += of(*x);
    }
    total
}
