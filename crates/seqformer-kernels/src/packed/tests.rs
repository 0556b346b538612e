use super::*;
use crate::bf16::Bf16;
use crate::element::Element as _;
use crate::instruction_set::InstructionSet;
use crate::plain;

/// Numbers between -1 and 1 that follow from their place, and that bfloat16 holds.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| (((i + seed) * 7919) % 2003) as f32 / 1001.0 - 1.0;
    (0..count).map(|i| Bf16::from_f32(number(i)).to_f32()).collect()
}

/// What a product gives, [`Rows`] by [`Rows`], in `f64`: one for each output of a panel.
fn expected(left: &[f32], weight: &[f32], bias: &[f32], outputs: usize) -> Vec<f64> {
    let inputs = weight.len() / outputs;
    let mut products = Vec::new();
    for row in left.chunks_exact(inputs) {
        for (output, bias) in weight.chunks_exact(inputs).zip(bias) {
            let sum: f64 = row.iter().zip(output).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            products.push(sum + f64::from(*bias));
        }
    }
    products
}

fn assert_near(found: f32, expected: f64, step: f64, what: &str) {
    let error = (f64::from(found) - expected).abs();
    assert!(error <= 1e-4 + step * expected.abs(), "{what}: {found} for {expected}");
}

/// Every way that a product goes, for blocks of all rests, in all instructions.
fn check<T: Factor>(inputs: usize, outputs: usize) {
    let (weight, bias) = (numbers(inputs * outputs, 1), numbers(outputs, 2));
    let packed = Packed::<T>::new(&weight, &bias);
    assert!(packed.can_multiply(&plain::machine()));
    let step = if T::INTERLEAVED == Bf16::INTERLEAVED { 1.0 / 256.0 } else { 1e-6 };
    for (rows, set) in (1..14)
        .chain([63, ROWS])
        .flat_map(|rows| InstructionSet::available().map(move |set| (rows, set)))
    {
        let what =
            format!("{rows}x{inputs} to {outputs} in {:?} by {set:?}", std::any::type_name::<T>());
        let stride = inputs + 2;
        let left_numbers = numbers(rows * inputs, 3);
        let mut strided = vec![T::from_f32(f32::NAN); rows * stride];
        for (to, from) in strided.chunks_exact_mut(stride).zip(left_numbers.chunks_exact(inputs)) {
            T::round(set, from, &mut to[..inputs]);
        }
        let machine = &plain::machine().by(set);
        let block = Block { first: 0, rows, height: rows };
        let left = Left { rows: &strided, stride, block, machine };
        let expected = expected(&left_numbers, &weight, &bias, outputs);
        let mut scratch = vec![0.0; ROWS * PANEL];
        let held = numbers(rows * outputs, 4);
        let (mut sums, mut rounded) = (held.clone(), vec![T::from_f32(0.0); rows * outputs]);
        for panel in 0..packed.num_panels() {
            let columns = packed.columns(panel);
            packed.sum(panel, &left, true, &mut scratch).unwrap();
            for (row, found) in scratch.chunks_exact(PANEL).enumerate().take(rows) {
                for (found, column) in found.iter().zip(columns.clone()) {
                    let expected = expected[row * outputs + column].max(0.0);
                    assert_near(*found, expected, 1e-6, &what);
                }
            }
            let numbers = &mut rounded[columns.start..];
            let to = &mut Rows { numbers, stride: outputs };
            packed.round(panel, &left, false, &mut scratch, to).unwrap();
            // In two parts of the inputs.
            let border = inputs / 4 * 2;
            for part in [0..border, border..inputs] {
                let left = Left { rows: &left.rows[part.start..], ..left };
                let to = &mut Rows { numbers: &mut sums[columns.start..], stride: outputs };
                packed.add(panel, part, &left, &mut scratch, to).unwrap();
            }
        }
        for (number, expected) in expected.iter().enumerate() {
            assert_near(rounded[number].to_f32(), *expected, step, &what);
            assert_near(sums[number], expected + f64::from(held[number]), 1e-6, &what);
        }
    }
}

#[test]
fn products_are_those_of_the_numbers() {
    for (inputs, outputs) in [(4, 64), (38, 70), (256, 128), (326, 64)] {
        check::<f32>(inputs, outputs);
        check::<Bf16>(inputs, outputs);
    }
}

#[test]
fn what_is_not_a_number_remains_visible() {
    let packed = Packed::<Bf16>::new(&[1.0; 4 * PANEL], &[0.0; PANEL]);
    assert!(packed.can_multiply(&plain::machine()));
    let rows = [1.0, f32::NAN, 1.0, 1.0].map(Bf16::from_f32);
    for set in InstructionSet::available() {
        let machine = &plain::machine().by(set);
        let block = Block { first: 0, rows: 1, height: 1 };
        let left = Left { rows: &rows, stride: 4, block, machine };
        let mut sums = [0.0; PANEL];
        packed.sum(0, &left, true, &mut sums).unwrap();
        assert!(sums.iter().all(|sum| sum.is_nan()), "{set:?}");
    }
}
