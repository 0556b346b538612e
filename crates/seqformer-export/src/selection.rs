//! Which of the tracks are exported.

use seqformer_convert::Track;

/// Which of the tracks of a video are taken, by the rules of `seqformer predict`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Selection {
    /// Only tracks whose score exceeds this.
    pub score_threshold: Option<f64>,
    /// At most this many of a video, best first.
    pub max_tracks: Option<usize>,
}

impl Selection {
    /// Removes all other tracks; the order stays.
    pub fn apply(&self, tracks: &mut Vec<Track>) {
        let score = |track: &Track| track.score.unwrap_or(0.0);
        if let Some(threshold) = self.score_threshold {
            tracks.retain(|track| score(track) > threshold);
        }
        if let Some(max_tracks) = self.max_tracks.filter(|&most| most < tracks.len()) {
            let mut order: Vec<usize> = (0..tracks.len()).collect();
            // Of equal scores the first one.
            order.sort_by(|&a, &b| score(&tracks[b]).total_cmp(&score(&tracks[a])));
            let kept = &order[..max_tracks];
            let mut index = 0..;
            tracks.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::track;

    #[test]
    fn the_best_are_kept_in_their_order() {
        let check = |score_threshold, max_tracks, expected: &[i64]| {
            let scores = [0.5, 0.9, 0.2, 0.5];
            let mut tracks: Vec<Track> =
                (1..).zip(scores).map(|(id, score)| track(id, score, Vec::new())).collect();
            Selection { score_threshold, max_tracks }.apply(&mut tracks);
            let ids: Vec<i64> = tracks.iter().map(|track| track.id).collect();
            assert_eq!(ids, expected, "{score_threshold:?} {max_tracks:?}");
        };
        check(None, None, &[1, 2, 3, 4]);
        check(Some(0.2), None, &[1, 2, 4]);
        check(Some(0.2), Some(2), &[1, 2]);
        check(None, Some(0), &[]);
        check(Some(1.0), Some(9), &[]);
    }
}
