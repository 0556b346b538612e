//! Where two sets of weights differ.

use crate::StateDict;

/// Where two sets of weights differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff {
    /// Tensors that are equal in every element.
    pub equal: usize,
    /// Tensors that only the first has.
    pub only_first: Vec<String>,
    /// Tensors that only the second has.
    pub only_second: Vec<String>,
    /// Tensors with different shapes or types, and what these are.
    pub incompatible: Vec<(String, String)>,
    /// Tensors with different values, largest difference first.
    pub changed: Vec<Changed>,
}

/// A tensor with different values.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// The largest difference; NaN if a value is NaN on only one side.
    pub max_abs: f64,
    /// Elements that differ.
    pub num_elements: usize,
}

impl Diff {
    /// True if nothing differs.
    pub fn is_empty(&self) -> bool {
        self.only_first.is_empty()
            && self.only_second.is_empty()
            && self.incompatible.is_empty()
            && self.changed.is_empty()
    }
}

/// Compares tensors of the same name. A pair of NaNs is equal.
pub fn diff(first: &StateDict, second: &StateDict) -> Diff {
    let mut diff = Diff::default();
    for (name, a) in first {
        let Some(b) = second.get(name) else {
            diff.only_first.push(name.clone());
            continue;
        };
        if (a.shape(), a.dtype()) != (b.shape(), b.dtype()) {
            let kinds = [a, b].map(|array| format!("{} {:?}", array.dtype(), array.shape()));
            diff.incompatible.push((name.clone(), kinds.join(" against ")));
            continue;
        }
        if a.bytes() == b.bytes() {
            diff.equal += 1;
            continue;
        }
        let mut changed = Changed { name: name.clone(), max_abs: 0.0, num_elements: 0 };
        for (a, b) in a.to_f64_vec().into_iter().zip(b.to_f64_vec()) {
            if a == b || a.is_nan() && b.is_nan() {
                continue;
            }
            changed.num_elements += 1;
            let difference = (a - b).abs();
            // Once NaN, it stays NaN.
            if difference.is_nan() || difference > changed.max_abs {
                changed.max_abs = difference;
            }
        }
        if changed.num_elements == 0 {
            diff.equal += 1;
        } else {
            diff.changed.push(changed);
        }
    }
    diff.only_second = second.arrays.keys().filter(|name| !first.contains(name)).cloned().collect();
    // NaN sorts above every number.
    diff.changed.sort_by(|a, b| b.max_abs.abs().total_cmp(&a.max_abs.abs()));
    diff
}

#[cfg(test)]
mod tests;
