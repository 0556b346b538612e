//! Compares the kernels of layers with plain tensor operations on a few numbers before they are used on a GPU.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::binding;

const EPS: f64 = 1e-5;

/// Adds bias and residual to a map in its own memory, and then applies ReLU.
type Epilogue<'a> = &'a dyn Fn(&Tensor, &Tensor, &Tensor) -> Result<(), String>;

/// Normalizes the sum of an update and a residual, with weight and bias; also rounded.
type AddNorm<'a> = &'a dyn Fn([&Tensor; 4]) -> Result<(Tensor, Option<Tensor>), String>;

/// Checks `conv_epilogue` on a device.
pub(super) fn conv_epilogue(library: &Path, device: Device) -> Result<(), String> {
    check_epilogue(device, &|map, bias, residual| {
        binding::conv_epilogue(library, map, bias, Some(residual), true)
    })
}

/// Checks `add_norm` on a device.
pub(super) fn add_norm(library: &Path, device: Device) -> Result<(), String> {
    check_add_norm(device, &|tensors| binding::add_norm(library, tensors, EPS, true))
}

/// Numbers from a formula, so that the check does not advance a random generator.
fn numbers(size: &[i64], step: f64, kind: Kind, device: Device) -> Tensor {
    let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Float, device));
    ((index * step).sin() * 2.0).view(size).to_kind(kind)
}

fn check_epilogue(device: Device, run: Epilogue<'_>) -> Result<(), String> {
    // By 16 bytes, and one by one.
    for channels in [8, 3] {
        for (kind, tolerance) in [(Kind::Float, 1e-5), (Kind::BFloat16, 0.05)] {
            let size = [2, 3, 5, channels];
            let map = numbers(&size, 0.7, kind, device);
            let _overflow = map.flatten(0, 3).narrow(0, 4, 1).fill_(f64::NAN);
            let map = map.permute([0, 3, 1, 2]);
            let residual = numbers(&size, 1.3, kind, device).permute([0, 3, 1, 2]);
            let bias = numbers(&[channels], 2.1, kind, device);
            let expected = (&map + bias.view([1, -1, 1, 1]) + &residual).relu();
            run(&map, &bias, &residual)?;
            near("conv_epilogue", &map, &expected, tolerance)?;
        }
    }
    Ok(())
}

fn check_add_norm(device: Device, run: AddNorm<'_>) -> Result<(), String> {
    let channels = 40;
    for kind in [Kind::Float, Kind::BFloat16] {
        let of = |size: &[i64], step, kind| numbers(size, step, kind, device);
        let update = of(&[11, channels], 0.7, kind);
        let residual = of(&[11, channels], 1.3, Kind::Float);
        let [weight, bias] = [2.1, 0.3].map(|step| of(&[channels], step, Kind::Float));
        let sum = update.to_kind(Kind::Float) + &residual;
        let expected = sum.layer_norm([channels], Some(&weight), Some(&bias), EPS, false);
        let (full, rounded) = run([&update, &residual, &weight, &bias])?;
        near("add_norm", &full, &expected, 1e-4)?;
        let rounded = rounded.ok_or("add_norm left no rounded copy")?;
        near("add_norm", &rounded, &full, 0.05)?;
    }
    Ok(())
}

/// Compares numbers, and where there are none.
fn near(name: &str, found: &Tensor, expected: &Tensor, tolerance: f64) -> Result<(), String> {
    let [found, expected] = [found, expected].map(|tensor| tensor.to_kind(Kind::Float));
    let differs = (&found - &expected).abs().gt(tolerance);
    let differs = differs.logical_or(&found.isnan().not_equal_tensor(&expected.isnan()));
    match differs.sum(Kind::Int64).int64_value(&[]) {
        0 => Ok(()),
        count => Err(format!(
            "a check of the kernel {name} failed: {count} of {} numbers differ by more than {tolerance}",
            expected.numel()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(map: &Tensor, bias: &Tensor, residual: &Tensor) -> Tensor {
        map + bias.view([1, -1, 1, 1]) + residual
    }

    fn store(mut map: Tensor, result: &Tensor) -> Result<(), String> {
        map.f_copy_(result).map_err(|error| error.to_string())
    }

    fn plain_norm([update, residual, weight, bias]: [&Tensor; 4], eps: f64) -> Tensor {
        let sum = update.to_kind(Kind::Float) + residual;
        sum.layer_norm(weight.size(), Some(weight), Some(bias), eps, false)
    }

    #[test]
    fn the_check_of_epilogues_sees_a_lost_nan_and_a_missing_part() {
        let check = |run: Epilogue<'_>| check_epilogue(Device::Cpu, run);
        check(&|map, bias, residual| store(map.shallow_clone(), &sum(map, bias, residual).relu()))
            .unwrap();
        let without_nan = check(&|map, bias, residual| {
            store(map.shallow_clone(), &sum(map, bias, residual).relu().nan_to_num(0.0, None, None))
        });
        assert!(without_nan.unwrap_err().contains("1 of "), "the NaN alone differs");
        let no_bias =
            check(&|map, _, residual| store(map.shallow_clone(), &(map + residual).relu()));
        let no_relu =
            check(&|map, bias, residual| store(map.shallow_clone(), &sum(map, bias, residual)));
        assert!(no_bias.is_err() && no_relu.is_err());
    }

    #[test]
    fn the_check_of_norms_sees_another_variance_and_a_wrong_copy() {
        let check = |run: AddNorm<'_>| check_add_norm(Device::Cpu, run);
        let with_copy = |full: Tensor| {
            let rounded = full.to_kind(Kind::BFloat16);
            Ok((full, Some(rounded)))
        };
        check(&|tensors| with_copy(plain_norm(tensors, EPS))).unwrap();
        assert!(check(&|tensors| with_copy(plain_norm(tensors, 1.0))).is_err());
        assert!(check(&|tensors| Ok((plain_norm(tensors, EPS), None))).is_err());
        let wrong = check(&|tensors| {
            let full = plain_norm(tensors, EPS);
            let copy = full.flip([0]).to_kind(Kind::BFloat16);
            Ok((full, Some(copy)))
        });
        assert!(wrong.is_err());
    }
}
