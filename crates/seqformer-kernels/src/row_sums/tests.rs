use super::*;
use crate::instruction_set::InstructionSet;

/// The greatest difference of a sum of rows in any instruction set from one in double precision.
fn difference<T: RowSums, const W: usize>() -> f64 {
    let (blocks, block) = (2, 1);
    let value = |row: usize, j: usize| ((row * 31 + j * 7) % 23) as f32 * 0.25 - 2.0;
    let rows: Vec<[T; W]> =
        (0..20 * blocks).map(|row| std::array::from_fn(|j| T::from_f32(value(row, j)))).collect();
    let cells = [3, 5, 7, 11].map(|step| std::array::from_fn(|k| (k as i32 * step) % 20));
    let factors = [0.3, -0.2, 0.7, 1.1].map(|by| Line::from_fn(|k| by * (k as f32 + 0.5) / 16.0));
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
