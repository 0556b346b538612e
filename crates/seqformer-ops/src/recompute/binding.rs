//! Parts of a network that are computed again in the backward pass.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use seqformer_libtorch::{Message, addresses, check};
use tch::Tensor;
use torch_sys::C_tensor;

/// What a part computes from its inputs.
pub(crate) type Work = Box<dyn Fn(&[Tensor]) -> Vec<Tensor>>;

/// The work, as `WorkCalls` in `recompute.cpp`.
#[repr(C)]
struct WorkCalls {
    run: extern "C" fn(*mut c_void, *const *mut C_tensor, i64, *mut *mut C_tensor, i64) -> Message,
    drop: extern "C" fn(*mut c_void),
}

unsafe extern "C" {
    fn sf_recomputed(
        out: *mut *mut C_tensor,
        num_outputs: i64,
        inputs: *const *const C_tensor,
        num_inputs: i64,
        calls: WorkCalls,
        work: *mut c_void,
    ) -> Message;
}

extern "C" fn run(
    work: *mut c_void,
    inputs: *const *mut C_tensor,
    num_inputs: i64,
    outputs: *mut *mut C_tensor,
    num_outputs: i64,
) -> Message {
    // SAFETY: the shim passes as many pointers as it says.
    let inputs = unsafe { std::slice::from_raw_parts(inputs, num_inputs as usize) };
    // SAFETY: they are new tensors, which are ours from here on.
    let take = |tensor: &*mut C_tensor| unsafe { Tensor::from_ptr(*tensor) };
    let inputs: Vec<Tensor> = inputs.iter().map(take).collect();
    // SAFETY: `work` is the box that `recomputed` gave away and that `drop_work` has not had yet. The thread
    // that asked for the work or for the gradient waits for it.
    let work = unsafe { &*work.cast::<Work>() };
    let message = match catch_unwind(AssertUnwindSafe(|| work(&inputs))) {
        Ok(found) if found.len() == num_outputs as usize => {
            // SAFETY: there is room for each output, of which there are as many.
            let outputs = unsafe { std::slice::from_raw_parts_mut(outputs, found.len()) };
            for (output, tensor) in outputs.iter_mut().zip(found) {
                // The shim takes the tensor over.
                *output = std::mem::ManuallyDrop::new(tensor).as_mut_ptr();
            }
            return Message::success();
        }
        Ok(found) => format!("{num_outputs} outputs were announced, and {} found", found.len()),
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => {
                (*panic.downcast_ref::<&str>().unwrap_or(&"a panic without a message")).to_owned()
            }
        },
    };
    Message::failure(&message)
}

extern "C" fn drop_work(work: *mut c_void) {
    // SAFETY: the shim gives back, once, the box that it was given.
    drop(unsafe { Box::from_raw(work.cast::<Work>()) });
}

/// See [`crate::recompute::recomputed`]; there is at least one input.
pub(crate) fn recomputed(
    inputs: &[&Tensor],
    num_outputs: usize,
    work: Work,
) -> Result<Vec<Tensor>, String> {
    let list = addresses(inputs);
    let mut out = vec![std::ptr::null_mut(); num_outputs];
    let work = Box::into_raw(Box::new(work)).cast::<c_void>();
    let calls = WorkCalls { run, drop: drop_work };
    // SAFETY: the list and its tensors live through the call, `out` has room for every output, and the shim
    // takes the box over, also when it fails.
    check(unsafe {
        let (count, num_inputs) = (out.len() as i64, list.len() as i64);
        sf_recomputed(out.as_mut_ptr(), count, list.as_ptr(), num_inputs, calls, work)
    })?;
    // SAFETY: no message means that the shim stored new tensors, and nobody else owns them.
    Ok(out.into_iter().map(|tensor| unsafe { Tensor::from_ptr(tensor) }).collect())
}
