use seqformer_masks::{ImageSize, Rle};

use super::{Lost, by_score, covered, make_disjoint};
use crate::sequence::tests::track;
use crate::tracks::Track;

const SIZE: ImageSize = ImageSize { height: 1, width: 6 };

fn areas(tracks: &[Track]) -> Vec<Vec<Option<u64>>> {
    let areas =
        |track: &Track| track.masks.iter().map(|mask| mask.as_ref().map(Rle::area)).collect();
    tracks.iter().map(areas).collect()
}

#[test]
fn the_better_score_keeps_the_pixels() {
    let mut tracks = [
        track(0, 0.5, &["###...", "####.."]),
        track(1, 0.9, &["..###.", "####.."]),
        track(0, 0.5, &["######", " "]),
    ];
    let lost = make_disjoint(&mut by_score(&mut tracks), SIZE, 2);
    assert_eq!(lost, Lost { num_masks: 3, num_pixels: 1 + 5 + 4 });
    // What has no pixels left is gone; of equal scores the earlier one is better.
    let expected = [[Some(2), None], [Some(3), Some(4)], [Some(1), None]];
    assert_eq!(areas(&tracks), expected);
    assert_eq!(covered(tracks.iter(), 0, SIZE).area(), 6);
}

#[test]
fn empty_masks_and_masks_of_other_sizes_stay() {
    let mut tracks =
        [track(0, 0.9, &["######"]), track(0, 0.8, &["......"]), track(0, 0.7, &["###"])];
    let lost = make_disjoint(&mut by_score(&mut tracks), SIZE, 1);
    assert_eq!(lost, Lost::default());
    assert_eq!(areas(&tracks), [[Some(6)], [Some(0)], [Some(3)]]);
    assert_eq!(covered(tracks[1..].iter(), 0, SIZE).area(), 0);
}
