//! Boundaries of masks, and how well two of them agree.
//!
//! Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"
//! (CVPR 2016). Reference: davis2017-evaluation, `metrics.py`, `_seg2bmap` and `f_measure`.

use seqformer_masks::{BitMask, ImageSize, Rle};

/// How far boundaries may lie apart, as a part of the diagonal.
const TOLERANCE: f64 = 0.008;
const WORD: usize = 64;

/// One bit per pixel, rows from top to bottom, the left pixel of a word in its lowest bit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bits {
    width: usize,
    words_per_row: usize,
    words: Vec<u64>,
}

/// The boundary of a mask, and all pixels near to it.
#[derive(Debug, Clone)]
pub(crate) struct Boundary {
    line: Bits,
    band: Bits,
    num_pixels: u64,
}

/// The pixels that are near to a pixel: for each row, from the middle outwards, how far they reach.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    half_widths: Vec<usize>,
}

impl Disk {
    /// Returns the disk for images of this size.
    pub(crate) fn new(size: ImageSize) -> Self {
        let diagonal = f64::from(size.height).hypot(f64::from(size.width));
        let radius = (TOLERANCE * diagonal).ceil() as usize;
        let reach = |y: usize| (0..=radius).rev().find(|x| x * x + y * y <= radius * radius);
        Self { half_widths: (0..=radius).filter_map(reach).collect() }
    }
}

impl Boundary {
    /// Finds the boundary of a mask.
    pub(crate) fn new(mask: &Rle, disk: &Disk) -> Self {
        if mask.area() == 0 {
            let nothing = Bits::empty(0, 0);
            return Self { line: nothing.clone(), band: nothing, num_pixels: 0 };
        }
        let line = Bits::of_mask(&mask.decode()).boundary();
        let band = line.dilated(disk);
        let num_pixels = line.words.iter().map(|word| u64::from(word.count_ones())).sum();
        Self { line, band, num_pixels }
    }

    /// Returns the harmonic mean of precision and recall of a boundary that is found; two masks
    /// without boundary agree.
    pub(crate) fn f_measure(&self, truth: &Self) -> f64 {
        let (precision, recall) = match (self.num_pixels, truth.num_pixels) {
            (0, 0) => (1.0, 1.0),
            (0, _) => (1.0, 0.0),
            (_, 0) => (0.0, 1.0),
            (found, wanted) => (
                self.line.num_common(&truth.band) as f64 / found as f64,
                truth.line.num_common(&self.band) as f64 / wanted as f64,
            ),
        };
        let sum = precision + recall;
        if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum }
    }
}

impl Bits {
    fn empty(width: usize, height: usize) -> Self {
        let words_per_row = width.div_ceil(WORD);
        Self { width, words_per_row, words: vec![0; words_per_row * height] }
    }

    fn of_mask(mask: &BitMask) -> Self {
        let size = mask.size();
        let mut bits = Self::empty(size.width as usize, size.height as usize);
        for (row, pixels) in mask.rows().enumerate() {
            let words = &mut bits.words[row * bits.words_per_row..];
            for (word, pixels) in words.iter_mut().zip(pixels.chunks(WORD)) {
                let bit = |(place, &pixel): (usize, &u8)| u64::from(pixel) << place;
                *word = pixels.iter().enumerate().map(bit).sum();
            }
        }
        bits
    }

    fn height(&self) -> usize {
        self.words.len().checked_div(self.words_per_row).unwrap_or(0)
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.words_per_row..][..self.words_per_row]
    }

    /// Returns the pixels that differ from the one on the right, below, or below on the right.
    fn boundary(&self) -> Self {
        let height = self.height();
        let mut line = Self::empty(self.width, height);
        if self.width == 0 || height == 0 {
            return line;
        }
        let to_the_right = |words: &[u64], at: usize| {
            words[at] >> 1 | words.get(at + 1).map_or(0, |next| next << (WORD - 1))
        };
        let (last_word, last_bit) = ((self.width - 1) / WORD, 1_u64 << ((self.width - 1) % WORD));
        for y in 0..height {
            let here = self.row(y);
            let to = &mut line.words[y * line.words_per_row..][..line.words_per_row];
            if y + 1 == height {
                for at in 0..here.len() {
                    to[at] = here[at] ^ to_the_right(here, at);
                }
                to[last_word] &= !last_bit;
                continue;
            }
            let below = self.row(y + 1);
            for at in 0..here.len() {
                to[at] = here[at] ^ to_the_right(here, at)
                    | here[at] ^ below[at]
                    | here[at] ^ to_the_right(below, at);
            }
            let in_last_column = (here[last_word] ^ below[last_word]) & last_bit;
            to[last_word] = to[last_word] & !last_bit | in_last_column;
        }
        line
    }

    /// Returns all pixels within the disk around a pixel.
    fn dilated(&self, disk: &Disk) -> Self {
        let height = self.height();
        let mut band = Self::empty(self.width, height);
        for y in 0..height {
            for (start, end) in self.spans(y) {
                for (distance, &reach) in disk.half_widths.iter().enumerate() {
                    let (left, right) =
                        (start.saturating_sub(reach), (end + reach).min(self.width));
                    if y + distance < height {
                        band.fill(y + distance, left, right);
                    }
                    if let Some(above) = y.checked_sub(distance) {
                        band.fill(above, left, right);
                    }
                }
            }
        }
        band
    }

    /// Returns the runs of set pixels in a row.
    fn spans(&self, row: usize) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for (at, &word) in self.row(row).iter().enumerate() {
            let mut left = word;
            while left != 0 {
                let start = left.trailing_zeros() as usize;
                let length = (left >> start).trailing_ones() as usize;
                left = if start + length == WORD {
                    0
                } else {
                    left >> (start + length) << (start + length)
                };
                let (start, end) = (at * WORD + start, at * WORD + start + length);
                match spans.last_mut() {
                    Some(last) if last.1 == start => last.1 = end,
                    _ => spans.push((start, end)),
                }
            }
        }
        spans
    }

    /// Sets the pixels `start..end` of a row.
    fn fill(&mut self, row: usize, start: usize, end: usize) {
        let words = &mut self.words[row * self.words_per_row..][..self.words_per_row];
        let (first, last) = (start / WORD, (end - 1) / WORD);
        let from = u64::MAX << (start % WORD);
        let to = u64::MAX >> (WORD - 1 - (end - 1) % WORD);
        if first == last {
            words[first] |= from & to;
            return;
        }
        words[first] |= from;
        words[first + 1..last].fill(u64::MAX);
        words[last] |= to;
    }

    fn num_common(&self, other: &Self) -> u64 {
        let pairs = self.words.iter().zip(&other.words);
        pairs.map(|(left, right)| u64::from((left & right).count_ones())).sum()
    }
}

#[cfg(test)]
mod tests;
