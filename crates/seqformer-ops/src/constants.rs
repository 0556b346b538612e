//! Small tensors that are created on their device.

use tch::{Device, Kind, Tensor};

/// A few numbers as a tensor `[numbers]` on a device, without the synchronization that a copy from the host needs.
pub fn small_tensor(values: &[f32], device: Device) -> Tensor {
    if device == Device::Cpu { Tensor::from_slice(values) } else { filled(values, device) }
}

/// Each number is written by one fill operation.
fn filled(values: &[f32], device: Device) -> Tensor {
    let on = (Kind::Float, device);
    let each: Vec<Tensor> =
        values.iter().map(|&value| Tensor::full([1], f64::from(value), on)).collect();
    if each.is_empty() { Tensor::zeros([0], on) } else { Tensor::cat(&each, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_operations_write_are_those_of_a_copy() {
        for values in [[].as_slice(), &[123.675, -0.1, 1e-30, f32::MAX]] {
            assert_eq!(filled(values, Device::Cpu), small_tensor(values, Device::Cpu));
        }
    }
}
