//! `SOLVER.REFERENCE_WORLD_SIZE`: a recipe for other devices than there are.
//!
//! Reference: detectron2 `engine/defaults.py`, `DefaultTrainer.auto_scale_workers`.

use super::CfgNode;
use crate::{ConfigError, Value, ValueError};

const REFERENCE: &str = "SOLVER.REFERENCE_WORLD_SIZE";
const BATCH: &str = "SOLVER.IMS_PER_BATCH";
/// Counted in iterations, and so growing as the batch shrinks.
const ITERATIONS: [&str; 5] = [
    "SOLVER.MAX_ITER",
    "SOLVER.WARMUP_ITERS",
    "SOLVER.STEPS",
    "SOLVER.CHECKPOINT_PERIOD",
    "TEST.EVAL_PERIOD",
];

impl CfgNode {
    /// Adapts batch, learning rate and schedule to `world_size` devices, if the recipe was made for another
    /// number of them, and tells whether it did.
    ///
    /// # Errors
    ///
    /// A batch that the devices of the recipe cannot share evenly.
    pub fn scale_to_world_size(&mut self, world_size: u32) -> Result<bool, ConfigError> {
        let Some(&Value::Int(reference)) = self.get(REFERENCE) else { return Ok(false) };
        if reference <= 0 || reference == i64::from(world_size) {
            return Ok(false);
        }
        let scale = f64::from(world_size) / reference as f64;
        let mut pairs = vec![(REFERENCE, Value::Int(world_size.into()))];
        if let Some(&Value::Int(batch)) = self.get(BATCH) {
            if batch % reference != 0 {
                return Err(ConfigError::Value(Box::new(ValueError {
                    origin: self.origin(BATCH).cloned().unwrap_or_default(),
                    key: BATCH.to_owned(),
                    expected: format!("a multiple of {REFERENCE}, {reference}"),
                    found: batch.to_string(),
                    hint: None,
                })));
            }
            pairs.push((BATCH, Value::Int(scaled(batch, scale))));
        }
        if let Some(&Value::Float(rate)) = self.get("SOLVER.BASE_LR") {
            pairs.push(("SOLVER.BASE_LR", Value::Float(rate * scale)));
        }
        for key in ITERATIONS {
            match self.get(key) {
                Some(&Value::Int(count)) => {
                    pairs.push((key, Value::Int(scaled(count, 1.0 / scale))));
                }
                Some(Value::Tuple(steps)) => {
                    let steps = steps.iter().map(|step| match step {
                        Value::Int(step) => Value::Int(scaled(*step, 1.0 / scale)),
                        other => other.clone(),
                    });
                    pairs.push((key, Value::Tuple(steps.collect())));
                }
                _ => {}
            }
        }
        let pairs = pairs.into_iter().flat_map(|(key, value)| [key.to_owned(), value.to_string()]);
        self.merge_from_list(&pairs.collect::<Vec<_>>())?;
        Ok(true)
    }
}

fn scaled(count: i64, scale: f64) -> i64 {
    (count as f64 * scale).round_ties_even() as i64
}

#[cfg(test)]
mod tests {
    //! The example of detectron2's documentation, and what is left alone.

    use super::*;

    fn node(pairs: &[&str]) -> CfgNode {
        let mut node = CfgNode::defaults();
        node.merge_from_list(&pairs.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
            .unwrap();
        node
    }

    const RECIPE: [&str; 14] = [
        "SOLVER.REFERENCE_WORLD_SIZE",
        "8",
        "SOLVER.IMS_PER_BATCH",
        "16",
        "SOLVER.BASE_LR",
        "0.1",
        "SOLVER.MAX_ITER",
        "5000",
        "SOLVER.STEPS",
        "(4000,)",
        "SOLVER.CHECKPOINT_PERIOD",
        "1000",
        "TEST.EVAL_PERIOD",
        "0",
    ];

    #[test]
    fn twice_the_devices_do_half_the_iterations() {
        let mut scaled = node(&RECIPE);
        assert!(scaled.scale_to_world_size(16).unwrap());
        let expected = [
            "SOLVER.REFERENCE_WORLD_SIZE",
            "16",
            "SOLVER.IMS_PER_BATCH",
            "32",
            "SOLVER.BASE_LR",
            "0.2",
            "SOLVER.MAX_ITER",
            "2500",
            "SOLVER.STEPS",
            "(2000,)",
            "SOLVER.CHECKPOINT_PERIOD",
            "500",
            "SOLVER.WARMUP_ITERS",
            "500",
        ];
        assert_eq!(scaled, node(&expected));
        let mut one = node(&RECIPE);
        assert!(one.scale_to_world_size(1).unwrap());
        assert_eq!(one.get("SOLVER.IMS_PER_BATCH"), Some(&Value::Int(2)));
        assert_eq!(one.get("SOLVER.STEPS"), Some(&Value::Tuple(vec![Value::Int(32_000)])));
    }

    #[test]
    fn the_devices_of_the_recipe_change_nothing_and_an_uneven_batch_is_refused() {
        let mut same = node(&RECIPE);
        assert!(!same.scale_to_world_size(8).unwrap());
        assert_eq!(same, node(&RECIPE));
        let mut unset = CfgNode::defaults();
        assert!(!unset.scale_to_world_size(4).unwrap());
        assert_eq!(unset, CfgNode::defaults());
        let mut uneven = node(&["SOLVER.REFERENCE_WORLD_SIZE", "3"]);
        assert!(uneven.scale_to_world_size(1).unwrap_err().to_string().contains("IMS_PER_BATCH"));
    }
}
