//! Tests with NaN and infinities in the kernels' inputs: the results have NaN and infinities in the same places as those
//! of libtorch's plain operations, for every instruction set.

use std::fmt::Display;

use crate::machine::machine;
use crate::slices::TensorNumber;
use crate::{FeatureLevels, reference};
use seqformer_kernels::ms_deform_attn::{Gradients, MsDeformAttnInputs, backward, forward};
use seqformer_kernels::packed::{Left, Rows};
use seqformer_kernels::{
    AttentionWeights, Bf16, Block, Element, InstructionSet, LevelSize, PANEL, ROWS, RowSums,
    Samples, Shape, attention, dropout, head_values, linear, max_pool, norm, packed, pointwise,
    weight_gradient, winograd,
};
use tch::{Kind, Tensor};

/// Both signs: the kind that x86 makes of `0 * inf` has the sign bit set.
pub(crate) const NOT_FINITE: [f32; 4] = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

/// Such a bfloat16 NaN as processors make of `0 * inf`: with the sign bit set.
const NEGATIVE_NAN: u16 = 0xffc0;

/// Numbers from 1/4 to 5/4 of either sign, which bfloat16 holds.
pub(crate) fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| {
        let hash =
            (i + 1).wrapping_mul(seed.wrapping_mul(7919) + 40_503).wrapping_mul(2_654_435_761);
        let size = 0.25 + ((hash >> 17) % 64) as f32 / 64.0;
        if (hash >> 29).is_multiple_of(2) { size } else { -size }
    };
    (0..count).map(number).collect()
}

/// The first, some in the middle, and the last of `count` places.
pub(crate) fn places(count: usize) -> Vec<usize> {
    let mut places = vec![0, 1, count / 2, count.saturating_sub(2), count - 1];
    places.retain(|place| *place < count);
    places.dedup();
    places
}

/// Copies of `operands`, each with one NaN or infinity.
fn planted<const N: usize>(operands: &[Vec<f32>; N]) -> Vec<([Vec<f32>; N], String)> {
    let mut cases = Vec::new();
    for number in 0..N {
        for place in places(operands[number].len()) {
            for value in NOT_FINITE {
                let mut operands = operands.clone();
                operands[number][place] = value;
                cases.push((operands, format!("{value} in place {place} of operand {number}")));
            }
        }
    }
    cases
}

pub(crate) fn tensor(numbers: &[f32], size: &[i64]) -> Tensor {
    Tensor::from_slice(numbers).view(size)
}

pub(crate) fn elements(tensor: &Tensor) -> Vec<f32> {
    let dense = tensor.to_kind(Kind::Float).contiguous().flatten(0, -1);
    Vec::try_from(dense).expect("the tensor is one row of numbers")
}

fn round<T: Element>(numbers: &[f32]) -> Vec<T> {
    numbers.iter().map(|&number| T::from_f32(number)).collect()
}

fn widen<T: Element>(numbers: &[T]) -> Vec<f32> {
    numbers.iter().map(|number| number.to_f32()).collect()
}

/// NaN, an infinity with its sign, or a number.
fn class(number: f32) -> f32 {
    if number.is_finite() { 0.0 } else { number }
}

/// Asserts that both have NaN and infinities in the same places.
pub(crate) fn assert_same_classes(found: &[f32], expected: &[f32], what: &dyn Display) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let same = class(found) == class(expected) || (found.is_nan() && expected.is_nan());
        assert!(same, "{what}: {found} for {expected} in place {place}");
    }
}

/// Asserts that `found` is not finite wherever `expected` is not.
fn assert_none_lost(found: &[f32], expected: &[f32], what: &dyn Display) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let kept = expected.is_finite() || !found.is_finite();
        assert!(kept, "{what}: {found} for {expected} in place {place}");
    }
}

fn relu_if(asked: bool, tensor: Tensor) -> Tensor {
    if asked { tensor.relu() } else { tensor }
}

fn products_of_rows<T: TensorNumber>(set: InstructionSet) {
    let (rows, inputs, outputs) = (67_usize, 38_usize, 70_usize);
    let operands = [
        numbers(rows * inputs, 1),
        numbers(outputs * inputs, 2),
        numbers(outputs, 3),
        numbers(rows * outputs, 4),
    ];
    let size = |a: usize, b: usize| [a as i64, b as i64];
    for ([x, w, b, r], what) in planted(&operands) {
        let weights = packed::Packed::<T>::new(&w, &b);
        let product = tensor(&x, &size(rows, inputs))
            .matmul(&tensor(&w, &size(outputs, inputs)).transpose(0, 1));
        let plain = product + tensor(&b, &[outputs as i64]);
        let residual = tensor(&r, &size(rows, outputs));
        for relu in [false, true] {
            let what = format!("{:?} by {set:?}, relu {relu}, {what}", T::KIND);
            let expected = elements(&(relu_if(relu, plain.shallow_clone()) + &residual));
            let inputs = linear::LinearInputs { weights: &weights, rows: &x, relu, residual: &r };
            let mut found = vec![0.0; rows * outputs];
            if linear::linear(&inputs, &mut found, &machine().by(set)).is_err() {
                return;
            }
            assert_same_classes(&found, &expected, &what);
            let expected = elements(&relu_if(relu, plain.shallow_clone()));
            let rounded = round::<T>(&x);
            let found = rounded_products(&weights, &rounded[..ROWS * weights.inputs()], relu, set);
            assert_same_classes(&found, &expected[..ROWS * outputs], &format!("rounded: {what}"));
        }
    }
}

/// The products of a block that are rounded, as between the two products of a feed-forward part.
fn rounded_products<T: TensorNumber>(
    weights: &packed::Packed<T>,
    rows: &[T],
    relu: bool,
    set: InstructionSet,
) -> Vec<f32> {
    let block = Block { first: 0, rows: ROWS, height: ROWS };
    let machine = &machine().by(set);
    let left = Left { rows, stride: weights.inputs(), block, machine };
    let (mut sums, mut out) =
        ([0.0; ROWS * PANEL], vec![T::from_f32(0.0); ROWS * weights.outputs()]);
    for panel in 0..weights.num_panels() {
        let numbers = &mut out[weights.columns(panel).start..];
        let mut to = Rows { numbers, stride: weights.outputs() };
        weights.round(panel, &left, relu, &mut sums, &mut to).expect("the kernel was tried");
    }
    widen(&out)
}

fn pointwise_maps<T: TensorNumber>(set: InstructionSet) {
    let ([height, width], inputs, outputs, stride) = ([5_usize, 7_usize], 6_usize, 70_usize, 2);
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    let operands = [
        numbers(height * width * inputs, 1),
        numbers(outputs * inputs, 2),
        numbers(outputs, 3),
        numbers(rows * columns * outputs, 4),
    ];
    for ([x, w, b, r], what) in planted(&operands) {
        let weights = pointwise::Weights { matrix: packed::Packed::<T>::new(&w, &b), stride };
        let map = tensor(&x, &[height as i64, width as i64, inputs as i64]);
        let every = |map: &Tensor, axis| map.slice(axis, None, None, stride as i64);
        let w = tensor(&w, &[outputs as i64, inputs as i64]);
        let plain = every(&every(&map, 0), 1).matmul(&w.transpose(0, 1)) + tensor(&b, &[-1]);
        let sum = &plain + tensor(&r, &[rows as i64, columns as i64, outputs as i64]);
        let cells = round::<T>(&x);
        for (relu, add) in [(false, true), (true, true), (true, false)] {
            let what = format!("{:?} by {set:?}, relu {relu}, add {add}, {what}", T::KIND);
            let expected = if add { &sum } else { &plain }.shallow_clone();
            let inputs = pointwise::PointwiseInputs {
                weights: &weights,
                map: &cells,
                height,
                width,
                add,
                relu,
            };
            let mut found = round::<T>(&r);
            if pointwise::convolve(&inputs, &mut found, &machine().by(set)).is_err() {
                return;
            }
            assert_same_classes(&widen(&found), &elements(&relu_if(relu, expected)), &what);
        }
    }
}

fn tiles<T: TensorNumber>(set: InstructionSet) {
    let ([height, width], inputs, outputs) = ([7_usize, 6_usize], 32_usize, 66_usize);
    let map = numbers(height * width * inputs, 1);
    let (weight, bias) = (numbers(outputs * inputs * 9, 2), numbers(outputs, 3));
    let w = tensor(&weight, &[outputs as i64, inputs as i64, 3, 3]);
    let b = tensor(&bias, &[-1]);
    let weights = winograd::Weights::<T>::new(&weight, &bias);
    for ([x], what) in planted(&[map]) {
        let map = tensor(&x, &[1, height as i64, width as i64, inputs as i64]);
        let plain = map.permute([0, 3, 1, 2]).conv2d(&w, Some(&b), [1, 1], [1, 1], [1, 1], 1);
        let plain = plain.permute([0, 2, 3, 1]);
        let cells = round::<T>(&x);
        for relu in [false, true] {
            let what = format!("{:?} by {set:?}, relu {relu}, {what}", T::KIND);
            let inputs = winograd::WinogradInputs {
                weights: &weights,
                map: &cells,
                height,
                width,
                relu,
                #[cfg(target_arch = "x86_64")]
                native: seqformer_kernels::Bf16Tiles::detect::<T>()
                    .filter(|_| set == InstructionSet::detect()),
            };
            let mut found = vec![T::from_f32(0.0); height * width * outputs];
            if winograd::convolve(&inputs, &mut found, &machine().by(set)).is_err() {
                return;
            }
            let (found, before) = (widen(&found), elements(&plain));
            let expected = elements(&relu_if(relu, plain.shallow_clone()));
            if x.iter().any(|number| number.is_nan()) {
                assert_same_classes(&found, &expected, &what);
                continue;
            }
            // Sums of a tile may take an infinity with both signs: what it reaches may be NaN, but nothing else.
            for (place, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
                let may_be_nan = found.is_nan() && !before[place].is_finite();
                let what = format!("{what}: {found} for {expected} in place {place}");
                assert!(may_be_nan || class(found) == class(expected), "{what}");
            }
        }
    }
}

fn values_by_head<T: TensorNumber>(set: InstructionSet) {
    let (clips, tokens, heads, channels, inputs) = (2_usize, 35_usize, 2_usize, 32_usize, 6_usize);
    let (rows, outputs) = (clips * tokens, heads * channels);
    let padding: Vec<bool> = (0..rows).map(|token| token % 3 == 0 || token == rows - 1).collect();
    let operands = [numbers(rows * inputs, 1), numbers(outputs * inputs, 2), numbers(outputs, 3)];
    for ([x, w, b], what) in planted(&operands) {
        let weights = packed::Packed::<T>::new(&w, &b);
        let mask = Tensor::from_slice(&padding).unsqueeze(-1);
        let w = tensor(&w, &[outputs as i64, inputs as i64]);
        let plain = tensor(&x, &[rows as i64, inputs as i64]).matmul(&w.transpose(0, 1))
            + tensor(&b, &[-1]);
        let plain = plain.masked_fill(&mask, 0.0);
        let plain = plain.view([clips as i64, tokens as i64, heads as i64, channels as i64]);
        let inputs = head_values::HeadValuesInputs {
            weights: &weights,
            heads,
            tokens_per_clip: tokens,
            tokens: &x,
            padding: &padding,
        };
        let mut found = vec![T::from_f32(0.0); rows * outputs];
        if head_values::head_values(&inputs, &mut found, &machine().by(set)).is_err() {
            return;
        }
        let what = format!("{:?} by {set:?}, {what}", T::KIND);
        assert_same_classes(&widen(&found), &elements(&plain.transpose(1, 2)), &what);
    }
}

fn heads<T: TensorNumber>(set: InstructionSet) {
    let (queries, heads, channels) = (37_usize, 2_usize, 6_usize);
    let width = heads * channels;
    let mut cases = planted(&[numbers(queries * 2 * width, 1), numbers(queries * width, 2)]);
    // A key that counts for nothing: zero times infinity is not a number.
    let (mut query_key, mut values) =
        (numbers(queries * 2 * width, 1), numbers(queries * width, 2));
    for (query, row) in query_key.chunks_exact_mut(2 * width).enumerate() {
        row[..width].fill(64.0);
        row[width..].fill(if query == 5 { -2.0 } else { 1.0 });
    }
    values[5 * width] = f32::INFINITY;
    cases.push(([query_key, values], "an infinite value of no weight".to_owned()));
    for ([query_key, values], what) in cases {
        let split = |tensor: Tensor| {
            let size = [queries as i64, heads as i64, channels as i64];
            tensor.reshape(size).transpose(0, 1)
        };
        let both = tensor(&query_key, &[queries as i64, 2 * width as i64]);
        let query = split(both.narrow(1, 0, width as i64)) / (channels as f64).sqrt();
        let key = split(both.narrow(1, width as i64, width as i64));
        let weights = query.matmul(&key.transpose(1, 2)).softmax(-1, Kind::Float);
        let plain = weights.matmul(&split(tensor(&values, &[queries as i64, width as i64])));
        let inputs = attention::AttentionInputs {
            query_key: &query_key,
            values: &values,
            queries,
            heads,
            channels,
        };
        let mut found = vec![0.0; queries * width];
        let out = &mut found;
        if attention::attention::<T>(&inputs, out, &machine().by(set)).is_err() {
            return;
        }
        let what = format!("{:?} by {set:?}, {what}", T::KIND);
        assert_same_classes(&found, &elements(&plain.transpose(0, 1)), &what);
    }
}

macro_rules! in_every_set {
    ($($name:ident: $check:ident;)*) => {$(
        #[test]
        fn $name() {
            for set in InstructionSet::available() {
                $check::<f32>(set);
                $check::<Bf16>(set);
            }
        }
    )*};
}

in_every_set! {
    products_keep_what_is_not_finite: products_of_rows;
    pointwise_convolutions_keep_what_is_not_finite: pointwise_maps;
    winograd_convolutions_keep_what_is_not_a_number: tiles;
    values_by_head_keep_what_is_not_finite: values_by_head;
    attention_keeps_what_is_not_finite: heads;
    deformable_attention_keeps_what_is_not_finite: deformable_attention;
    gradients_of_deformable_attention_lose_nothing: deformable_gradients;
    dropout_keeps_what_is_not_a_number: dropout_elements;
}

#[test]
fn a_maximum_over_cells_keeps_what_is_not_a_number() {
    let (height, width) = (5_usize, 6_usize);
    // Whole registers, and others.
    for channels in [64_usize, 70, 3] {
        let cells: Vec<f32> =
            numbers(height * width * channels, 1).iter().map(|number| number.max(0.0)).collect();
        let infinite = [f32::NAN, -f32::NAN, f32::INFINITY, -0.0];
        for place in places(cells.len()) {
            for value in infinite {
                let mut cells = cells.clone();
                cells[place] = value;
                let map = tensor(&cells, &[1, height as i64, width as i64, channels as i64]);
                let map = map.permute([0, 3, 1, 2]);
                let plain = map.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
                let expected = elements(&plain.permute([0, 2, 3, 1]));
                let mut cells = round::<Bf16>(&cells);
                if value.is_nan() && value.is_sign_negative() {
                    cells[place] = Bf16::from_bits(NEGATIVE_NAN);
                }
                let map = max_pool::Map { cells: &cells, height, width, channels };
                for set in InstructionSet::available() {
                    let mut found = vec![Bf16::from_f32(1.0); expected.len()];
                    max_pool::max_pool(&map, &mut found, &machine().by(set));
                    let what = format!("{value} in place {place} by {set:?}");
                    assert_same_classes(&widen(&found), &expected, &what);
                    let finite = widen(&found).into_iter().zip(&expected);
                    assert!(finite.filter(|(_, e)| e.is_finite()).all(|(f, e)| f == *e), "{what}");
                }
            }
        }
    }
}

#[test]
fn rounding_and_norms_keep_what_is_not_finite() {
    // The payloads of NaN that a carry would turn into an infinity or a zero.
    let bits = [0x7f80_0001, 0x7fff_ffff, 0xff80_0001, 0xffff_ffff, 0x7fc0_0000, 0x7f80_7fff];
    let all: Vec<f32> =
        bits.map(f32::from_bits).into_iter().chain(NOT_FINITE).cycle().take(75).collect();
    for set in InstructionSet::available() {
        let mut rounded = round::<Bf16>(&[0.0; 75]);
        Bf16::round(set, &all, &mut rounded);
        assert_same_classes(&widen(&rounded), &all, &format!("{set:?}"));
        let mut copy = [0.0; 75];
        Bf16::copy_and_round_sum(set, [&all, &[1.0; 75]], &mut copy, &mut rounded);
        assert_same_classes(&widen(&rounded), &all, &format!("{set:?}, sums"));
        assert_same_classes(&copy, &all, &format!("{set:?}, copies"));
    }
    for ([row], what) in planted(&[numbers(70, 1)]) {
        let norm = norm::Norm { weight: numbers(70, 2), bias: numbers(70, 3), eps: 1e-5 };
        let mut found = row.clone();
        norm.apply(&mut found);
        let (weight, bias) = (tensor(&norm.weight, &[70]), tensor(&norm.bias, &[70]));
        let plain = tensor(&row, &[70]).layer_norm([70], Some(&weight), Some(&bias), 1e-5, false);
        assert_same_classes(&found, &elements(&plain), &what);
    }
}

/// A small problem for deformable attention.
struct Points {
    shape: Shape,
    levels: FeatureLevels,
    /// Values, locations and weights.
    operands: [Vec<f32>; 3],
    padding: Vec<bool>,
}

fn points(channels: usize, num_points: usize) -> Points {
    let sizes = vec![LevelSize { height: 5, width: 7 }, LevelSize { height: 1, width: 3 }];
    let levels = FeatureLevels::new(&sizes).expect("the levels have cells");
    let shape = Shape {
        batch: 2,
        tokens: 38,
        heads: 2,
        channels,
        queries: 6,
        points: num_points,
        levels: sizes,
    };
    let samples = shape.batch * shape.queries * shape.heads * shape.samples();
    // Inside, over the borders, and outside; one lies in the middle of a cell.
    let mut locations: Vec<f32> =
        numbers(2 * samples, 2).iter().map(|number| number * 0.75 + 0.5).collect();
    locations[2 * num_points + 2] = 0.5;
    locations[2 * num_points + 3] = 0.5;
    let values = numbers(shape.batch * shape.tokens * shape.heads * channels, 1);
    let padding = (0..shape.tokens).map(|token| token % 9 == 4).collect();
    Points { operands: [values, locations, numbers(samples, 3)], levels, padding, shape }
}

impl Points {
    /// Values, locations and weights as the reference takes them, in `f64`.
    fn tensors(&self, [values, locations, weights]: &[Vec<f32>; 3]) -> [Tensor; 3] {
        let Shape { batch, tokens, heads, channels, queries, points, .. } = self.shape;
        let size = |sizes: &[usize]| sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
        let places = size(&[batch, queries, heads, self.levels.len(), points, 2]);
        [
            tensor(values, &size(&[batch, tokens, heads, channels])),
            tensor(locations, &places),
            tensor(weights, &places[..5]),
        ]
        .map(|tensor| tensor.to_kind(Kind::Double))
    }

    fn masked(&self, values: &Tensor) -> Tensor {
        let mask = Tensor::from_slice(&self.padding).view([1, -1, 1, 1]);
        values.masked_fill(&mask, 0.0)
    }
}

fn deformable_attention<T: TensorNumber + RowSums>(set: InstructionSet) {
    for (channels, num_points) in [(32, 8), (64, 3), (16, 4), (5, 1)] {
        let problem = points(channels, num_points);
        let shape = &problem.shape;
        let references = vec![0.0; shape.queries * problem.levels.len() * 2];
        for (operands, what) in planted(&problem.operands) {
            let [values, locations, weights] = problem.tensors(&operands);
            let what = format!("{channels} channels, {:?} by {set:?}, {what}", T::KIND);
            for (padded, head_major) in [(false, false), (true, false), (false, true)] {
                let given = if padded { problem.masked(&values) } else { values.shallow_clone() };
                let plain =
                    reference::ms_deform_attn(&given, &problem.levels, &locations, &weights);
                let expected = elements(&plain);
                let by_head = values.transpose(1, 2);
                let value = round::<T>(&elements(if head_major { &by_head } else { &values }));
                let [_, locations, weights] = &operands;
                let offsets = cells_of(&problem, locations);
                let normalized = AttentionWeights::Normalized(weights);
                for samples in [
                    Samples::Located { locations, weights },
                    Samples::Offset {
                        offsets: &offsets,
                        weights: normalized,
                        references: &references,
                    },
                ] {
                    let padding = if padded { &problem.padding[..] } else { &[] };
                    let inputs =
                        MsDeformAttnInputs { shape, value: &value, head_major, samples, padding };
                    let mut found = round::<T>(&vec![0.0; expected.len()]);
                    forward(&inputs, &mut found, &machine().by(set));
                    let what = format!("{what}, padded {padded}, by head {head_major}");
                    assert_same_classes(&widen(&found), &expected, &what);
                }
            }
        }
    }
}

/// Offsets in cells from references of 0.
fn cells_of(problem: &Points, locations: &[f32]) -> Vec<f32> {
    let sizes = problem.shape.levels.iter().map(|level| [level.width as f32, level.height as f32]);
    let sizes: Vec<f32> = sizes.flat_map(|size| size.repeat(problem.shape.points)).collect();
    locations.iter().zip(sizes.iter().cycle()).map(|(location, size)| location * size).collect()
}

fn deformable_gradients<T: TensorNumber + RowSums>(set: InstructionSet) {
    for (channels, num_points) in [(32, 8), (5, 1)] {
        let problem = points(channels, num_points);
        let shape = &problem.shape;
        let [values, locations, weights] = problem.operands.clone();
        let grad_out = numbers(shape.batch * shape.queries * shape.heads * channels, 5);
        for ([values, locations, weights, grad_out], what) in
            planted(&[values, locations, weights, grad_out])
        {
            let what = format!("{channels} channels, {:?} by {set:?}, {what}", T::KIND);
            let leaves = problem.tensors(&[values.clone(), locations.clone(), weights.clone()]);
            let leaves = leaves.map(|leaf| leaf.set_requires_grad(true));
            let [value, leaf_locations, leaf_weights] = &leaves;
            let plain =
                reference::ms_deform_attn(value, &problem.levels, leaf_locations, leaf_weights);
            let grad = tensor(&grad_out, &plain.size()).to_kind(Kind::Double);
            let loss = (plain * grad).sum(Kind::Double);
            let expected = Tensor::run_backward(&[loss], &leaves, false, false);
            let (value, grad_out) = (round::<T>(&values), round::<T>(&grad_out));
            let samples = Samples::Located { locations: &locations, weights: &weights };
            let inputs = MsDeformAttnInputs {
                shape,
                value: &value,
                head_major: false,
                samples,
                padding: &[],
            };
            let mut of_value = round::<T>(&vec![0.0; value.len()]);
            let [mut of_locations, mut of_weights] =
                [locations.len(), weights.len()].map(|length| vec![0.0; length]);
            let gradients = Gradients {
                value: &mut of_value,
                locations: &mut of_locations,
                weights: &mut of_weights,
            };
            backward(&inputs, &grad_out, gradients, &machine().by(set));
            for (found, expected) in
                [widen(&of_value), of_locations, of_weights].iter().zip(expected)
            {
                assert_none_lost(found, &elements(&expected), &what);
            }
        }
    }
}

fn dropout_elements<T: TensorNumber>(_set: InstructionSet) {
    for p in [0.3, 1.0] {
        let mut elements = round::<T>(&[f32::NAN, -f32::NAN].repeat(100));
        dropout::drop_elements(&mut elements, 7, p, &machine());
        assert!(widen(&elements).iter().all(|number| number.is_nan()), "{:?}, {p}", T::KIND);
    }
}

#[test]
fn gradients_of_weights_keep_what_is_not_a_number() {
    let (tokens, outputs, inputs) = (70_usize, 66_usize, 18_usize);
    for ([grad, input], what) in
        planted(&[numbers(tokens * outputs, 1), numbers(tokens * inputs, 2)])
    {
        let factors =
            weight_gradient::Factors { grad: &grad, input: &input, tokens, outputs, inputs };
        let plain = tensor(&grad, &[tokens as i64, outputs as i64])
            .transpose(0, 1)
            .matmul(&tensor(&input, &[tokens as i64, inputs as i64]));
        for set in InstructionSet::available() {
            let mut found = vec![0.0; outputs * inputs];
            if weight_gradient::weight_gradient(&factors, &mut found, &machine().by(set)).is_err() {
                return;
            }
            assert_same_classes(&found, &elements(&plain), &format!("{set:?}, {what}"));
        }
    }
}
