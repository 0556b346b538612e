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
    let plain: Vec<u16> = numbers.iter().map(|x| Bf16::from_f32(*x).to_bits()).collect();
    for set in InstructionSet::available() {
        let mut found = vec![Bf16::from_bits(1); numbers.len()];
        Bf16::round(set, &numbers, &mut found);
        assert_eq!(found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), plain, "{set:?}");
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
        let plain: Vec<u16> = exact.iter().map(|x| Bf16::from_f32(*x).to_bits()).collect();
        for set in InstructionSet::available() {
            // Whole panels, and the beginning of one.
            for count in [64, 40] {
                let mut found = vec![Bf16::from_bits(1); count];
                Bf16::round_sums(set, &mut sums.clone(), &bias, relu, &mut found);
                assert!(
                    found.iter().map(|x| x.to_bits()).eq(plain[..count].iter().copied()),
                    "{set:?}"
                );
                let mut found = vec![-1.0; count];
                f32::round_sums(set, &mut sums.clone(), &bias, relu, &mut found);
                assert_eq!(found, exact[..count], "{set:?}");
            }
        }
    }
}

#[test]
fn bfloat16_rounds_to_nearest_even() {
    let check = |x: f32, expected: f32| assert_eq!(Bf16::from_f32(x).to_f32(), expected, "{x}");
    check(1.0, 1.0);
    check(1.0 + 1.0 / 256.0, 1.0); // a tie: to the even neighbour below
    check(1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0); // a tie: to the even neighbour above
    check(-2.503_906_3, -2.5);
    check(f32::INFINITY, f32::INFINITY);
    assert!(Bf16::from_f32(f32::NAN).to_f32().is_nan());
}
