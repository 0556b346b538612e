//! The functions of `libseqformer_cuda`: found once, when a GPU is used for the first time.

pub(crate) mod graph;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

use seqformer_libtorch::{Message, check, find_symbol};
use tch::Tensor;
use torch_sys::C_tensor;

use crate::library;

/// Objects of the library, only ever used behind pointers.
#[repr(C)]
struct SfTimer(c_void);
#[repr(C)]
struct SfUpload(c_void);
#[repr(C)]
struct SfDownload(c_void);

#[repr(C)]
struct SfGraphPool(c_void);
#[repr(C)]
struct SfGraph(c_void);

/// Work that the library calls; any result except 0 means that it failed.
type Body = extern "C" fn(*mut c_void) -> c_int;

/// Memory of a GPU, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct DeviceMemory {
    /// Used by tensors.
    pub allocated: i64,
    /// The peak of `allocated` since [`crate::device::forget_peak`].
    pub peak_allocated: i64,
    /// Reserved by libtorch, for existing and for later tensors.
    pub reserved: i64,
    /// The peak of `reserved` since [`crate::device::forget_peak`].
    pub peak_reserved: i64,
    /// Not used by any program.
    pub free: i64,
    /// Memory of the GPU.
    pub total: i64,
}

impl DeviceMemory {
    /// Memory for further tensors: what is free, and what libtorch has reserved and does not use.
    pub fn available(&self) -> u64 {
        u64::try_from(self.free + self.reserved - self.allocated).unwrap_or(0)
    }
}

/// Finds functions by name; their types are those in `cpp`.
macro_rules! functions {
    ($($name:ident: $kind:ty,)*) => {
        struct Functions {
            $($name: $kind,)*
        }

        impl Functions {
            fn find() -> Result<Self, String> {
                let path = library::path()?;
                Ok(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        let name = CStr::from_bytes_with_nul(name.as_bytes())
                            .map_err(|_zero| "a name holds a zero byte".to_owned())?;
                        let symbol = find_symbol(&path, name)?;
                        // SAFETY: the library is ours, built with this crate, and its function has this type.
                        unsafe { std::mem::transmute::<*mut c_void, $kind>(symbol) }
                    },)*
                })
            }
        }
    };
}

functions! {
    sf_cuda_memory: unsafe extern "C" fn(*mut DeviceMemory, c_int) -> Message,
    sf_cuda_forget_peak: unsafe extern "C" fn(c_int) -> Message,
    sf_cuda_empty_cache: unsafe extern "C" fn() -> Message,
    sf_cuda_limit_memory: unsafe extern "C" fn(c_int, i64) -> Message,
    sf_cuda_card: unsafe extern "C" fn(*mut c_int, *mut c_int, *mut c_char, i64, c_int) -> Message,
    sf_cuda_set_tf32: unsafe extern "C" fn(*mut c_int, c_int) -> Message,
    sf_cuda_set_cudnn: unsafe extern "C" fn(*mut c_int, c_int) -> Message,
    sf_cuda_timer_start: unsafe extern "C" fn(*mut *mut SfTimer, c_int) -> Message,
    sf_cuda_timer_stop: unsafe extern "C" fn(*mut f64, *mut SfTimer) -> Message,
    sf_cuda_timer_free: unsafe extern "C" fn(*mut SfTimer),
    sf_cuda_pinned: unsafe extern "C" fn(*mut *mut C_tensor, i64, c_int) -> Message,
    sf_cuda_upload: unsafe extern "C" fn(*mut *mut SfUpload, *const C_tensor, c_int) -> Message,
    sf_cuda_upload_take: unsafe extern "C" fn(*mut *mut C_tensor, *mut SfUpload) -> Message,
    sf_cuda_upload_wait: unsafe extern "C" fn(*mut SfUpload) -> Message,
    sf_cuda_upload_free: unsafe extern "C" fn(*mut SfUpload),
    sf_cuda_download: unsafe extern "C" fn(*mut *mut SfDownload, *const C_tensor) -> Message,
    sf_cuda_download_wait: unsafe extern "C" fn(*mut *mut C_tensor, *mut SfDownload) -> Message,
    sf_cuda_download_free: unsafe extern "C" fn(*mut SfDownload),
    sf_cuda_graph_pool_new: unsafe extern "C" fn(*mut *mut SfGraphPool, c_int) -> Message,
    sf_cuda_graph_pool_free: unsafe extern "C" fn(*mut SfGraphPool),
    sf_cuda_graph_warm_up: unsafe extern "C" fn(*mut SfGraphPool, Body, *mut c_void) -> Message,
    sf_cuda_graph_capture:
        unsafe extern "C" fn(*mut *mut SfGraph, *mut SfGraphPool, Body, *mut c_void) -> Message,
    sf_cuda_graph_replay: unsafe extern "C" fn(*mut SfGraph) -> Message,
    sf_cuda_graph_free: unsafe extern "C" fn(*mut SfGraph),
}

/// The functions, or why there are none.
fn functions() -> Result<&'static Functions, String> {
    static FUNCTIONS: OnceLock<Result<Functions, String>> = OnceLock::new();
    FUNCTIONS.get_or_init(Functions::find).as_ref().map_err(Clone::clone)
}

/// Whether the library exists.
pub(crate) fn is_here() -> bool {
    functions().is_ok()
}

/// Takes ownership of a tensor that the library made.
fn tensor(made: impl FnOnce(*mut *mut C_tensor) -> Message) -> Result<Tensor, String> {
    let mut out = std::ptr::null_mut();
    check(made(&raw mut out))?;
    // SAFETY: no message means that a new tensor was stored, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// See [`crate::device::memory`].
pub(crate) fn memory(device: usize) -> Result<DeviceMemory, String> {
    let mut found = DeviceMemory::default();
    // SAFETY: the result is writable and of the layout that is written.
    check(unsafe { (functions()?.sf_cuda_memory)(&raw mut found, device as c_int) })?;
    Ok(found)
}

/// See [`crate::device::forget_peak`].
pub(crate) fn forget_peak(device: usize) -> Result<(), String> {
    // SAFETY: the call takes a number.
    check(unsafe { (functions()?.sf_cuda_forget_peak)(device as c_int) })
}

/// See [`crate::device::empty_cache`].
pub(crate) fn empty_cache() -> Result<(), String> {
    // SAFETY: the call takes nothing, and frees what no tensor uses.
    check(unsafe { (functions()?.sf_cuda_empty_cache)() })
}

/// See [`crate::device::limit_memory`].
pub(crate) fn limit_memory(device: usize, bytes: u64) -> Result<(), String> {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    // SAFETY: the call takes numbers.
    check(unsafe { (functions()?.sf_cuda_limit_memory)(device as c_int, bytes) })
}

/// The compute capability and name of a GPU.
pub(crate) fn card(device: usize) -> Result<((i32, i32), String), String> {
    let (mut major, mut minor, mut name) = (0, 0, [0_u8; 256]);
    // SAFETY: the numbers and the name are writable, and the name has the length that is said.
    check(unsafe {
        (functions()?.sf_cuda_card)(
            &raw mut major,
            &raw mut minor,
            name.as_mut_ptr().cast(),
            name.len() as i64,
            device as c_int,
        )
    })?;
    let name = CStr::from_bytes_until_nul(&name).map_err(|error| error.to_string())?;
    Ok(((major, minor), name.to_string_lossy().into_owned()))
}

/// Allows TF32 in products (bit 0) and convolutions (bit 1); returns the previous setting.
pub(crate) fn set_tf32(allowed: i32) -> Result<i32, String> {
    let mut before = 0;
    // SAFETY: the result is writable.
    check(unsafe { (functions()?.sf_cuda_set_tf32)(&raw mut before, allowed) })?;
    Ok(before)
}

/// Where TF32 is allowed, as in [`set_tf32`].
pub(crate) fn tf32() -> Result<i32, String> {
    const LEAVE: i32 = -1;
    set_tf32(LEAVE)
}

/// Lets cuDNN try its algorithms (bit 0), only deterministic ones (bit 1); returns the previous setting.
pub(crate) fn set_cudnn(choice: i32) -> Result<i32, String> {
    let mut before = 0;
    // SAFETY: the result is writable.
    check(unsafe { (functions()?.sf_cuda_set_cudnn)(&raw mut before, choice) })?;
    Ok(before)
}

/// How cuDNN chooses, as in [`set_cudnn`].
pub(crate) fn cudnn() -> Result<i32, String> {
    const LEAVE: i32 = -1;
    set_cudnn(LEAVE)
}

/// See [`crate::device::Timer`].
#[derive(Debug)]
pub(crate) struct Timer(*mut SfTimer);

impl Timer {
    pub(crate) fn start(device: usize) -> Result<Self, String> {
        let mut timer = std::ptr::null_mut();
        // SAFETY: the result is writable.
        check(unsafe { (functions()?.sf_cuda_timer_start)(&raw mut timer, device as c_int) })?;
        Ok(Self(timer))
    }

    pub(crate) fn stop(&self) -> Result<f64, String> {
        let mut milliseconds = 0.0;
        // SAFETY: the timer lives as long as this value, and the result is writable.
        check(unsafe { (functions()?.sf_cuda_timer_stop)(&raw mut milliseconds, self.0) })?;
        Ok(milliseconds)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Ok(functions) = functions() {
            // SAFETY: nobody else owns the timer.
            unsafe { (functions.sf_cuda_timer_free)(self.0) }
        }
    }
}

/// Pinned memory, `[bytes]` of `u8`.
pub(crate) fn pinned(bytes: i64, device: usize) -> Result<Tensor, String> {
    let make = functions()?.sf_cuda_pinned;
    // SAFETY: the place of the result is writable.
    tensor(|out| unsafe { make(out, bytes, device as c_int) })
}

/// See [`crate::transfer::Upload`].
#[derive(Debug)]
pub(crate) struct Upload(*mut SfUpload);

impl Upload {
    pub(crate) fn start(host: &Tensor, device: usize) -> Result<Self, String> {
        let mut upload = std::ptr::null_mut();
        let start = functions()?.sf_cuda_upload;
        // SAFETY: the tensor lives through the call, and the result is writable.
        check(unsafe { start(&raw mut upload, host.as_ptr(), device as c_int) })?;
        Ok(Self(upload))
    }

    /// The tensor and, until it is dropped, the event behind its copy.
    pub(crate) fn take(self) -> Result<(Tensor, Copied), String> {
        let take = functions()?.sf_cuda_upload_take;
        // SAFETY: the upload lives as long as this value, and the place of the result is writable.
        let tensor = tensor(|out| unsafe { take(out, self.0) })?;
        Ok((tensor, Copied(self)))
    }
}

/// A copy whose tensor was taken.
#[derive(Debug)]
pub(crate) struct Copied(Upload);

impl Copied {
    /// Waits until the host's memory has been read.
    pub(crate) fn wait(&self) -> Result<(), String> {
        // SAFETY: the upload lives as long as this value.
        check(unsafe { (functions()?.sf_cuda_upload_wait)(self.0.0) })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Ok(functions) = functions() {
            // SAFETY: nobody else owns the upload.
            unsafe { (functions.sf_cuda_upload_free)(self.0) }
        }
    }
}

/// See [`crate::transfer::Download`].
#[derive(Debug)]
pub(crate) struct Download(*mut SfDownload);

impl Download {
    pub(crate) fn start(on_device: &Tensor) -> Result<Self, String> {
        let mut download = std::ptr::null_mut();
        let start = functions()?.sf_cuda_download;
        // SAFETY: the tensor lives through the call, and the result is writable.
        check(unsafe { start(&raw mut download, on_device.as_ptr()) })?;
        Ok(Self(download))
    }

    pub(crate) fn wait(self) -> Result<Tensor, String> {
        let wait = functions()?.sf_cuda_download_wait;
        // SAFETY: the download lives as long as this value, and the place of the result is writable.
        tensor(|out| unsafe { wait(out, self.0) })
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if let Ok(functions) = functions() {
            // SAFETY: nobody else owns the download.
            unsafe { (functions.sf_cuda_download_free)(self.0) }
        }
    }
}
