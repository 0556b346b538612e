use super::*;
use crate::bf16::Bf16;
use crate::element::Element;
use crate::instruction_set::InstructionSet;
use crate::plain;

/// Numbers between -1 and 1 that follow from their place.
fn numbers<T: Element>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f32((((i + seed) * 7919) % 2003) as f32 / 1001.0 - 1.0)).collect()
}

/// The outputs by one set of instructions.
fn outputs<T: Factor>(
    inputs: &WinogradInputs<'_, T>,
    count: usize,
    set: InstructionSet,
) -> Vec<f32> {
    let mut out = vec![T::from_f32(0.0); count];
    convolve(inputs, &mut out, &plain::machine().by(set)).unwrap();
    out.into_iter().map(T::to_f32).collect()
}

fn check<T: Factor>([frames, height, width, channels]: [usize; 4], num_outputs: usize, relu: bool) {
    let weight = numbers::<f32>(9 * channels * num_outputs, 5);
    let weights = Weights::<T>::new(&weight, &numbers(num_outputs, 3));
    let map = numbers::<T>(frames * height * width * channels, 0);
    let scalar = WinogradInputs {
        weights: &weights,
        map: &map,
        height,
        width,
        relu,
        #[cfg(target_arch = "x86_64")]
        native: None,
    };
    let all = [
        scalar,
        #[cfg(target_arch = "x86_64")]
        WinogradInputs { native: Bf16Tiles::detect::<T>(), ..scalar },
    ];
    let count = frames * height * width * num_outputs;
    let expected = outputs(&scalar, count, InstructionSet::BASELINE);
    assert!(expected.iter().any(|&value| value != 0.0));
    // Products add up in different orders; a sum may then be rounded to the next bfloat16 number.
    let step = if T::INTERLEAVED == Bf16::INTERLEAVED { 1.0 / 128.0 } else { 1e-5 };
    for set in InstructionSet::available() {
        let [found, by_name] =
            [all.first(), all.last()].map(|inputs| outputs(inputs.unwrap(), count, set));
        assert!(found.iter().zip(&by_name).all(|(a, b)| a.to_bits() == b.to_bits()), "{set:?}");
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs();
            assert!(error <= step * expected.abs() + 2e-4, "{set:?}: {found} for {expected}");
        }
    }
}

#[test]
fn all_instructions_give_the_same_outputs() {
    for relu in [false, true] {
        for (size, num_outputs) in
            [([1, 1, 1, 32], 1), ([2, 5, 6, 64], 64), ([1, 9, 4, 70], 130), ([3, 17, 23, 96], 70)]
        {
            check::<f32>(size, num_outputs, relu);
            check::<Bf16>(size, num_outputs, relu);
        }
    }
}

#[test]
fn blocks_are_even_and_cover_all_tiles() {
    for threads in 1..5 {
        for tiles in [1, 2, 3, 95, 96, 97, 300, 4800] {
            let block = tiles_of_block(tiles, threads);
            assert!((1..=MOST_TILES).contains(&block));
            let blocks = tiles.div_ceil(block);
            assert!(blocks <= tiles.div_ceil(MOST_TILES).next_multiple_of(threads));
        }
    }
    assert_eq!(tiles_of_block(300, 2), 75);
}
