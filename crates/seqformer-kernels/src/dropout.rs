//! Dropout whose mask is a function of a seed and the position of the element.
//!
//! The backward pass recomputes the mask, so it is not stored; and threads can share the work,
//! which a sequential generator does not allow.

use crate::element::Element;
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::threads::parallel_rows;

/// Elements per task.
const BLOCK: usize = 1 << 14;

/// Sets elements to zero with probability `p` and scales the others by `1 / (1 - p)`.
pub fn drop_elements<T: Element>(elements: &mut [T], seed: u64, p: f64, machine: &Machine<'_>) {
    // An element is dropped if 32 random bits are below this fraction of their range.
    let threshold = (p * 2.0_f64.powi(32)).round() as u64;
    if threshold > u64::from(u32::MAX) {
        // Not a plain zero, which would hide NaN.
        parallel_rows(machine.threads, elements, BLOCK, &|| (), &|_number, block, ()| {
            for element in block {
                *element = T::from_f32(element.to_f32() * 0.0);
            }
        });
        return;
    }
    let set = machine.set;
    let scale = (1.0 / (1.0 - p)) as f32;
    parallel_rows(machine.threads, elements, BLOCK, &|| (), &|number, block, ()| {
        let key = mix(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let work = Block { block, keys: [key as u32, (key >> 32) as u32] };
        run_vectorized(set, Drop { work, threshold: threshold as u32, scale });
    });
}

struct Block<'a, T> {
    block: &'a mut [T],
    keys: [u32; 2],
}

struct Drop<'a, T> {
    work: Block<'a, T>,
    threshold: u32,
    scale: f32,
}

impl<T: Element> Vectorized for Drop<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { work: Block { block, keys }, threshold, scale } = self;
        for (place, element) in block.iter_mut().enumerate() {
            let bits = hash(hash(place as u32 ^ keys[0]).wrapping_add(keys[1]));
            let factor = if bits < threshold { 0.0 } else { scale };
            *element = T::from_f32(element.to_f32() * factor);
        }
    }
}

/// Mixes 32 bits: a bijection in which every bit of the input changes half of the output's (the
/// constants are Ettinger's `lowbias32`).
#[inline(always)]
fn hash(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x21f0_aaad);
    x = (x ^ (x >> 15)).wrapping_mul(0x735a_2d97);
    x ^ (x >> 15)
}

/// Mixes 64 bits (the last step of SplitMix64).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain;

    fn dropped(count: usize, seed: u64, p: f64) -> Vec<f32> {
        let mut elements = vec![1.0_f32; count];
        drop_elements(&mut elements, seed, p, &plain::machine());
        elements
    }

    #[test]
    fn the_share_is_right_and_the_rest_is_scaled() {
        for (seed, p) in [(1, 0.1), (2, 0.5), (u64::MAX, 0.9)] {
            let elements = dropped(100_000, seed, p);
            let zeros = elements.iter().filter(|&&x| x == 0.0).count() as f64 / 1e5;
            assert!((zeros - p).abs() < 0.006, "{zeros} dropped for {p}");
            let kept = (1.0 / (1.0 - p)) as f32;
            assert!(elements.iter().all(|&x| x == 0.0 || x == kept));
        }
        assert_eq!(dropped(10, 3, 1.0), [0.0; 10]);
    }

    #[test]
    fn the_choice_follows_from_the_seed_alone() {
        assert_eq!(dropped(50_000, 7, 0.3), dropped(50_000, 7, 0.3));
        assert_ne!(dropped(50_000, 7, 0.3), dropped(50_000, 8, 0.3));
    }

    #[test]
    fn neighbours_and_blocks_have_nothing_in_common() {
        let elements = dropped(4 * BLOCK, 5, 0.5);
        let is_kept = |index: usize| elements[index] != 0.0;
        for distance in [1, 2, 16, BLOCK] {
            let same = (0..2 * BLOCK).filter(|&i| is_kept(i) == is_kept(i + distance)).count();
            let share = same as f64 / (2 * BLOCK) as f64;
            assert!((share - 0.5).abs() < 0.02, "{share} equal at a distance of {distance}");
        }
    }
}
