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
mod tests {
    use super::*;
    use crate::Array;

    fn state(entries: &[(&str, &[f32])]) -> StateDict {
        let array = |values: &[f32]| Array::from_f32(&[values.len()], values).unwrap();
        entries.iter().map(|(name, values)| ((*name).to_owned(), array(values))).collect()
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let first = state(&[
            ("same", &[1.0, f32::NAN]),
            ("zero", &[0.0]),
            ("near", &[1.0, 2.0, 3.0]),
            ("far", &[0.0]),
            ("gone", &[1.0]),
            ("shape", &[1.0]),
        ]);
        let second = state(&[
            ("same", &[1.0, f32::NAN]),
            ("zero", &[-0.0]),
            ("near", &[1.0, 2.5, 2.0]),
            ("far", &[8.0]),
            ("new", &[1.0]),
            ("shape", &[1.0, 2.0]),
        ]);
        let diff = diff(&first, &second);
        assert_eq!(diff.equal, 2);
        assert_eq!(
            (diff.only_first, diff.only_second),
            (vec!["gone".to_owned()], vec!["new".to_owned()])
        );
        assert_eq!(
            diff.incompatible,
            [("shape".to_owned(), "float32 [1] against float32 [2]".to_owned())]
        );
        let changed = |name: &str, max_abs, num_elements| Changed {
            name: name.to_owned(),
            max_abs,
            num_elements,
        };
        assert_eq!(diff.changed, [changed("far", 8.0, 1), changed("near", 1.0, 2)]);
    }

    #[test]
    fn a_number_that_was_lost_comes_first() {
        let diff = diff(
            &state(&[("a", &[0.0]), ("b", &[1.0, 0.0])]),
            &state(&[("a", &[9.0]), ("b", &[f32::NAN, 5.0])]),
        );
        assert_eq!(diff.changed[0].name, "b");
        assert!(diff.changed[0].max_abs.is_nan() && !diff.is_empty());
    }

    #[test]
    fn equal_weights_differ_in_nothing() {
        let weights = state(&[("a", &[1.0])]);
        assert!(diff(&weights, &weights).is_empty());
    }
}
