//! `full_keys_*`: the names, shapes and kinds of all tensors of a checkpoint.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer_checkpoint::key_map::{Dialect, vnext_name};
use tch::Kind;

use crate::arrays::integer;
use crate::network::{self, Network};
use crate::report::ParityReport;

/// The second name of the box heads, and the first.
const ALIAS: (&str, &str) = ("detr.detr.bbox_embed.", "detr.detr.transformer.decoder.bbox_embed.");

pub(super) fn compare(
    folder: &Path,
    case: &str,
    config: &str,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let golden = seqformer_testing::read_json(&folder.join(format!("full_keys_{case}.json")))?;
    let keys = golden["keys"].as_object().context("the file has no keys")?;
    let dialect = if case.starts_with("orig_") { Dialect::Original } else { Dialect::VNext };
    let config = network::config(&network::shipped(config), &[])?;
    let mut variables = Network::new(config, report.device())?.variables.variables();
    let mut different = 0;
    for (name, entry) in keys {
        let name = vnext_name(dialect, name).with_context(|| format!("{name} has no name here"))?;
        if name.starts_with(ALIAS.0) {
            continue;
        }
        let Some(variable) = variables.remove(&name) else {
            report.missing(&name, "the network does not have it");
            continue;
        };
        let shape = entry[0].as_array().context("an entry has no shape")?;
        let shape = shape.iter().map(integer).collect::<Result<Vec<i64>>>()?;
        let kind = match variable.kind() {
            Kind::Float => "float32",
            Kind::Int64 => "int64",
            _ => "another",
        };
        // The original has 42 class rows, of which 40 are used.
        let is_class_head = dialect == Dialect::Original && name.contains(".class_embed.");
        let same = (variable.size() == shape || is_class_head)
            && entry[1].as_str() == Some(kind)
            && (entry[2].as_str() == Some("param")) == variable.requires_grad();
        different += usize::from(!same);
    }
    report.exact("shapes and kinds", different, keys.len());
    report.exact("names beyond the reference's", variables.len(), keys.len());
    let aliases = keys.keys().filter_map(|name| vnext_name(dialect, name));
    let firsts = aliases.filter_map(|name| Some(name.strip_prefix(ALIAS.0)?.to_owned()));
    let lost = firsts.filter(|rest| {
        let first = format!("{}{rest}", ALIAS.1);
        !keys.keys().any(|name| vnext_name(dialect, name).as_ref() == Some(&first))
    });
    report.exact("second names without a first", lost.count(), keys.len());
    Ok(())
}
