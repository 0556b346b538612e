//! Mixed precision: matrix products and convolutions in `bf16`, other operations in the precision of their inputs.
//!
//! The settings are per thread. Inside [`autocast`], [`full_precision`] returns to the precision of the inputs for
//! numerically delicate parts.

#[expect(unsafe_code, reason = "calls of the shim")]
mod binding;

use tch::Device;

use crate::machine::{has_amx_bf16, has_bf16, machine};

/// Restores a setting when dropped, also after a panic.
struct Restore {
    cuda: bool,
    before: bool,
}

impl Restore {
    fn set(cuda: bool, enabled: bool) -> Self {
        Self { cuda, before: binding::set_autocast(cuda, enabled) }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        binding::set_autocast(self.cuda, self.before);
    }
}

/// Runs `work` with the products and convolutions of `device` in `bf16`.
///
/// Weights are converted once and cached until `work` returns.
pub fn autocast<R>(device: Device, work: impl FnOnce() -> R) -> R {
    let restore = Restore::set(device.is_cuda(), true);
    let result = work();
    drop(restore);
    binding::clear_autocast_cache();
    result
}

/// Runs `work` without [`autocast`].
pub fn full_precision<R>(work: impl FnOnce() -> R) -> R {
    let _cpu = Restore::set(false, false);
    let _cuda = Restore::set(true, false);
    work()
}

/// Whether the processor has `bf16` instructions, without which `bf16` is slow.
pub fn has_bf16_products() -> bool {
    has_bf16()
}

/// Whether the processor multiplies `bf16` slower than `f32` although it has instructions for it, as Intel's without AMX.
///
/// It is measured once in a process, in less than a millisecond.
pub fn bf16_products_are_slow() -> bool {
    !has_amx_bf16() && machine().set.widens_bf16()
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    #[test]
    fn products_inside_are_bf16_but_for_the_delicate_ones() {
        let on = (Kind::Float, Device::Cpu);
        let (input, weight) = (Tensor::randn([3, 4], on), Tensor::randn([5, 4], on));
        let product = || input.linear(&weight, None::<&Tensor>).kind();
        let [inside, delicate, again] =
            autocast(Device::Cpu, || [product(), full_precision(product), product()]);
        assert_eq!([inside, delicate, again], [Kind::BFloat16, Kind::Float, Kind::BFloat16]);
        assert_eq!(product(), Kind::Float);
    }
}
