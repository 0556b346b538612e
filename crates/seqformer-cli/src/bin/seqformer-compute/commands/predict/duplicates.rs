//! Tracks that are one object, found twice.
//!
//! Every query gives a track, and two of them may follow the same object, mostly as different classes. Evaluation wants both; in
//! a picture they hide each other.

use seqformer_masks::Rle;

/// The tracks to draw, by their index: of those that overlap by more than `max_overlap`, the one with the best score.
///
/// The overlap is that of the evaluation: intersection over union, summed over the frames. `mask` gives the mask of a track
/// in a frame.
pub(super) fn distinct(
    scores: &[f32],
    num_frames: usize,
    max_overlap: f64,
    mask: &dyn Fn(usize, usize) -> Rle,
) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    if max_overlap >= 1.0 {
        return (0..scores.len()).collect();
    }
    let overlaps = Overlaps::measure(scores.len(), num_frames, mask);
    let mut by_score: Vec<usize> = (0..scores.len()).collect();
    by_score.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    for track in by_score {
        if kept.iter().all(|&other| overlaps.ratio(track, other) <= max_overlap) {
            kept.push(track);
        }
    }
    kept.sort_unstable();
    kept
}

/// Pixels of tracks over all frames, and those that two have in common.
#[derive(Debug)]
struct Overlaps {
    areas: Vec<u64>,
    /// By the track with the higher index, then by the other.
    common: Vec<Vec<u64>>,
}

impl Overlaps {
    /// Goes through the frames, of which each shows only some of the tracks of a long video.
    fn measure(num_tracks: usize, num_frames: usize, mask: &dyn Fn(usize, usize) -> Rle) -> Self {
        let mut areas = vec![0; num_tracks];
        let mut common: Vec<Vec<u64>> = (0..num_tracks).map(|track| vec![0; track]).collect();
        for frame in 0..num_frames {
            let masks = (0..num_tracks).map(|track| (track, mask(track, frame)));
            let visible: Vec<(usize, Rle)> = masks.filter(|(_, mask)| mask.area() > 0).collect();
            for (index, (track, mask)) in visible.iter().enumerate() {
                areas[*track] += mask.area();
                for (other, of_other) in &visible[..index] {
                    common[*track][*other] += mask.intersection_area(of_other).unwrap_or(0);
                }
            }
        }
        Self { areas, common }
    }

    /// Intersection over union of two tracks.
    fn ratio(&self, a: usize, b: usize) -> f64 {
        let common = self.common[a.max(b)][a.min(b)];
        let either = self.areas[a] + self.areas[b] - common;
        common as f64 / either.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;

    use super::*;

    /// Pixels `from..to` of a picture with one column.
    fn stripe(from: u32, to: u32) -> Rle {
        let size = ImageSize { height: 100, width: 1 };
        Rle::from_counts(size, vec![from, to - from, 100 - to]).unwrap()
    }

    #[test]
    fn of_tracks_that_overlap_over_the_whole_video_the_best_is_kept() {
        // Two frames each. The second track is the first one again, the third covers it in one frame only, and the fourth
        // overlaps with the second alone.
        let tracks = [
            [stripe(0, 50), stripe(0, 50)],
            [stripe(5, 55), stripe(5, 55)],
            [stripe(0, 50), stripe(60, 100)],
            [stripe(20, 70), stripe(20, 70)],
        ];
        let check = |scores: [f32; 4], max_overlap: f64, expected: &[usize]| {
            let mask = |track: usize, frame: usize| tracks[track][frame].clone();
            assert_eq!(distinct(&scores, 2, max_overlap, &mask), expected, "{scores:?}");
        };
        // IoU of 1 and 2: 45/55; of 1 and 4: 30/70; of 2 and 4: 35/65; of 1 and 3: 50/140.
        check([0.9, 0.8, 0.7, 0.6], 0.5, &[0, 2, 3]);
        check([0.8, 0.9, 0.7, 0.6], 0.5, &[1, 2]);
        check([0.9, 0.8, 0.7, 0.6], 0.3, &[0]);
        check([0.9, 0.8, 0.7, 0.6], 1.0, &[0, 1, 2, 3]);
        check([0.9, 0.8, 0.7, 0.6], 0.85, &[0, 1, 2, 3]);
    }

    #[test]
    fn tracks_without_pixels_are_no_duplicates() {
        let empty = |_: usize, _: usize| stripe(0, 0);
        assert_eq!(distinct(&[0.5, 0.6], 3, 0.5, &empty), [0, 1]);
        assert!(distinct(&[], 3, 0.5, &empty).is_empty());
    }
}
