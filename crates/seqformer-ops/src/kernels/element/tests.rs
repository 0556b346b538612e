use super::*;

/// Numbers that end in ties, overflow, vanish in rounding or are none.
fn numbers() -> Vec<f32> {
    let mut numbers: Vec<f32> = (0..300).map(|k| (k as f32 - 150.0) * 1.003_906_2).collect();
    let bits = [0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000];
    numbers.extend(bits.map(f32::from_bits));
    numbers.extend([0.0, -0.0, f32::MIN_POSITIVE, f32::NEG_INFINITY]);
    numbers
}

#[test]
fn rounding_is_the_same_in_all_instruction_sets() {
    let numbers = numbers();
    let plain: Vec<u16> = numbers.iter().map(|x| Bf16::from_f32(*x).0).collect();
    for set in InstructionSet::available() {
        let mut found = vec![Bf16(1); numbers.len()];
        Bf16::round(set, &numbers, &mut found);
        assert_eq!(found.iter().map(|x| x.0).collect::<Vec<_>>(), plain, "{set:?}");
        let mut rest = [f32::NAN; 33].map(Bf16::from_f32);
        Bf16::round(set, &[f32::NAN; 33], &mut rest);
        assert!(rest.iter().all(|x| x.to_f32().is_nan()), "{set:?}");
    }
}

#[test]
fn sums_are_finished_the_same_in_all_instruction_sets() {
    let sums: [f32; 64] = std::array::from_fn(|k| (k as f32 - 30.0) * 0.37);
    let bias: [f32; 64] = std::array::from_fn(|k| (k % 5) as f32);
    for relu in [false, true] {
        let exact: Vec<f32> = (0..64)
            .map(|k| if relu { (sums[k] + bias[k]).max(0.0) } else { sums[k] + bias[k] })
            .collect();
        let plain: Vec<u16> = exact.iter().map(|x| Bf16::from_f32(*x).0).collect();
        for set in InstructionSet::available() {
            // Whole panels, and the beginning of one.
            for count in [64, 40] {
                let mut found = vec![Bf16(1); count];
                Bf16::round_sums(set, &mut sums.clone(), &bias, relu, &mut found);
                assert!(found.iter().map(|x| x.0).eq(plain[..count].iter().copied()), "{set:?}");
                let mut found = vec![-1.0; count];
                f32::round_sums(set, &mut sums.clone(), &bias, relu, &mut found);
                assert_eq!(found, exact[..count], "{set:?}");
            }
        }
    }
}

/// The greatest difference of a sum of rows in any instruction set from one in double precision.
fn difference<T: Element, const W: usize>() -> f64 {
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
