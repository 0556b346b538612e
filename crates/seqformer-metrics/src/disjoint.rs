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
mod tests;
