//! The masks of all tracks, collected frame by frame.

/// Masks of type `M`, for instance run lengths, by track and frame.
///
/// Only existing masks take memory: a track may start late and be absent from frames.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackTable<M> {
    num_frames: usize,
    /// Pairs of a frame and its mask for each track, ordered by frame.
    tracks: Vec<Vec<(usize, M)>>,
}

impl<M> Default for TrackTable<M> {
    fn default() -> Self {
        Self { num_frames: 0, tracks: Vec::new() }
    }
}

impl<M> TrackTable<M> {
    /// Adds the next frame, with the masks of its tracks.
    pub fn push_frame(&mut self, masks: impl IntoIterator<Item = (usize, M)>) {
        for (track, mask) in masks {
            if track >= self.tracks.len() {
                self.tracks.resize_with(track + 1, Vec::new);
            }
            self.tracks[track].push((self.num_frames, mask));
        }
        self.num_frames += 1;
    }

    /// Frames so far.
    pub fn num_frames(&self) -> usize {
        self.num_frames
    }

    /// Tracks so far.
    pub fn num_tracks(&self) -> usize {
        self.tracks.len()
    }

    /// The mask of a track in a frame, if it is present.
    pub fn get(&self, track: usize, frame: usize) -> Option<&M> {
        let masks = self.tracks.get(track)?;
        let place = masks.binary_search_by_key(&frame, |(at, _)| *at).ok()?;
        Some(&masks[place].1)
    }

    /// The frames in which a track is present, with its masks.
    pub fn present(&self, track: usize) -> impl Iterator<Item = (usize, &M)> {
        self.tracks.get(track).into_iter().flatten().map(|(frame, mask)| (*frame, mask))
    }

    /// The masks of a track, one per frame; `None` where it is absent, which means an empty mask.
    pub fn masks(&self, track: usize) -> impl Iterator<Item = Option<&M>> {
        let mut present = self.tracks.get(track).into_iter().flatten().peekable();
        (0..self.num_frames).map(move |frame| Some(&present.next_if(|(at, _)| *at == frame)?.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_absent_where_it_has_no_mask() {
        let mut table = TrackTable::default();
        table.push_frame([(0, "a0"), (1, "b0")]);
        table.push_frame([]);
        table.push_frame([(3, "d2"), (0, "a2")]);
        let masks = |track| table.masks(track).map(Option::<&&str>::copied).collect::<Vec<_>>();
        assert_eq!((table.num_frames(), table.num_tracks()), (3, 4));
        assert_eq!(masks(0), [Some("a0"), None, Some("a2")]);
        assert_eq!(masks(1), [Some("b0"), None, None]);
        assert_eq!(masks(2), [None; 3]);
        assert_eq!(masks(3), [None, None, Some("d2")]);
        assert_eq!(masks(9), [None; 3]);
    }
}
