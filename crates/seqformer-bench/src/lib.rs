//! References for the benchmark: how many operations the network takes, counted from its sizes, and the peak rates of a
//! machine, measured.
//!
//! ```
//! use seqformer_bench::{MachineRates, MachineSizes};
//! use tch::Device;
//!
//! // Small, so that it ends soon; `MachineSizes::of` is large enough for steady rates.
//! let sizes = MachineSizes { matrix: 64, memory: 1 << 20 };
//! let rates = MachineRates::measure(Device::Cpu, sizes);
//! assert!(rates.matmul_f32_flops > 0.0);
//! ```

#![forbid(unsafe_code)]

mod arithmetic;
mod machine;

pub use arithmetic::{NetworkWork, StageWork, Workload};
pub use machine::{MachineRates, MachineSizes};
