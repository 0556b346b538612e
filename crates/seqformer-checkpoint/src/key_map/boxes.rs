//! Box queries for networks that were trained without them.

use std::collections::BTreeMap;

use super::{Change, MapReport};
use crate::Array;

/// Decoder layers that have a counterpart for box queries.
const TWINS: [&str; 6] = ["self_attn", "norm1", "norm2", "norm3", "linear1", "linear2"];

/// Copies the layers of instance queries to those of box queries, if a file lacks the latter.
///
/// In each frame, both kinds of queries do what the queries of Deformable DETR do in an image.
pub(super) fn copy_from_instances(arrays: &mut BTreeMap<String, Array>, report: &mut MapReport) {
    let copies: Vec<(String, String)> = arrays
        .keys()
        .filter_map(|name| Some((name.clone(), twin(name)?)))
        .filter(|(_, twin)| !arrays.contains_key(twin))
        .collect();
    for (name, twin) in copies {
        let Some(array) = arrays.get(&name).cloned() else { continue };
        report.copied.push(Change::new(&twin, format!("missing in the file; copied from {name}")));
        arrays.insert(twin, array);
    }
}

/// The name of a tensor's counterpart for box queries.
fn twin(name: &str) -> Option<String> {
    let rest = name.strip_prefix("detr.detr.transformer.")?;
    if let Some((layer, part)) = rest.split_once(".output_proj.") {
        return Some(format!("detr.detr.transformer.{layer}.output_proj_box.{part}"));
    }
    let (index, layer) = rest.strip_prefix("decoder.layers.")?.split_once('.')?;
    let (layer, part) = layer.split_once('.')?;
    let prefix = format!("detr.detr.transformer.decoder.layers.{index}");
    TWINS.contains(&layer).then(|| format!("{prefix}.{layer}_box.{part}"))
}
