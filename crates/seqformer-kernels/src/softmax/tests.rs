use super::*;

fn weights(set: InstructionSet, logits: &[f32]) -> Vec<f32> {
    let mut weights = vec![Line([0.0; LANES]); logits.len().div_ceil(LANES)];
    softmax::<true>(set, logits, &mut weights);
    weights.iter().flat_map(|line| line.0).take(logits.len()).collect()
}

#[test]
fn weights_are_those_of_double_precision_in_all_instruction_sets() {
    let rows: [Vec<f32>; 5] = [
        (0..16).map(|k| (k * k % 11) as f32 - 5.0).collect(),
        (0..16).map(|k| k as f32 * -20.0).collect(),
        vec![3.0; 16],
        (0..7).map(|k| k as f32 * 0.3).collect(),
        (0..40).map(|k| (k % 13) as f32 * 0.7).collect(),
    ];
    for row in rows {
        let most = row.iter().copied().fold(f32::MIN, f32::max);
        let exact: Vec<f64> = row.iter().map(|x| f64::from(x - most).exp()).collect();
        let sum: f64 = exact.iter().sum();
        for set in InstructionSet::available() {
            for (found, exact) in weights(set, &row).into_iter().zip(&exact) {
                let exact = exact / sum;
                assert!(
                    (f64::from(found) - exact).abs() <= 4e-7 * exact + 1e-30,
                    "{set:?}, {row:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_number_spreads_over_its_row() {
    for set in InstructionSet::available() {
        let mut logits = [0.5; 16];
        logits[9] = f32::NAN;
        assert!(weights(set, &logits).iter().all(|weight| weight.is_nan()), "{set:?}");
    }
}
