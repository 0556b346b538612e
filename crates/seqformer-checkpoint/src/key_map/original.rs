//! The original SeqFormer repository, and Deformable DETR, on which it is based.
//!
//! The mapping is one to one except for the class heads; see `classes`.

use std::collections::BTreeMap;

use super::{BACKBONE, Change, Dialect, Fate, MapReport, Mapping, classes, swin, torchvision};
use crate::StateDict;

/// Prefix of the backbone in the original.
const BODY: &str = "backbone.0.body.";

/// What happens to a tensor of either repository.
pub(super) fn fate(name: &str) -> Fate {
    if name.starts_with("controller.") || name.starts_with("mask_head.") {
        return Fate::Named(format!("detr.{name}"));
    }
    // Deformable DETR has the same names, without the wrapper for masks.
    let inner = name.strip_prefix("detr.").unwrap_or(name);
    let Some(body) = inner.strip_prefix(BODY) else {
        return Fate::Named(format!("detr.detr.{inner}"));
    };
    if swin::is_part(body) && body.ends_with(".attn_mask") {
        Fate::Ignored("masks are computed for each image size")
    } else if swin::is_part(body) {
        Fate::Named(format!("{BACKBONE}{body}"))
    } else {
        torchvision::fate(body)
    }
}

/// Translates a checkpoint of VNext into the names of the original repository.
///
/// Class heads of 40 rows become 42: the original counts from category 1 and has one more row than
/// it uses. Names that VNext does not have stay unchanged, with a note.
pub fn to_original(state: &StateDict) -> Mapping {
    let mut report = MapReport::new(Dialect::VNext);
    let mut arrays = BTreeMap::new();
    for (name, array) in state {
        let new_name = original_name(name);
        if new_name.is_none() {
            report.ignored.push(Change::new(name, "not a name of VNext; kept unchanged"));
        }
        report.renamed += usize::from(new_name.is_some());
        let widened = classes::with_unused_rows(name, array);
        if widened.is_some() {
            report.sliced.push(Change::new(name, "40 classes became rows 1 to 40 of 42"));
        }
        let array = widened.unwrap_or_else(|| array.clone());
        arrays.insert(new_name.unwrap_or_else(|| name.clone()), array);
    }
    let StateDict { metadata, notes, remarks, .. } = state.clone();
    Mapping { state: StateDict { arrays, metadata, notes, remarks }, report }
}

fn original_name(name: &str) -> Option<String> {
    if let Some(body) = name.strip_prefix(BACKBONE) {
        let body =
            if swin::is_part(body) { body.to_owned() } else { torchvision::from_detectron2(body)? };
        return Some(format!("detr.{BODY}{body}"));
    }
    let inner = name.strip_prefix("detr.")?;
    let is_known =
        ["detr.", "controller.", "mask_head."].iter().any(|part| inner.starts_with(part));
    is_known.then(|| inner.to_owned())
}
