//! Properties of a GPU: its memory, its capabilities, the precision of its products, and timing.
//!
//! The functions are in `libseqformer_cuda`, which is opened with libtorch's CUDA part; without a GPU every one of them
//! returns an error that says what is missing.

use seqformer_libtorch::OpsError;

use crate::binding;
pub use crate::binding::DeviceMemory;

/// A GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its product name.
    pub name: String,
    /// Compute capability, as in (9, 0).
    pub capability: (i32, i32),
}

impl Card {
    /// Whether its tensor cores multiply `bf16` and TF32: from capability 8.0 on.
    pub fn has_bf16(&self) -> bool {
        self.capability.0 >= 8
    }
}

fn torch(operation: &'static str) -> impl Fn(String) -> OpsError {
    move |message| {
        // The following lines of the runtime are advice for programmers.
        let message = message.lines().next().unwrap_or_default().to_owned();
        OpsError::Torch { operation, message }
    }
}

/// The memory of GPU number `device`.
///
/// # Errors
///
/// If there is no such GPU.
pub fn memory(device: usize) -> Result<DeviceMemory, OpsError> {
    binding::memory(device).map_err(torch("memory of the GPU"))
}

/// Resets the peaks of memory to what is in use now.
///
/// # Errors
///
/// If there is no such GPU.
pub fn forget_peak(device: usize) -> Result<(), OpsError> {
    binding::forget_peak(device).map_err(torch("memory of the GPU"))
}

/// Returns memory that libtorch keeps for later tensors to the driver.
///
/// # Errors
///
/// If there is no GPU.
pub fn empty_cache() -> Result<(), OpsError> {
    binding::empty_cache().map_err(torch("memory of the GPU"))
}

/// Limits the memory of all tensors on a GPU; beyond it, libtorch reports that memory has run out.
///
/// # Errors
///
/// If there is no such GPU.
pub fn limit_memory(device: usize, bytes: u64) -> Result<(), OpsError> {
    binding::limit_memory(device, bytes).map_err(torch("limit of the GPU's memory"))
}

/// The name and capability of GPU number `device`.
///
/// # Errors
///
/// If there is no such GPU.
pub fn card(device: usize) -> Result<Card, OpsError> {
    let (capability, name) = binding::card(device).map_err(torch("the GPU"))?;
    Ok(Card { name, capability })
}

/// Computes products and convolutions of `f32` numbers in TF32 (10 bits of mantissa), or never in TF32, until this value is
/// dropped.
///
/// The setting belongs to the process. libtorch's own is TF32 in convolutions and not in products.
#[derive(Debug)]
#[must_use = "the setting ends with this value"]
pub struct Tf32Scope {
    before: i32,
}

impl Tf32Scope {
    /// Begins the setting.
    ///
    /// # Errors
    ///
    /// If `libseqformer_cuda` is missing.
    pub fn begin(allowed: bool) -> Result<Self, OpsError> {
        const BOTH: i32 = 3;
        let before = binding::set_tf32(if allowed { BOTH } else { 0 });
        Ok(Self { before: before.map_err(torch("precision of the GPU"))? })
    }
}

impl Drop for Tf32Scope {
    fn drop(&mut self) {
        // It could be set before, so it can be set again.
        drop(binding::set_tf32(self.before));
    }
}

/// Where TF32 is allowed now.
///
/// # Errors
///
/// If `libseqformer_cuda` is missing.
pub fn tf32() -> Result<Tf32, OpsError> {
    let allowed = binding::tf32().map_err(torch("precision of the GPU"))?;
    Ok(Tf32 { products: allowed & 1 != 0, convolutions: allowed & 2 != 0 })
}

/// See [`tf32`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tf32 {
    /// In products of matrices, by cuBLAS.
    pub products: bool,
    /// In convolutions, by cuDNN.
    pub convolutions: bool,
}

/// How cuDNN chooses the algorithms of convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CudnnChoice {
    /// By its heuristics, at once.
    Heuristics,
    /// By trying all of them on every new size, which takes seconds for a network.
    Trial,
}

/// How cuDNN chooses algorithms, until this value is dropped.
///
/// The setting belongs to the process. libtorch keeps the algorithm of a size, however it was chosen, so a later trial
/// of the same size would find that of the heuristics. For deterministic algorithms it has an entry of its own,
/// another one: here heuristics choose among deterministic ones, and trials among all.
#[derive(Debug)]
#[must_use = "the setting ends with this value"]
pub struct CudnnScope {
    before: i32,
}

impl CudnnScope {
    /// Begins the setting.
    ///
    /// # Errors
    ///
    /// If `libseqformer_cuda` is missing.
    pub fn begin(choice: CudnnChoice) -> Result<Self, OpsError> {
        let choice = match choice {
            CudnnChoice::Trial => TRIAL,
            CudnnChoice::Heuristics => DETERMINISTIC,
        };
        Ok(Self { before: binding::set_cudnn(choice).map_err(torch("choice of algorithms"))? })
    }
}

impl Drop for CudnnScope {
    fn drop(&mut self) {
        // It could be set before, so it can be set again.
        drop(binding::set_cudnn(self.before));
    }
}

/// Bits of `sf_cuda_set_cudnn`.
const TRIAL: i32 = 1;
const DETERMINISTIC: i32 = 2;

/// How cuDNN chooses now.
///
/// # Errors
///
/// If `libseqformer_cuda` is missing.
pub fn cudnn() -> Result<Cudnn, OpsError> {
    let choice = binding::cudnn().map_err(torch("choice of algorithms"))?;
    Ok(Cudnn { tries: choice & TRIAL != 0, is_deterministic: choice & DETERMINISTIC != 0 })
}

/// See [`cudnn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cudnn {
    /// Algorithms are chosen by trial.
    pub tries: bool,
    /// Only those are allowed that always give the same numbers.
    pub is_deterministic: bool,
}

/// Measures the time that work takes on a GPU's stream, without the time to launch it.
#[derive(Debug)]
pub struct Timer(binding::Timer);

impl Timer {
    /// Starts the measurement after the work that is already on the stream.
    ///
    /// # Errors
    ///
    /// If there is no such GPU.
    pub fn start(device: usize) -> Result<Self, OpsError> {
        binding::Timer::start(device).map(Self).map_err(torch("clock of the GPU"))
    }

    /// Waits for the stream, and returns the seconds since the start.
    ///
    /// # Errors
    ///
    /// If work on the GPU has failed.
    pub fn stop(self) -> Result<f64, OpsError> {
        Ok(self.0.stop().map_err(torch("clock of the GPU"))? / 1e3)
    }
}
