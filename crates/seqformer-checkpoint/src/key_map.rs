//! Translates the tensor names of other programs into those of VNext, and reports what it did.
//!
//! Sources: detectron2 `checkpoint/c2_model_loading.py`, `tools/convert-torchvision-to-d2.py`; the names of the
//! original SeqFormer, of Deformable DETR, Swin and torchvision as found in their files.

mod boxes;
mod classes;
mod detectron2;
mod input;
mod original;
mod recognize;
mod report;
mod swin;
mod torchvision;

use std::collections::BTreeMap;

use crate::error::Reason;
use crate::{Array, StateDict};

pub use input::InputConvention;
pub use original::to_original;
pub use recognize::{Dialect, recognize};
pub use report::{Change, MapReport};

/// Prefix of the backbone in VNext.
pub(crate) const BACKBONE: &str = "detr.detr.backbone.0.backbone.";
/// The queries of all groups but the first (`MODEL.SeqFormer.QUERY_GROUPS`), `[(G - 1) * Q, 2C]`: training alone has them.
pub const FURTHER_GROUPS: &str = "detr.detr.query_embed.further_groups";
/// A counter of batch normalization that frozen networks do not need.
const COUNTER: &str = "num_batches_tracked";

/// The names and shapes of a network's tensors.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// A checkpoint in the names of VNext.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The tensors.
    pub state: StateDict,
    /// What was done to the names.
    pub report: MapReport,
}

/// What happens to a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Named(String),
    Ignored(&'static str),
}

/// Translates a checkpoint of any known kind.
///
/// `network` is the network that will load the tensors. It decides which class heads fit, and it is needed to match
/// names by their suffixes, as detectron2 does for files marked with `matching_heuristics`. Tensors that the network
/// lacks, or has in another shape, are not dropped here.
///
/// # Errors
///
/// If a tensor matches several names.
pub fn to_vnext(state: StateDict, network: Option<&Shapes>) -> Result<Mapping, Reason> {
    let dialect = recognize(&state);
    let mut report = MapReport::new(dialect);
    let StateDict { arrays, metadata, notes, remarks } = state;
    let is_marked = metadata.get("matching_heuristics").is_some_and(|value| value == "true");
    let mut mapped = BTreeMap::new();
    if let (Dialect::Unknown, true, Some(network)) = (dialect, is_marked, network) {
        mapped = detectron2::match_suffixes(arrays, network, &mut report)?;
    } else {
        for (name, array) in arrays {
            match fate(dialect, &name) {
                Fate::Named(new_name) => {
                    report.renamed += usize::from(new_name != name);
                    insert(&mut mapped, new_name, array, &name)?;
                }
                Fate::Ignored(why) => report.ignored.push(Change::new(&name, why)),
            }
        }
    }
    if matches!(dialect, Dialect::Idol | Dialect::DeformableDetr) {
        boxes::copy_from_instances(&mut mapped, &mut report);
    }
    classes::fit(&mut mapped, network, &mut report);
    detectron2::note_statistics(&mapped, &mut report);
    let state = StateDict { arrays: mapped, metadata, notes, remarks };
    Ok(Mapping { state, report })
}

/// The VNext name of a tensor, or `None` if VNext does not have it.
pub fn vnext_name(dialect: Dialect, name: &str) -> Option<String> {
    match fate(dialect, name) {
        Fate::Named(name) => Some(name),
        Fate::Ignored(_) => None,
    }
}

/// What happens to the tensor `name`.
fn fate(dialect: Dialect, name: &str) -> Fate {
    if name.ends_with(COUNTER) {
        return Fate::Ignored("frozen normalization counts no batches");
    }
    match dialect {
        Dialect::VNext | Dialect::Idol if name.contains("reid_embed_head.") => {
            Fate::Ignored("SeqFormer has no re-identification head")
        }
        Dialect::VNext | Dialect::Idol | Dialect::Unknown => Fate::Named(name.to_owned()),
        Dialect::Original | Dialect::DeformableDetr => original::fate(name),
        Dialect::Caffe2 => detectron2::caffe2_fate(name),
        Dialect::Detectron2 => detectron2::fate(name),
        Dialect::Torchvision => torchvision::fate(name),
        Dialect::Swin => swin::fate(name),
    }
}

/// Inserts an array under its new name, which must be free.
fn insert(
    mapped: &mut BTreeMap<String, Array>,
    new_name: String,
    array: Array,
    name: &str,
) -> Result<(), Reason> {
    if mapped.contains_key(&new_name) {
        return Err(Reason::Tensor {
            name: crate::pickle::shortened(name),
            what: format!("another tensor already has the name {new_name:?}"),
        });
    }
    mapped.insert(new_name, array);
    Ok(())
}

#[cfg(test)]
mod tests;
