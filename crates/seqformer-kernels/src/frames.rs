//! Puts frames one after the other, and normalizes and pads them for the network.

use crate::blocks::divide;
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::threads::parallel_rows;

/// Channels of a pixel.
pub const CHANNELS: usize = 3;
/// Elements that are processed together, whole pixels and whole registers.
const TOGETHER: usize = 16 * CHANNELS;

/// The parameters of normalization.
#[derive(Debug, Clone, Copy)]
pub struct Normalization {
    /// Height and width of the frames.
    pub frame: [usize; 2],
    /// Height and width of the images.
    pub padded: [usize; 2],
    /// Mean of each channel, in 0..255.
    pub mean: [f32; CHANNELS],
    /// Standard deviation of each channel.
    pub deviation: [f32; CHANNELS],
}

/// Writes `(frame - mean) / deviation`, `[T, padded H, padded W, 3]`, of `frames`, `[T, H, W, 3]`; zeros on the right and at the
/// bottom.
pub fn normalize_frames(
    frames: &[u8],
    normalization: &Normalization,
    out: &mut [f32],
    machine: &Machine<'_>,
) {
    let set = machine.set;
    let &Normalization { frame: [height, width], padded, mean, deviation } = normalization;
    let repeat = |of: [f32; CHANNELS]| std::array::from_fn(|place| of[place % CHANNELS]);
    let (mean, deviation) = (repeat(mean), repeat(deviation));
    let length = width * CHANNELS;
    parallel_rows(machine.threads, out, padded[1] * CHANNELS, &|| (), &|number, to, ()| {
        let (frame, row) = divide(number, padded[0]);
        let (pixels, beyond) = to.split_at_mut(if row < height { length } else { 0 });
        beyond.fill(0.0);
        let from = (frame * height + row) * length;
        let from = frames.get(from..from + pixels.len()).unwrap_or(&[]);
        run_vectorized(set, Row { from, to: pixels, mean: &mean, deviation: &deviation });
    });
}

/// Order of the three channels of a copied pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// The same as in the frame.
    Same,
    /// Reversed, as BGR is to RGB.
    Reversed,
}

/// Copies `frames`, `[H, W, 3]` each, to `out`, `[T, H, W, 3]`.
///
/// # Panics
///
/// If the frames do not fill `out` with rows of `width` pixels, each frame as many as the others.
pub fn copy_frames(
    frames: &[&[u8]],
    width: usize,
    order: ChannelOrder,
    out: &mut [u8],
    machine: &Machine<'_>,
) {
    if out.is_empty() {
        return;
    }
    let (set, row) = (machine.set, width * CHANNELS);
    let rows = out.len() / frames.len() / row;
    assert_eq!(frames.len() * rows * row, out.len(), "the frames do not fill the result");
    assert!(frames.iter().all(|frame| frame.len() == rows * row), "the frames differ in size");
    parallel_rows(machine.threads, out, row, &|| (), &|number, to, ()| {
        let (frame, at) = divide(number, rows);
        let from = &frames[frame][at * row..][..row];
        match order {
            ChannelOrder::Same => to.copy_from_slice(from),
            ChannelOrder::Reversed => run_vectorized(set, ReversedRow { from, to }),
        }
    });
}

/// A row whose pixels are copied with their channels reversed.
struct ReversedRow<'a> {
    from: &'a [u8],
    to: &'a mut [u8],
}

impl Vectorized for ReversedRow<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (from, to) = (self.from.as_chunks::<CHANNELS>().0, self.to.as_chunks_mut().0);
        for (&[first, second, third], to) in from.iter().zip(to) {
            *to = [third, second, first];
        }
    }
}

/// A row of a frame.
struct Row<'a> {
    from: &'a [u8],
    to: &'a mut [f32],
    mean: &'a [f32; TOGETHER],
    deviation: &'a [f32; TOGETHER],
}

impl Vectorized for Row<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { from, to, mean, deviation } = self;
        let (chunks, rest) = from.as_chunks::<TOGETHER>();
        let (to_chunks, to_rest) = to.as_chunks_mut::<TOGETHER>();
        for (from, to) in chunks.iter().zip(to_chunks) {
            for k in 0..TOGETHER {
                to[k] = (f32::from(from[k]) - mean[k]) / deviation[k];
            }
        }
        for (k, (from, to)) in rest.iter().zip(to_rest).enumerate() {
            *to = (f32::from(*from) - mean[k]) / deviation[k];
        }
    }
}
