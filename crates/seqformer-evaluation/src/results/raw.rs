//! The JSON shape of a result.

use seqformer_masks::ImageSize;
use serde::{Deserialize, Deserializer};

use crate::json::{Cursor, parse_element};
use crate::track::{StoredMask, StoredTrack};

/// The fields of a result; other keys are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct RawResult {
    pub(super) video_id: i64,
    pub(super) category_id: i64,
    pub(super) score: f64,
    pub(super) segmentations: StoredTrack,
}

impl RawResult {
    /// Parses an element; the error names the field.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        Self::parse_quickly(text).map_or_else(|| parse_element(text), Ok)
    }

    /// Parses an element whose masks have only what they need.
    fn parse_quickly(text: &[u8]) -> Option<Self> {
        let (segmentations, rest) = Cursor::new(text).cut_value("segmentations", stored_track)?;
        let result: Self = serde_json::from_slice(&rest).ok()?;
        Some(Self { segmentations, ..result })
    }
}

fn stored_track(cursor: &mut Cursor<'_>) -> Option<StoredTrack> {
    // The masks are nearly all of the text: their memory is asked for once.
    let mut text = Vec::with_capacity(cursor.bytes_left());
    let mut frames = Vec::new();
    cursor.list(|cursor| {
        if cursor.null().is_some() {
            frames.push(None);
            return Some(());
        }
        let ([height, width], ()) = cursor.mask(|cursor| cursor.compressed(&mut text))?;
        let size = ImageSize { height, width };
        frames.push(Some(StoredMask { size, end: text.len() }));
        Some(())
    })?;
    let text = String::from_utf8(text).ok()?;
    Some(StoredTrack::new(text.into_boxed_str(), frames.into_boxed_slice()))
}

impl<'de> Deserialize<'de> for StoredTrack {
    /// Reads the compressed form only, and does not look into it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(expecting = "run lengths in the compressed form or null")]
        struct RawMask {
            size: [u32; 2],
            counts: Box<str>,
        }
        let masks = Vec::<Option<RawMask>>::deserialize(deserializer)?;
        let mut text = String::new();
        let store = |mask: Option<RawMask>| {
            let RawMask { size: [height, width], counts } = mask?;
            text.push_str(&counts);
            Some(StoredMask { size: ImageSize { height, width }, end: text.len() })
        };
        let frames = masks.into_iter().map(store).collect();
        Ok(Self::new(text.into_boxed_str(), frames))
    }
}
