//! Which modules are loaded on which GPU, and whether attention passed its check there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use seqformer_libtorch::ms_deform_attn::Kernels;
use tch::Device;

use super::binding;
use super::modules::{
    ADD_NORM, ATTENTION_BACKWARD, ATTENTION_FORWARD, CONV_EPILOGUE, DYNAMIC_MASKS, HEADERS, Module,
    NORMALIZE_FRAMES, PACK_MASKS,
};
use crate::{fallbacks, library, nvrtc};

/// The result of loading a module, by the number of the GPU and the name of the source.
type Loaded = BTreeMap<(usize, &'static str), Result<(), String>>;

static LOADED: Mutex<Loaded> = Mutex::new(BTreeMap::new());
/// The kernels of attention by the number of the GPU and the passes, or why there are none.
type Attention = BTreeMap<(usize, Passes), Result<&'static Kernels, String>>;

static ATTENTION: Mutex<Attention> = Mutex::new(BTreeMap::new());

/// A thread that panicked has only failed to enter its result.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why our kernels cannot be used on a GPU.
#[derive(Debug)]
enum Missing {
    /// A later call may succeed: nothing can be loaded while a graph is being captured.
    ForNow,
    /// They cannot be compiled or loaded.
    Forever(String),
}

impl Missing {
    fn into_reason(self) -> String {
        match self {
            Self::Forever(reason) => reason,
            Self::ForNow => {
                "kernels cannot be loaded while a graph is captured; run the work once before"
                    .to_owned()
            }
        }
    }
}

/// Compiles, loads and checks a module, once for each GPU.
///
/// # Errors
///
/// The reason, the same at every call.
pub(super) fn load(device: usize, module: &'static Module) -> Result<(), String> {
    try_load(device, module).map_err(Missing::into_reason)
}

fn try_load(device: usize, module: &'static Module) -> Result<(), Missing> {
    let mut loaded = lock(&LOADED);
    let key = (device, module.source.name);
    if let Some(result) = loaded.get(&key) {
        return result.clone().map_err(Missing::Forever);
    }
    let result = load_now(device, module);
    match &result {
        Ok(()) => drop(loaded.insert(key, Ok(()))),
        Err(Missing::Forever(reason)) => drop(loaded.insert(key, Err(reason.clone()))),
        Err(Missing::ForNow) => {}
    }
    result
}

fn load_now(device: usize, module: &'static Module) -> Result<(), Missing> {
    let path = library::path().map_err(Missing::Forever)?;
    let properties = binding::properties(&path, device).map_err(Missing::Forever)?;
    if properties.is_capturing {
        return Err(Missing::ForNow);
    }
    let compiled = nvrtc::compile_once(module.source, &HEADERS, properties.architecture);
    let compiled = compiled.map_err(Missing::Forever)?;
    tracing::debug!("{} for GPU {device}: {}", module.source.name, compiled.log);
    binding::load(&path, device, &compiled.binary, module.kernels).map_err(Missing::Forever)?;
    let check = || module.check.map_or(Ok(()), |check| check(&path, Device::Cuda(device)));
    tch::no_grad(check).map_err(Missing::Forever)
}

/// The passes for which the kernels of attention are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passes {
    /// Outputs only.
    Forward,
    /// Also gradients.
    ForwardAndBackward,
}

/// Compares the kernels of attention on a device with the expected results; describes differences.
pub type AttentionCheck = fn(Device, &'static Kernels, Passes) -> Result<(), String>;

/// The kernels of attention on a GPU; only `passes` may be run. `None`, after one warning, if they cannot be loaded or fail
/// `check`, which runs once for each GPU and kind of passes.
pub fn attention(device: usize, passes: Passes, check: AttentionCheck) -> Option<&'static Kernels> {
    checked_attention(device, passes, check).ok()
}

/// Loads all modules on a GPU.
///
/// # Errors
///
/// The reason why a kernel cannot be used.
pub(super) fn load_all(device: usize, check: AttentionCheck) -> Result<(), String> {
    for module in [&DYNAMIC_MASKS, &PACK_MASKS, &NORMALIZE_FRAMES, &CONV_EPILOGUE, &ADD_NORM] {
        load(device, module)?;
    }
    let passes = Passes::ForwardAndBackward;
    checked_attention(device, passes, check).map(drop).map_err(Missing::into_reason)
}

fn checked_attention(
    device: usize,
    passes: Passes,
    check: AttentionCheck,
) -> Result<&'static Kernels, Missing> {
    let mut checked = lock(&ATTENTION);
    if let Some(result) = checked.get(&(device, passes)) {
        return result.clone().map_err(Missing::Forever);
    }
    let result = load_attention(device, passes, check);
    match &result {
        Ok(kernels) => drop(checked.insert((device, passes), Ok(*kernels))),
        Err(Missing::ForNow) => {}
        Err(Missing::Forever(reason)) => {
            fallbacks::warn(format!(
                "attention on GPU {device} runs as plain tensor operations, which take more memory: {reason}"
            ));
            drop(checked.insert((device, passes), Err(reason.clone())));
        }
    }
    result
}

fn load_attention(
    device: usize,
    passes: Passes,
    check: AttentionCheck,
) -> Result<&'static Kernels, Missing> {
    try_load(device, &ATTENTION_FORWARD)?;
    if passes == Passes::ForwardAndBackward {
        try_load(device, &ATTENTION_BACKWARD)?;
    }
    let path = library::path().map_err(Missing::Forever)?;
    let kernels = binding::attention_kernels(&path).map_err(Missing::Forever)?;
    check(Device::Cuda(device), kernels, passes).map_err(Missing::Forever)?;
    Ok(kernels)
}
