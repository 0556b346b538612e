//! The masks of one result over a video, kept as text until they are needed.

use seqformer_masks::ImageSize;

/// Masks in COCO's text form, one behind the other; the text is not looked into.
#[derive(Debug, Clone)]
pub(crate) struct StoredTrack {
    text: Box<str>,
    /// One per frame, nothing where the object is absent.
    frames: Box<[Option<StoredMask>]>,
}

/// The size of a mask, and where its text ends; it begins where the one before ends.
#[derive(Debug, Clone)]
pub(crate) struct StoredMask {
    pub(crate) size: ImageSize,
    pub(crate) end: usize,
}

impl StoredTrack {
    /// Takes masks over.
    ///
    /// # Panics
    ///
    /// If the ends are no rising places between characters of `text`.
    pub(crate) fn new(text: Box<str>, frames: Box<[Option<StoredMask>]>) -> Self {
        let track = Self { text, frames };
        debug_assert!(track.masks().count() == track.frames.len());
        track
    }

    /// Returns the size of every mask.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = Option<ImageSize>> {
        self.frames.iter().map(|frame| frame.as_ref().map(|mask| mask.size))
    }

    /// Returns size and text of every mask.
    pub(crate) fn masks(&self) -> impl Iterator<Item = Option<(ImageSize, &str)>> {
        let mut start = 0;
        self.frames.iter().map(move |frame| {
            let StoredMask { size, end } = frame.as_ref()?;
            let text = &self.text[start..*end];
            start = *end;
            Some((*size, text))
        })
    }
}

/// Returns the mean over the areas that are not zero, 0 if there is none.
///
/// The sum runs in numpy's order, so that means at the border of an area range fall on the same
/// side.
pub(crate) fn average_area(areas: impl Iterator<Item = f64>) -> f64 {
    let areas: Vec<f64> = areas.filter(|&area| area != 0.0).collect();
    if areas.is_empty() { 0.0 } else { mean(&areas) }
}

/// Returns the mean as numpy computes it.
pub(crate) fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / values.len() as f64
}

/// Sums up as numpy does: eight running sums in pieces of up to 128 numbers, pieces in pairs.
///
/// Reference: numpy `loops_utils.h`, `pairwise_sum`.
fn pairwise_sum(values: &[f64]) -> f64 {
    const PIECE: usize = 128;
    if values.len() < 8 {
        return values.iter().sum();
    }
    if values.len() > PIECE {
        let half = values.len() / 2;
        let (left, right) = values.split_at(half - half % 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (groups, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for group in groups {
        for (sum, value) in sums.iter_mut().zip(group) {
            *sum += value;
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(sum, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use seqformer_testing::assert_close_f64;

    use super::{average_area, mean};

    #[test]
    fn means_are_those_of_numpy_bit_by_bit() {
        // numpy 2.4: np.mean(np.array([(i * 7919 % 1000) / 7.0 for i in range(n)]))
        let expected = [
            (1, 0.0),
            (7, 87.734_693_877_551_01),
            (8, 84.5),
            (9, 80.698_412_698_412_71),
            (15, 71.380_952_380_952_38),
            (128, 71.017_857_142_857_14),
            (129, 71.167_220_376_522_69),
            (136, 69.768_907_563_025_21),
            (300, 71.5),
            (1011, 71.364_278_649_145_12),
        ];
        for (count, expected) in expected {
            let values: Vec<f64> = (0..count).map(|i| f64::from(i * 7919 % 1000) / 7.0).collect();
            assert_close_f64(&format!("mean of {count}"), &[mean(&values)], &[expected], 0.0);
        }
    }

    #[test]
    fn frames_without_area_do_not_count() {
        assert_eq!(average_area([0.0, 4.0, 0.0, 8.0].into_iter()), 6.0);
        assert_eq!(average_area([0.0, 0.0].into_iter()), 0.0);
        assert_eq!(average_area([].into_iter()), 0.0);
    }
}
