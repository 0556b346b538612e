//! The masks of one object, one per frame.

use seqformer_masks::{ImageSize, PackedTrack};

use super::compressed_track::CompressedTrack;
use crate::Fault;
use crate::mask::Mask;

/// The masks of an object, one per frame.
#[derive(Debug, Clone)]
pub enum TrackMasks {
    /// Run lengths.
    Packed(PackedTrack),
    /// Run lengths, as [`YtvisFile::read_compact`](crate::YtvisFile::read_compact) keeps them.
    Compressed(CompressedTrack),
    /// Any kind of mask.
    Mixed(Vec<Mask>),
}

impl TrackMasks {
    /// Packs the masks if all of them are run lengths.
    pub(super) fn new(masks: Vec<Mask>) -> Self {
        if masks.iter().any(|mask| matches!(mask, Mask::Polygons(_) | Mask::Unusable)) {
            return Self::Mixed(masks);
        }
        let mut track = PackedTrack::default();
        for mask in &masks {
            match mask {
                Mask::Runs(mask) => track.push(mask),
                _ => track.push_absent(),
            }
        }
        track.shrink_to_fit();
        Self::Packed(track)
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(track) => track.len(),
            Self::Compressed(track) => track.len(),
            Self::Mixed(masks) => masks.len(),
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether something was written, but no usable mask.
    pub(super) fn is_unusable(&self) -> bool {
        match self {
            Self::Packed(_) | Self::Compressed(_) => false,
            Self::Mixed(masks) => {
                masks.contains(&Mask::Unusable)
                    && masks.iter().all(|mask| matches!(mask, Mask::Unusable | Mask::Absent))
            }
        }
    }

    /// Returns the size of every frame's run lengths; `None` for polygons.
    pub(super) fn sizes(&self) -> Box<dyn Iterator<Item = Option<ImageSize>> + '_> {
        match self {
            Self::Packed(track) => Box::new(track.sizes()),
            Self::Compressed(track) => Box::new(track.sizes()),
            Self::Mixed(masks) => Box::new(masks.iter().map(|mask| match mask {
                Mask::Runs(mask) => Some(mask.size()),
                _ => None,
            })),
        }
    }

    /// Draws all masks, polygons in frames of `size`.
    ///
    /// # Errors
    ///
    /// A mask that cannot be drawn.
    pub fn into_packed(self, size: ImageSize) -> Result<PackedTrack, Fault> {
        let masks = match self {
            Self::Packed(track) => return Ok(track),
            masks => masks.into_masks(),
        };
        let mut track = PackedTrack::default();
        for (frame, mask) in masks.iter().enumerate() {
            let drawn = mask.draw(Some(size));
            match drawn.map_err(|fault| fault.within(&format!("segmentations[{frame}]")))? {
                Some(mask) => track.push(&mask),
                None => track.push_absent(),
            }
        }
        track.shrink_to_fit();
        Ok(track)
    }

    /// Returns all masks one by one.
    pub fn into_masks(self) -> Vec<Mask> {
        match self {
            Self::Packed(track) => {
                track.masks().map(|mask| mask.map_or(Mask::Absent, Mask::Runs)).collect()
            }
            Self::Compressed(track) => {
                track.masks().map(|mask| mask.map_or(Mask::Absent, Mask::Runs)).collect()
            }
            Self::Mixed(masks) => masks,
        }
    }

    /// Keeps run lengths as text.
    pub(super) fn compressed(self) -> Self {
        match self {
            Self::Packed(track) => Self::Compressed(CompressedTrack::from(&track)),
            other => other,
        }
    }
}
