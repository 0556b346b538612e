//! Groups of processes, by c10d.

mod store;

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use seqformer_libtorch::{Message, addresses, check, find_symbol};
use tch::Tensor;
use torch_sys::C_tensor;

pub(crate) use self::store::Store;
use self::store::{SfStore, millis, text};

/// Objects of the shim, only ever behind pointers.
#[repr(C)]
struct SfGroup(c_void);
#[repr(C)]
struct SfWork(c_void);
#[repr(C)]
struct SfReducer(c_void);

type NcclGroup =
    unsafe extern "C" fn(*mut *mut SfGroup, *const SfStore, c_int, c_int, c_int, i64) -> Message;

unsafe extern "C" {
    fn sf_gloo_group(
        out: *mut *mut SfGroup,
        store: *const SfStore,
        rank: c_int,
        size: c_int,
        interface: *const c_char,
        address: *const c_char,
        timeout_ms: i64,
    ) -> Message;
    fn sf_group_free(group: *mut SfGroup, has_failed: c_int);
    fn sf_all_reduce(
        out: *mut *mut SfWork,
        group: *const SfGroup,
        tensor: *const C_tensor,
        max: c_int,
    ) -> Message;
    fn sf_broadcast(
        out: *mut *mut SfWork,
        group: *const SfGroup,
        tensor: *const C_tensor,
        root: c_int,
    ) -> Message;
    fn sf_all_gather(
        out: *mut *mut SfWork,
        group: *const SfGroup,
        to: *const C_tensor,
        from: *const C_tensor,
    ) -> Message;
    fn sf_barrier(out: *mut *mut SfWork, group: *const SfGroup) -> Message;
    fn sf_work_wait(work: *const SfWork) -> Message;
    fn sf_work_free(work: *mut SfWork);
    fn sf_reducer_new(
        out: *mut *mut SfReducer,
        group: *const SfGroup,
        parameters: *const *const C_tensor,
        count: i64,
        bucket_bytes: i64,
    ) -> Message;
    fn sf_reducer_free(reducer: *mut SfReducer);
    fn sf_reducer_backward(
        out: *mut *mut C_tensor,
        reducer: *mut SfReducer,
        loss: *const C_tensor,
        before: *const *const C_tensor,
    ) -> Message;
}

/// See [`crate::process_group::ProcessGroup`].
#[derive(Debug)]
pub(crate) struct Group {
    group: *mut SfGroup,
    health: Health,
}

/// Whether an operation of a group has failed; then one of its processes may be gone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health(Arc<AtomicBool>);

impl Health {
    /// Takes what came of an operation.
    fn noting<T>(&self, result: Result<T, String>) -> Result<T, String> {
        if result.is_err() {
            self.note_failure();
        }
        result
    }

    pub(crate) fn note_failure(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

// SAFETY: c10d's groups may be used from any thread; the order of calls is the caller's business.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

impl Group {
    pub(crate) fn gloo(
        store: &Store,
        rank: i32,
        size: i32,
        interface: Option<&str>,
        address: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let interface = interface.map(text).transpose()?;
        let address = address.map(text).transpose()?;
        let or_null = |text: &Option<CString>| {
            text.as_ref().map_or(std::ptr::null(), |text| text.as_c_str().as_ptr())
        };
        let mut out = std::ptr::null_mut();
        // SAFETY: the store and the texts live through the call, null stands for none, and `out` is writable.
        check(unsafe {
            sf_gloo_group(
                &raw mut out,
                store.as_ptr(),
                rank,
                size,
                or_null(&interface),
                or_null(&address),
                millis(timeout),
            )
        })?;
        Ok(Self { group: out, health: Health::default() })
    }

    /// `library` is `libseqformer_cuda`.
    pub(crate) fn nccl(
        library: &Path,
        store: &Store,
        rank: i32,
        size: i32,
        device: i32,
        timeout: Duration,
    ) -> Result<Self, String> {
        let symbol = find_symbol(library, c"sf_nccl_group")?;
        // SAFETY: the library is that of seqformer-cuda, and its function has this type.
        let nccl_group = unsafe { std::mem::transmute::<*mut c_void, NcclGroup>(symbol) };
        let mut out = std::ptr::null_mut();
        // SAFETY: the store lives through the call, and `out` is writable.
        check(unsafe {
            nccl_group(&raw mut out, store.as_ptr(), rank, size, device, millis(timeout))
        })?;
        Ok(Self { group: out, health: Health::default() })
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    fn work(&self, started: Result<(), String>, work: *mut SfWork) -> Result<Work, String> {
        self.health.noting(started)?;
        Ok(Work { work, health: self.health.clone() })
    }

    pub(crate) fn all_reduce(&self, tensor: &Tensor, max: bool) -> Result<Work, String> {
        let mut out = std::ptr::null_mut();
        // SAFETY: the group and the tensor live through the call, and `out` is writable.
        let started = check(unsafe {
            sf_all_reduce(&raw mut out, self.group, tensor.as_ptr(), c_int::from(max))
        });
        self.work(started, out)
    }

    pub(crate) fn broadcast(&self, tensor: &Tensor, root: i32) -> Result<Work, String> {
        let mut out = std::ptr::null_mut();
        // SAFETY: the group and the tensor live through the call, and `out` is writable.
        let started =
            check(unsafe { sf_broadcast(&raw mut out, self.group, tensor.as_ptr(), root) });
        self.work(started, out)
    }

    pub(crate) fn all_gather(&self, to: &Tensor, from: &Tensor) -> Result<Work, String> {
        let mut out = std::ptr::null_mut();
        // SAFETY: the group and the tensors live through the call, and `out` is writable.
        let started =
            check(unsafe { sf_all_gather(&raw mut out, self.group, to.as_ptr(), from.as_ptr()) });
        self.work(started, out)
    }

    pub(crate) fn barrier(&self) -> Result<Work, String> {
        let mut out = std::ptr::null_mut();
        // SAFETY: the group lives through the call, and `out` is writable.
        let started = check(unsafe { sf_barrier(&raw mut out, self.group) });
        self.work(started, out)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let has_failed = c_int::from(self.health.has_failed());
        // SAFETY: nobody else owns the group; reducers hold the backend themselves, which is closed then.
        unsafe { sf_group_free(self.group, has_failed) }
    }
}

/// A running operation. It holds its tensors.
#[derive(Debug)]
pub(crate) struct Work {
    work: *mut SfWork,
    health: Health,
}

impl Work {
    pub(crate) fn wait(&self) -> Result<(), String> {
        // SAFETY: the work lives as long as this value.
        self.health.noting(check(unsafe { sf_work_wait(self.work) }))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: nobody else owns the work; c10d holds what still runs.
        unsafe { sf_work_free(self.work) }
    }
}

/// See [`crate::process_group::GradientReducer`].
#[derive(Debug)]
pub(crate) struct Reducer {
    pointer: *mut SfReducer,
    count: usize,
    health: Health,
}

impl Reducer {
    pub(crate) fn new(
        group: &Group,
        parameters: &[&Tensor],
        bucket_bytes: usize,
    ) -> Result<Self, String> {
        let list = addresses(parameters);
        let mut reducer = std::ptr::null_mut();
        let (count, bytes) = (list.len() as i64, bucket_bytes as i64);
        // SAFETY: the group, the list and its tensors live through the call, and the result is writable.
        check(unsafe {
            sf_reducer_new(&raw mut reducer, group.group, list.as_ptr(), count, bytes)
        })?;
        Ok(Self { pointer: reducer, count: parameters.len(), health: group.health.clone() })
    }

    /// `before` has as many entries as there are parameters.
    pub(crate) fn backward(
        &mut self,
        loss: Option<&Tensor>,
        before: Option<&[Option<Tensor>]>,
    ) -> Result<Vec<Option<Tensor>>, String> {
        let before: Option<Vec<*const C_tensor>> = before.map(|list| {
            list.iter()
                .map(|tensor| tensor.as_ref().map_or(std::ptr::null(), Tensor::as_ptr))
                .collect()
        });
        if before.as_ref().is_some_and(|list| list.len() != self.count) {
            return Err(format!("expected {} earlier gradients", self.count));
        }
        let mut out: Vec<*mut C_tensor> = vec![std::ptr::null_mut(); self.count];
        // SAFETY: the loss, if there is one, the list and its tensors live through the call, the list has an entry
        // for every parameter or is null, and `out` has room for every parameter.
        let done = check(unsafe {
            sf_reducer_backward(
                out.as_mut_ptr(),
                self.pointer,
                loss.map_or(std::ptr::null(), Tensor::as_ptr),
                before.as_ref().map_or(std::ptr::null(), Vec::as_ptr),
            )
        });
        self.health.noting(done)?;
        let take = |tensor: *mut C_tensor| {
            // SAFETY: no message means that every entry is null or a new tensor that nobody else owns.
            (!tensor.is_null()).then(|| unsafe { Tensor::from_ptr(tensor) })
        };
        Ok(out.into_iter().map(take).collect())
    }
}

impl Drop for Reducer {
    fn drop(&mut self) {
        // SAFETY: nobody else owns the reducer.
        unsafe { sf_reducer_free(self.pointer) }
    }
}
