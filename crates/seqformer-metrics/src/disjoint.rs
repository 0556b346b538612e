//! Masks that overlap in a frame, for protocols that give every pixel to one object.

use seqformer_masks::{ImageSize, Rle};

use crate::tracks::Track;

/// How many masks lost pixels to others, and how many pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) num_masks: usize,
    pub(crate) num_pixels: u64,
}

impl Lost {
    pub(crate) fn add(&mut self, other: Self) {
        self.num_masks += other.num_masks;
        self.num_pixels += other.num_pixels;
    }
}

/// Gives every pixel to the first of the tracks that has it. A mask that loses all its pixels is a
/// frame without the object. Masks of another size than the video keep theirs.
pub(crate) fn make_disjoint(tracks: &mut [&mut Track], size: ImageSize, num_frames: usize) -> Lost {
    let mut lost = Lost::default();
    for frame in 0..num_frames {
        let mut taken = Rle::empty(size);
        for track in tracks.iter_mut() {
            let Some(mask) = &mut track.masks[frame] else { continue };
            if mask.size() != size {
                continue;
            }
            let common = mask.intersection_area(&taken).unwrap_or(0);
            let whole = mask.clone();
            if common > 0 {
                lost.add(Lost { num_masks: 1, num_pixels: common });
                *mask = without(mask, &taken);
            }
            if common > 0 && mask.area() == 0 {
                track.masks[frame] = None;
            }
            taken = union(&taken, &whole);
        }
    }
    lost
}

/// Brings results into the order in which they get pixels: the best score first.
pub(crate) fn by_score(results: &mut [Track]) -> Vec<&mut Track> {
    let mut ranked: Vec<&mut Track> = results.iter_mut().collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

/// Returns all pixels of the masks of this size in a frame.
pub(crate) fn covered<'a>(
    tracks: impl Iterator<Item = &'a Track>,
    frame: usize,
    size: ImageSize,
) -> Rle {
    let masks = tracks.filter_map(|track| track.masks[frame].as_ref());
    let masks: Vec<Rle> = masks.filter(|mask| mask.size() == size).cloned().collect();
    if masks.is_empty() { Rle::empty(size) } else { Rle::union(&masks).expect("all have one size") }
}

/// Takes pixels away from a mask of the same size.
pub(crate) fn without(mask: &Rle, other: &Rle) -> Rle {
    mask.difference(other).expect("both have the size of the video")
}

fn union(left: &Rle, right: &Rle) -> Rle {
    Rle::union(&[left.clone(), right.clone()]).expect("both have the size of the video")
}

#[cfg(test)]
mod tests {
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
}
