use super::*;
use crate::shape::LevelSize;

/// Sixteen points on maps of four sizes; some on the border, outside, far away or nowhere.
fn places() -> Vec<Pairs> {
    let special = [0.0, 1.0, -0.01, 1.01, 0.5, f32::NAN, f32::INFINITY, -1e30, 1e30, 0.125];
    let mut state = 7_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 * 1.4 - 0.2
    };
    let mut places = Vec::new();
    for number in 0..200 {
        let mut pairs = Pairs { x: [0.0; LANES], y: [0.0; LANES] };
        for k in 0..LANES {
            (pairs.x[k], pairs.y[k]) = (random(), random());
            if (number + k) % 5 == 0 {
                pairs.x[k] = special[(number + 3 * k) % special.len()];
            }
            if (number + k) % 7 == 0 {
                pairs.y[k] = special[(number + k) % special.len()];
            }
        }
        places.push(pairs);
    }
    places
}

#[test]
fn corners_are_the_same_in_all_instruction_sets() {
    let size = |height, width| LevelSize { height, width };
    let shape = Shape {
        batch: 1,
        tokens: 5 * 7 + 3 * 4 + 2 + 1,
        heads: 1,
        channels: 8,
        queries: 1,
        points: 4,
        levels: vec![size(5, 7), size(3, 4), size(2, 1), size(1, 1)],
    };
    let mut group = groups(&shape).remove(0);
    let weights = Line(std::array::from_fn(|k| 0.1 + k as f32));
    for place in places() {
        let mut plain = Corners::NONE;
        plain.set(InstructionSet::BASELINE, &mut group, &place, &weights);
        for set in InstructionSet::available() {
            let mut found = Corners::NONE;
            found.set(set, &mut group, &place, &weights);
            assert_eq!(found.cells, plain.cells, "{set:?}");
            for (found, plain) in found.factors.iter().zip(&plain.factors) {
                // All that is not a number is the same.
                let numbers = |line: &Line| line.0.map(|x| Some(x).filter(|x| !x.is_nan()));
                assert_eq!(numbers(found), numbers(plain), "{set:?}");
            }
        }
    }
}
