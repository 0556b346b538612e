//! The functions of the shim for lists of tensors.

use seqformer_libtorch::{Message, addresses, check};
use tch::Tensor;
use torch_sys::C_tensor;

use super::adamw::{AdamW, AdamWTensors};

unsafe extern "C" {
    fn sf_adamw_step(options: *const AdamW, tensors: *const RawAdamWTensors) -> Message;
    fn sf_global_norm(
        out: *mut *mut C_tensor,
        tensors: *const *const C_tensor,
        count: i64,
    ) -> Message;
    fn sf_scaled(
        out: *mut *mut C_tensor,
        tensors: *const *const C_tensor,
        count: i64,
        factor: *const C_tensor,
    ) -> Message;
}

/// Lists of `count` tensors, as `AdamWTensors` in `c_api.cpp`.
#[repr(C)]
struct RawAdamWTensors {
    parameters: *const *const C_tensor,
    gradients: *const *const C_tensor,
    exp_avgs: *const *const C_tensor,
    exp_avg_sqs: *const *const C_tensor,
    steps: *const *const C_tensor,
    count: i64,
}

/// See [`crate::optimize::adamw_step`]. The lists are of the same length, their tensors of the same shapes.
pub(crate) fn adamw_step(options: &AdamW, tensors: &AdamWTensors<'_>) -> Result<(), String> {
    let parameters = addresses(tensors.parameters);
    let gradients = addresses(tensors.gradients);
    let exp_avgs = addresses(tensors.exp_avgs);
    let exp_avg_sqs = addresses(tensors.exp_avg_sqs);
    let steps = addresses(tensors.steps);
    let raw = RawAdamWTensors {
        parameters: parameters.as_ptr(),
        gradients: gradients.as_ptr(),
        exp_avgs: exp_avgs.as_ptr(),
        exp_avg_sqs: exp_avg_sqs.as_ptr(),
        steps: steps.as_ptr(),
        count: parameters.len() as i64,
    };
    // SAFETY: the lists and their tensors live through the call and are of the length that is passed.
    check(unsafe { sf_adamw_step(options, &raw const raw) })
}

/// See [`crate::optimize::global_norm`].
pub(crate) fn global_norm(tensors: &[&Tensor]) -> Result<Tensor, String> {
    let list = addresses(tensors);
    let mut out = std::ptr::null_mut();
    // SAFETY: the list and its tensors live through the call, and `out` is writable.
    check(unsafe { sf_global_norm(&raw mut out, list.as_ptr(), list.len() as i64) })?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// See [`crate::optimize::scaled`].
pub(crate) fn scaled(tensors: &[&Tensor], factor: &Tensor) -> Result<Vec<Tensor>, String> {
    let list = addresses(tensors);
    let mut out = vec![std::ptr::null_mut(); list.len()];
    // SAFETY: the list and its tensors live through the call, and `out` has room for one tensor each.
    check(unsafe {
        sf_scaled(out.as_mut_ptr(), list.as_ptr(), list.len() as i64, factor.as_ptr())
    })?;
    // SAFETY: no message means that the shim stored new tensors, and nobody else owns them.
    Ok(out.into_iter().map(|tensor| unsafe { Tensor::from_ptr(tensor) }).collect())
}
