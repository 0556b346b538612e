use super::*;
use crate::instruction_set::InstructionSet;
use crate::plain;
use crate::samples::Samples;
use crate::shape::LevelSize;

/// A small problem with odd sizes and points inside, on the border and far outside.
struct Case {
    shape: Shape,
    value: Vec<f32>,
    locations: Vec<f32>,
    weights: Vec<f32>,
    grad_out: Vec<f32>,
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

fn case(channels: usize) -> Case {
    let levels = vec![LevelSize { height: 5, width: 7 }, LevelSize { height: 1, width: 3 }];
    let tokens = 38;
    let shape = Shape { batch: 2, tokens, heads: 3, channels, queries: 11, points: 3, levels };
    let samples = shape.batch * shape.queries * shape.heads * shape.samples();
    let mut locations: Vec<f32> = numbers(2 * samples, 2).iter().map(|x| x * 1.8 - 0.4).collect();
    locations[0] = -1e30;
    locations[9] = 3e9;
    let out = shape.batch * shape.queries * shape.heads * channels;
    Case {
        value: numbers(shape.batch * tokens * shape.heads * channels, 1),
        locations,
        weights: numbers(samples, 3),
        grad_out: numbers(out, 4),
        shape,
    }
}

fn run(case: &Case, set: InstructionSet) -> [Vec<f32>; 4] {
    let Case { shape, value, locations, weights, grad_out } = case;
    let samples = Samples::Located { locations, weights };
    let inputs = MsDeformAttnInputs { shape, value, head_major: false, samples, padding: &[] };
    let mut out = vec![0.0; grad_out.len()];
    let machine = &plain::machine().by(set);
    forward(&inputs, &mut out, machine);
    let [mut value, mut locations, mut weights] =
        [value.len(), locations.len(), weights.len()].map(|length| vec![0.0; length]);
    let gradients =
        Gradients { value: &mut value, locations: &mut locations, weights: &mut weights };
    backward(&inputs, grad_out, gradients, machine);
    [out, value, locations, weights]
}

#[test]
fn every_instruction_set_gives_the_same() {
    for channels in [1, 5, 8, 16, 24, 32, 64] {
        let case = case(channels);
        let expected = run(&case, InstructionSet::BASELINE);
        for set in InstructionSet::available() {
            for (a, b) in run(&case, set).iter().zip(&expected) {
                let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-4, "{set:?} with {channels} channels: off by {worst}");
                assert!(a.iter().all(|x| x.is_finite()));
            }
        }
    }
}

#[test]
fn points_far_outside_count_as_zero() {
    for set in InstructionSet::available() {
        for place in [1e30, -1e30, 3e9, -3e9, 2.0, -1.0] {
            let mut case = case(8);
            case.locations.fill(place);
            for zeros in run(&case, set) {
                assert!(zeros.iter().all(|&x| x == 0.0), "{place} by {set:?}");
            }
        }
    }
}
