//! The masks of one object as they are in a file.

use seqformer_masks::{ImageSize, PackedTrack, Rle};

/// The masks of an object, one per frame, as COCO's text: about half the memory of a [`PackedTrack`], for programs that
/// visit every mask once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompressedTrack {
    text: Box<str>,
    /// The size of each mask, and where its text ends; nothing where the object is absent.
    frames: Box<[Option<(ImageSize, usize)>]>,
}

impl CompressedTrack {
    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are no frames.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns the size of every frame's mask; `None` where the object is absent.
    pub fn sizes(&self) -> impl Iterator<Item = Option<ImageSize>> {
        self.frames.iter().map(|frame| frame.map(|(size, _)| size))
    }

    /// Returns the mask of every frame; `None` where the object is absent.
    #[expect(clippy::missing_panics_doc, reason = "the text is that of masks")]
    pub fn masks(&self) -> impl Iterator<Item = Option<Rle>> {
        let mut start = 0;
        self.frames.iter().map(move |frame| {
            let (size, end) = (*frame)?;
            let text = &self.text[start..end];
            start = end;
            Some(Rle::parse_compressed(size, text).expect("the text of a mask is one"))
        })
    }
}

impl From<&PackedTrack> for CompressedTrack {
    fn from(track: &PackedTrack) -> Self {
        let mut text = String::new();
        let frame = |mask: Option<Rle>| {
            let mask = mask?;
            text.push_str(&mask.to_compressed());
            Some((mask.size(), text.len()))
        };
        let frames = track.masks().map(frame).collect();
        Self { text: text.into(), frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_comes_back() {
        let size = ImageSize { height: 300, width: 400 };
        let mut track = PackedTrack::default();
        track.push_absent();
        for counts in [vec![0, 120_000], vec![5, 70_000, 0, 3, 49_992], vec![120_000]] {
            track.push_counts(size, &counts).unwrap();
        }
        track.push_absent();
        let compressed = CompressedTrack::from(&track);
        assert_eq!(compressed.len(), 5);
        assert!(compressed.masks().eq(track.masks()) && compressed.sizes().eq(track.sizes()));
    }
}
