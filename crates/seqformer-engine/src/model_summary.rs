//! The parts of a network with the sizes of their parameters, for the log of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tch::nn;

/// Maximum number of name components of a part; names are also cut before the index of a layer.
const DEPTH: usize = 4;

/// The number of parameters of a network, by part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelSummary {
    parts: BTreeMap<String, Part>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    tensors: usize,
    /// Number of values in them.
    values: usize,
    /// Number of values that are trained.
    trained: usize,
}

impl ModelSummary {
    /// Counts all tensors of a network.
    pub(crate) fn of(variables: &nn::VarStore) -> Self {
        let trained: BTreeSet<usize> = variables
            .trainable_variables()
            .iter()
            .map(|tensor| tensor.data_ptr() as usize)
            .collect();
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        let mut tensors: Vec<_> = variables.variables().into_iter().collect();
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, tensor) in tensors {
            let part = parts.entry(part_of(&name)).or_default();
            part.tensors += 1;
            part.values += tensor.numel();
            if trained.contains(&(tensor.data_ptr() as usize)) && tensor.requires_grad() {
                part.trained += tensor.numel();
            }
        }
        Self { parts }
    }

    fn total(&self) -> Part {
        self.parts.values().fold(Part::default(), |sum, part| Part {
            tensors: sum.tensors + part.tensors,
            values: sum.values + part.values,
            trained: sum.trained + part.trained,
        })
    }
}

/// `detr.detr.transformer.encoder` of `detr.detr.transformer.encoder.layers.0.norm1.weight`.
fn part_of(name: &str) -> String {
    let modules = name.rsplit_once('.').map_or("", |(modules, _)| modules);
    let is_layer = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> =
        modules.split('.').take_while(|part| !is_layer(part)).take(DEPTH).collect();
    parts.join(".")
}

impl fmt::Display for ModelSummary {
    /// One line per part, and one for the total.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.parts.keys().map(String::len).max().unwrap_or(0).max("all".len());
        writeln!(
            formatter,
            "{:<width$}  {:>7}  {:>12}  {:>12}",
            "part", "tensors", "values", "trained"
        )?;
        let all = ("all".to_owned(), self.total());
        let parts = self.parts.iter().chain([(&all.0, &all.1)]);
        for (index, (name, part)) in parts.enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            let Part { tensors, values, trained } = part;
            write!(formatter, "{name:<width$}  {tensors:>7}  {values:>12}  {trained:>12}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn parameters_are_counted_by_part_and_frozen_ones_apart() {
        let variables = nn::VarStore::new(Device::Cpu);
        let root = variables.root();
        let layers = &root / "detr" / "detr" / "transformer" / "encoder" / "layers";
        for layer in 0..2 {
            let _weight = (&layers / layer / "linear1").ones("weight", &[3, 5]);
        }
        let _weight = (&root / "detr" / "query_embed").ones("weight", &[7, 2]);
        let mut frozen = (&root / "detr" / "query_embed").ones("frozen", &[4]);
        frozen = frozen.set_requires_grad(false);
        assert!(!frozen.requires_grad());
        let _mean = (&root / "detr" / "query_embed").zeros_no_train("mean", &[6]);
        let expected = "\
part                           tensors        values       trained
detr.detr.transformer.encoder        2            30            30
detr.query_embed                     3            24            14
all                                  5            54            44";
        assert_eq!(ModelSummary::of(&variables).to_string(), expected);
    }
}
