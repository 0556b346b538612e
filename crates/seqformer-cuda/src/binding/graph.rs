//! CUDA graphs: what is recorded is Rust, called back through a function pointer.

use std::ffi::{c_int, c_void};

use seqformer_libtorch::out_of_memory::catch_all;
use seqformer_libtorch::{Message, check};

use super::{Body, SfGraph, SfGraphPool, functions};

/// See [`crate::graph::GraphPool`].
#[derive(Debug)]
pub(crate) struct GraphPool(*mut SfGraphPool);

impl GraphPool {
    pub(crate) fn new(device: usize) -> Result<Self, String> {
        let mut pool = std::ptr::null_mut();
        // SAFETY: the result is writable.
        check(unsafe { (functions()?.sf_cuda_graph_pool_new)(&raw mut pool, device as c_int) })?;
        Ok(Self(pool))
    }

    /// Runs `work` on the stream on which it will be recorded.
    pub(crate) fn warm_up(&self, work: &mut dyn FnMut()) -> Result<(), String> {
        let run = functions()?.sf_cuda_graph_warm_up;
        // SAFETY: the pool lives as long as this value, and `run` calls the work before it returns.
        with_body(work, |body, context| unsafe { run(self.0, body, context) })
    }

    /// Records what `work` launches. The pool must outlive the graph.
    pub(crate) fn capture(&self, work: &mut dyn FnMut()) -> Result<Graph, String> {
        let run = functions()?.sf_cuda_graph_capture;
        let mut graph = std::ptr::null_mut();
        // SAFETY: as above, and the result is writable.
        with_body(work, |body, context| unsafe { run(&raw mut graph, self.0, body, context) })?;
        Ok(Graph(graph))
    }
}

impl Drop for GraphPool {
    fn drop(&mut self) {
        if let Ok(functions) = functions() {
            // SAFETY: nobody else owns the pool, and its graphs, which hold it, are gone.
            unsafe { (functions.sf_cuda_graph_pool_free)(self.0) }
        }
    }
}

/// A recorded graph.
#[derive(Debug)]
pub(crate) struct Graph(*mut SfGraph);

impl Graph {
    pub(crate) fn replay(&self) -> Result<(), String> {
        // SAFETY: the graph lives as long as this value.
        check(unsafe { (functions()?.sf_cuda_graph_replay)(self.0) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if let Ok(functions) = functions() {
            // SAFETY: nobody else owns the graph.
            unsafe { (functions.sf_cuda_graph_free)(self.0) }
        }
    }
}

/// Work that the library calls, and the message of its panic.
struct BodyContext<'a> {
    work: &'a mut dyn FnMut(),
    panic: Option<String>,
}

/// Lets `call` run `work` through a function pointer; panics do not cross C++.
fn with_body(
    work: &mut dyn FnMut(),
    call: impl FnOnce(Body, *mut c_void) -> Message,
) -> Result<(), String> {
    extern "C" fn body(context: *mut c_void) -> c_int {
        // SAFETY: the context is the one below, which `call` passes on while it is alive and not used otherwise.
        let context = unsafe { &mut *context.cast::<BodyContext<'_>>() };
        match catch_all(|| (context.work)()) {
            Ok(()) => 0,
            Err(words) => {
                context.panic = Some(words);
                1
            }
        }
    }
    let mut context = BodyContext { work, panic: None };
    let message = call(body, (&raw mut context).cast());
    // The message of the work is closer to the cause than that of the recording.
    match (check(message), context.panic) {
        (_, Some(words)) => Err(words),
        (done, None) => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_through_its_pointer_and_its_panic_is_the_message() {
        let mut calls = 0;
        let run = |body: Body, context| {
            body(context);
            Message::success()
        };
        with_body(&mut || calls += 1, run).unwrap();
        assert_eq!(calls, 1);
        let failed = with_body(&mut || std::panic::panic_any("no memory"), run);
        assert_eq!(failed.unwrap_err(), "no memory");
    }
}
