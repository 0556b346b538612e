//! Weighted sums of rows at the corners of points.

use crate::bf16::Bf16;
use crate::element::Element;
use crate::instruction_set::InstructionSet;
use crate::lanes::{CORNERS, LANES, Lanes, Line};
use crate::points::Corners;
#[cfg(target_arch = "x86_64")]
use crate::simd::{add_bf16_row_pairs, add_bf16_rows, add_f32_rows};

/// Weighted sums of rows, with special instructions where available.
pub trait RowSums: Element {
    /// Adds the weighted rows of one group of points to `W` channels; the row of a corner is `cell * blocks + block`.
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    );

    /// Whether [`Self::add_pairs`] has code for rows of `W` numbers.
    #[inline(always)]
    fn adds_pairs<const W: usize>(_set: InstructionSet) -> bool {
        false
    }

    /// As [`Self::add_group`] for whole rows, with the factors of corners in pairs.
    #[inline(always)]
    fn add_pairs<const W: usize>(
        _set: InstructionSet,
        _sum: &mut [f32; W],
        _rows: &[[Self; W]],
        _corners: &Corners,
    ) {
        unreachable!("only where it adds pairs");
    }
}

impl RowSums for f32 {
    #[inline(always)]
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() && matches!(W, 16 | 32 | 64) {
            return add_f32_rows::<W>(set, sum, rows, of, cells, factors);
        }
        add_group::<Self, W, FMA>(sum, rows, of, cells, factors);
    }
}

impl RowSums for Bf16 {
    #[inline(always)]
    fn adds_pairs<const W: usize>(set: InstructionSet) -> bool {
        #[cfg(target_arch = "x86_64")]
        return set.has_avx512_bf16() && matches!(W, 32 | 64);
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn add_pairs<const W: usize>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        corners: &Corners,
    ) {
        add_bf16_row_pairs::<W>(set, sum, rows, &corners.cells, &corners.pairs);
    }

    #[inline(always)]
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() && matches!(W, 32 | 64) {
            return add_bf16_rows::<W>(set, sum, rows, of, cells, factors);
        }
        add_group::<Self, W, FMA>(sum, rows, of, cells, factors);
    }
}

/// Adds the weighted rows of one group of points to the `W` channels of `block`.
#[inline(always)]
fn add_group<T: Element, const W: usize, const FMA: bool>(
    sum: &mut [f32; W],
    rows: &[[T; W]],
    [blocks, block]: [usize; 2],
    cells: &[Lanes<i32>; CORNERS],
    factors: &[Line; CORNERS],
) {
    // Two accumulators, so that additions do not wait for each other.
    let (mut upper, mut lower) = (*sum, [0.0; W]);
    for k in 0..LANES {
        let row = |corner: usize| &rows[cells[corner][k] as usize * blocks + block];
        add_scaled::<T, W, FMA>(&mut upper, row(0), factors[0][k]);
        add_scaled::<T, W, FMA>(&mut lower, row(2), factors[2][k]);
        add_scaled::<T, W, FMA>(&mut upper, row(1), factors[1][k]);
        add_scaled::<T, W, FMA>(&mut lower, row(3), factors[3][k]);
    }
    for j in 0..W {
        sum[j] = upper[j] + lower[j];
    }
}

/// `sum += row * factor`, fused if the machine can.
#[inline(always)]
pub(crate) fn add_scaled<T: Element, const W: usize, const FMA: bool>(
    sum: &mut [f32; W],
    row: &[T; W],
    factor: f32,
) {
    for j in 0..W {
        let x = row[j].to_f32();
        sum[j] = if FMA { x.mul_add(factor, sum[j]) } else { sum[j] + x * factor };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction_set::InstructionSet;

    /// The greatest difference of a sum of rows in any instruction set from one in double precision.
    fn difference<T: RowSums, const W: usize>() -> f64 {
        let (blocks, block) = (2, 1);
        let value = |row: usize, j: usize| ((row * 31 + j * 7) % 23) as f32 * 0.25 - 2.0;
        let rows: Vec<[T; W]> = (0..20 * blocks)
            .map(|row| std::array::from_fn(|j| T::from_f32(value(row, j))))
            .collect();
        let cells = [3, 5, 7, 11].map(|step| std::array::from_fn(|k| (k as i32 * step) % 20));
        let factors =
            [0.3, -0.2, 0.7, 1.1].map(|by| Line::from_fn(|k| by * (k as f32 + 0.5) / 16.0));
        let mut most = 0.0_f64;
        for set in InstructionSet::available() {
            let mut found: [f32; W] = std::array::from_fn(|j| j as f32);
            T::add_group::<W, false>(set, &mut found, &rows, [blocks, block], &cells, &factors);
            for (j, found) in found.into_iter().enumerate() {
                let mut exact = j as f64;
                for (cells, factors) in cells.iter().zip(&factors) {
                    let cells: &Lanes<i32> = cells;
                    for (cell, factor) in cells.iter().zip(factors.iter()) {
                        let row = *cell as usize * blocks + block;
                        exact += f64::from(value(row, j)) * f64::from(*factor);
                    }
                }
                most = most.max((f64::from(found) - exact).abs());
            }
        }
        most
    }

    #[test]
    fn rows_are_summed_by_their_factors_in_all_instruction_sets() {
        // The values are exact in bf16, so that both kinds give the same sums.
        let found = [
            difference::<f32, 8>(),
            difference::<f32, 16>(),
            difference::<f32, 32>(),
            difference::<f32, 64>(),
            difference::<Bf16, 8>(),
            difference::<Bf16, 16>(),
            difference::<Bf16, 32>(),
            difference::<Bf16, 64>(),
        ];
        assert!(found.iter().all(|difference| *difference < 1e-4), "{found:?}");
    }
}
