//! The masks of a video's tracks in compact form.

use seqformer::inference::TrackTable;
use seqformer_masks::{ImageSize, Rle};

/// One mask per track and frame; masks without pixels take no memory.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackMasks {
    size: ImageSize,
    num_tracks: usize,
    /// Codes as in results files, which are several times smaller than run lengths as numbers.
    codes: TrackTable<Box<str>>,
}

impl TrackMasks {
    /// Creates an empty table for a video of this size.
    pub fn new(size: ImageSize) -> Self {
        Self { size, num_tracks: 0, codes: TrackTable::default() }
    }

    /// Adds the next frame, with the masks of the tracks that are visible in it.
    pub fn push_frame<'a>(&mut self, masks: impl IntoIterator<Item = (usize, &'a Rle)>) {
        let mut num_tracks = self.num_tracks;
        let visible = masks.into_iter().filter_map(|(track, mask)| {
            num_tracks = num_tracks.max(track + 1);
            (mask.area() > 0).then(|| (track, mask.to_compressed().into_boxed_str()))
        });
        self.codes.push_frame(visible.collect::<Vec<_>>());
        self.num_tracks = num_tracks;
    }

    /// Sets the minimum number of tracks.
    pub(crate) fn reserve_tracks(&mut self, num_tracks: usize) {
        self.num_tracks = self.num_tracks.max(num_tracks);
    }

    /// Size of the frames.
    pub fn size(&self) -> ImageSize {
        self.size
    }

    /// Number of tracks.
    pub fn num_tracks(&self) -> usize {
        self.num_tracks
    }

    /// Number of frames.
    pub fn num_frames(&self) -> usize {
        self.codes.num_frames()
    }

    /// The mask of a track in a frame; empty where it is not visible.
    pub fn mask(&self, track: usize, frame: usize) -> Rle {
        self.codes.get(track, frame).map_or_else(|| Rle::empty(self.size), |code| self.parse(code))
    }

    /// The masks of a track, one per frame; empty where it is not visible.
    pub fn track(&self, track: usize) -> impl Iterator<Item = Rle> {
        let parse = |code: Option<&Box<str>>| {
            code.map_or_else(|| Rle::empty(self.size), |code| self.parse(code))
        };
        self.codes.masks(track).map(parse)
    }

    /// The frames in which a track has pixels, ascending, with its masks.
    pub fn visible(&self, track: usize) -> impl Iterator<Item = (usize, Rle)> {
        self.codes.present(track).map(|(frame, code)| (frame, self.parse(code)))
    }

    fn parse(&self, code: &str) -> Rle {
        Rle::parse_compressed(self.size, code).expect("the code was made from a mask of this size")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqformer_masks::BitMask;

    #[test]
    fn masks_come_back_and_absent_ones_are_empty() {
        let size = ImageSize { height: 3, width: 4 };
        let mut dot = BitMask::new(size);
        dot.set(1, 2, true);
        let (dot, empty) = (Rle::encode(&dot), Rle::empty(size));
        let mut masks = TrackMasks::new(size);
        masks.push_frame([(0, &dot), (2, &empty)]);
        masks.push_frame([]);
        masks.push_frame([(1, &dot), (0, &dot)]);
        assert_eq!((masks.num_tracks(), masks.num_frames()), (3, 3));
        assert_eq!(masks.track(0).collect::<Vec<_>>(), [dot.clone(), empty.clone(), dot.clone()]);
        assert_eq!(masks.track(2).collect::<Vec<_>>(), vec![empty.clone(); 3]);
        assert_eq!(masks.visible(1).collect::<Vec<_>>(), [(2, dot.clone())]);
        assert_eq!((masks.mask(1, 0), masks.mask(1, 2)), (empty, dot));
    }
}
