//! The JSON shape of a result.

use seqformer_annotations::json::Cursor;
use seqformer_annotations::{Entry, Fault, Id, describe, is_absent, read_size};
use seqformer_masks::ImageSize;
use serde_json::Value;

use crate::track::{StoredMask, StoredTrack};

const SEGMENTATIONS: &str = "segmentations";

/// The fields of a result; other keys are ignored.
#[derive(Debug)]
pub(super) struct RawResult {
    pub(super) video_id: Id,
    pub(super) category_id: Id,
    pub(super) score: f64,
    pub(super) segmentations: StoredTrack,
}

impl RawResult {
    /// Parses an element; the error names the field.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let quick = Cursor::new(text).cut_value(SEGMENTATIONS, stored_track);
        let (entry, segmentations) = if let Some((track, rest)) = quick {
            (Entry::parse(&rest)?, track)
        } else {
            let mut entry = Entry::parse(text)?;
            // The ids first: a file of another kind lacks them, so the error is clearest.
            let _ids = (entry.id("video_id")?, entry.id("category_id")?);
            let track = read_track(&mut entry)?;
            (entry, track)
        };
        Ok(Self {
            video_id: entry.id("video_id")?,
            category_id: entry.id("category_id")?,
            score: entry.number("score")?,
            segmentations,
        })
    }
}

fn stored_track(cursor: &mut Cursor<'_>) -> Option<StoredTrack> {
    // The masks are nearly all of the text: one allocation for them.
    let mut text = Vec::with_capacity(cursor.bytes_left());
    let mut frames = Vec::new();
    cursor.list(|cursor| {
        if cursor.nothing().is_some() {
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

/// Reads masks in the compressed form only, without decoding them.
fn read_track(entry: &mut Entry) -> Result<StoredTrack, Fault> {
    const EXPECTED: &str = "a list with a mask or null for each frame";
    entry.required(SEGMENTATIONS, EXPECTED)?;
    let value = entry.take(SEGMENTATIONS).unwrap_or_default();
    let Value::Array(masks) = value else {
        let mend = "write a list of masks in square brackets";
        return Err(Fault::new(SEGMENTATIONS, EXPECTED, describe(&value), mend));
    };
    let mut text = String::new();
    let mut frames = Vec::with_capacity(masks.len());
    for (frame, mask) in masks.iter().enumerate() {
        if is_absent(mask) {
            frames.push(None);
            continue;
        }
        let (size, counts) = compressed_mask(mask)
            .map_err(|fault| fault.within(&format!("{SEGMENTATIONS}[{frame}]")))?;
        text.push_str(counts);
        frames.push(Some(StoredMask { size, end: text.len() }));
    }
    Ok(StoredTrack::new(text.into_boxed_str(), frames.into_boxed_slice()))
}

/// Reads the size and the text of run lengths, the only form of masks that the servers accept.
pub(super) fn compressed_mask(mask: &Value) -> Result<(ImageSize, &str), Fault> {
    const MEND: &str = "encode the mask as pycocotools' encode does, and decode its bytes to text";
    if !mask.is_object() {
        let expected = "compressed run lengths or null";
        return Err(Fault::new("", expected, describe(mask), MEND));
    }
    let size = read_size(mask)?;
    let counts = mask.get("counts").unwrap_or(&Value::Null);
    let text = counts.as_str().ok_or_else(|| {
        let found = if counts.is_null() { "no such field".to_owned() } else { describe(counts) };
        Fault::new("counts", "compressed run lengths as a text", found, MEND)
    })?;
    Ok((size, text))
}
