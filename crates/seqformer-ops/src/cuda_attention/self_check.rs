//! Compares the attention kernels with plain tensor operations on a small input before they are used.

use seqformer_cuda::kernels::{AttentionRows, Passes, attention_of_rows};
use seqformer_libtorch::ms_deform_attn::Kernels;
use tch::{Device, Kind, Tensor};

use crate::attention_function::{self, AttentionTensors};
use crate::{FeatureLevels, LevelSize, precision, reference};

/// Names of the compared tensors, in the order of the results.
const NAMES: [&str; 4] =
    ["output", "gradient of the values", "gradient of the points", "gradient of the weights"];

/// Tolerance by kind of the values, relative to the largest number.
const CASES: [(Kind, f64, i64); 3] =
    [(Kind::Float, 1e-4, 32), (Kind::Float, 1e-4, 7), (Kind::BFloat16, 2e-2, 32)];

/// Runs the passes of attention, as offsets and as locations.
///
/// # Errors
///
/// The failure, or the tensor that differs and by how much.
pub(super) fn run(device: Device, kernels: &'static Kernels, passes: Passes) -> Result<(), String> {
    // Independent of the caller's settings: gradients are recorded, in full precision.
    tch::with_grad(|| {
        precision::full_precision(|| {
            CASES.iter().try_for_each(|&(kind, tolerance, channels)| {
                let case = Case::new(device, kind, channels)?;
                for has_offsets in [true, false] {
                    let found = case.run(has_offsets, passes, |leaves| {
                        case.ours(leaves, has_offsets, kernels)
                    })?;
                    let expected = case.run(has_offsets, passes, |leaves| {
                        Ok(case.plain(leaves.each_ref(), has_offsets))
                    })?;
                    compare(&found, &expected, tolerance)?;
                }
                if device.is_cuda() {
                    let plain = case.plain([&case.value, &case.offsets, &case.logits], true);
                    compare(&[case.of_rows()?], &[plain], tolerance)?;
                }
                Ok(())
            })
        })
    })
}

/// Compares the results pairwise.
fn compare(found: &[Tensor], expected: &[Tensor], tolerance: f64) -> Result<(), String> {
    for ((name, found), expected) in NAMES.iter().zip(found).zip(expected) {
        let expected = expected.to_kind(Kind::Float);
        let largest = expected.abs().max().double_value(&[]).max(1.0);
        let difference = (found.to_kind(Kind::Float) - expected).abs().max().double_value(&[]);
        // A NaN fails every tolerance.
        let fits = difference <= tolerance * largest;
        if !fits {
            return Err(format!(
                "a check of the kernels failed: the {name} differs by {difference:e}, more than {tolerance:e} of {largest}"
            ));
        }
    }
    Ok(())
}

struct Case {
    levels: FeatureLevels,
    value: Tensor,
    /// (x, y) as offsets from the references in cells, and as locations.
    offsets: Tensor,
    locations: Tensor,
    logits: Tensor,
    weights: Tensor,
    references: Tensor,
    padding: Tensor,
    grad_out: Tensor,
}

impl Case {
    /// Numbers from a formula, so that the check does not advance the random generators of a run.
    fn new(device: Device, kind: Kind, channels: i64) -> Result<Self, String> {
        let size = |height, width| LevelSize { height, width };
        let levels =
            FeatureLevels::new(&[size(5, 4), size(2, 3)]).map_err(|error| error.to_string())?;
        let (batch, queries, heads, points) = (2, 5, 3, 3);
        let numbers = |size: &[i64], step: f64, scale: f64| {
            let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Float, device));
            (index * step).sin().view(size) * scale
        };
        let (tokens, num_levels) = (levels.num_tokens(), levels.len() as i64);
        let offsets = numbers(&[batch, queries, heads, num_levels, points, 2], 0.71, 2.5);
        let references = numbers(&[1, queries, num_levels, 2], 1.3, 0.4) + 0.5;
        let logits = numbers(&[batch, queries, heads, num_levels * points], 0.37, 2.0);
        Ok(Self {
            value: numbers(&[batch, tokens, heads, channels], 0.59, 1.0).to_kind(kind),
            locations: reference::locations(&references, &offsets, &levels),
            weights: logits.softmax(-1, Kind::Float).view(&offsets.size()[..5]),
            padding: numbers(&[batch, tokens], 0.83, 1.0).gt(0.7),
            grad_out: numbers(&[batch, queries, heads * channels], 0.43, 1.0).to_kind(kind),
            levels,
            offsets,
            logits,
            references,
        })
    }

    /// The output and, with a backward pass, the gradients of the inputs of one form of the operation.
    fn run(
        &self,
        has_offsets: bool,
        passes: Passes,
        attention: impl Fn(&[Tensor; 3]) -> Result<Tensor, String>,
    ) -> Result<Vec<Tensor>, String> {
        let leaves = if has_offsets {
            [&self.value, &self.offsets, &self.logits]
        } else {
            [&self.value, &self.locations, &self.weights]
        };
        let with_gradients = passes == Passes::ForwardAndBackward;
        let leaves = leaves.map(|leaf| leaf.detach().set_requires_grad(with_gradients));
        let out = attention(&leaves)?;
        if !with_gradients {
            return Ok(vec![out]);
        }
        let loss = (&out * &self.grad_out).sum(Kind::Float);
        let gradients = Tensor::f_run_backward(&[loss], &leaves, false, false);
        let mut results = vec![out.detach()];
        results.extend(gradients.map_err(|error| error.to_string())?);
        Ok(results)
    }

    fn ours(
        &self,
        [value, locations, weights]: &[Tensor; 3],
        has_offsets: bool,
        kernels: &'static Kernels,
    ) -> Result<Tensor, String> {
        let tensors = AttentionTensors {
            value,
            locations,
            weights,
            references: has_offsets.then_some(&self.references),
            padding: has_offsets.then_some(&self.padding),
        };
        attention_function::ms_deform_attn(&tensors, &self.levels, kernels)
    }

    /// With offsets and logits in rows, which only GPUs read.
    fn of_rows(&self) -> Result<Tensor, String> {
        let rows = [&self.offsets, &self.logits].map(|tensor| tensor.flatten(2, -1));
        let level_sizes: Vec<[i64; 2]> =
            self.levels.sizes().iter().map(|size| [size.height, size.width]).collect();
        let of = AttentionRows {
            rows: &Tensor::cat(&rows, -1),
            references: &self.references,
            padding: Some(&self.padding),
            level_sizes: &level_sizes,
        };
        attention_of_rows(&self.value, &of).map_err(|error| error.to_string())
    }

    /// In `f32`, whatever the kind of the values.
    fn plain(&self, [value, locations, weights]: [&Tensor; 3], has_offsets: bool) -> Tensor {
        let value = value.to_kind(Kind::Float);
        if !has_offsets {
            return reference::ms_deform_attn(&value, &self.levels, locations, weights);
        }
        let value = value.masked_fill(&self.padding.unsqueeze(-1).unsqueeze(-1), 0.0);
        let absolute = reference::locations(&self.references, locations, &self.levels);
        let weights = weights.softmax(-1, Kind::Float).view(&locations.size()[..5]);
        reference::ms_deform_attn(&value, &self.levels, &absolute, &weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_are_right_pass() {
        for passes in [Passes::Forward, Passes::ForwardAndBackward] {
            run(Device::Cpu, &attention_function::CPU_KERNELS, passes).unwrap();
        }
    }

    #[test]
    fn what_differs_is_named() {
        let case = Case::new(Device::Cpu, Kind::Float, 4).unwrap();
        let run = |passes| {
            tch::with_grad(|| {
                case.run(true, passes, |leaves| Ok(case.plain(leaves.each_ref(), true)))
            })
            .unwrap()
        };
        let right = run(Passes::ForwardAndBackward);
        assert_eq!([right.len(), run(Passes::Forward).len()], [NAMES.len(), 1]);
        compare(&right, &right, 0.0).unwrap();
        for (number, name) in NAMES.iter().enumerate() {
            let largest = right[number].abs().max().double_value(&[]).max(1.0);
            for change in [2e-3, f64::NAN] {
                let mut wrong: Vec<Tensor> = right.iter().map(Tensor::copy).collect();
                wrong[number] += change * largest;
                let message = compare(&wrong, &right, 1e-3).unwrap_err();
                assert!(message.contains(name), "{message}");
            }
        }
    }
}
