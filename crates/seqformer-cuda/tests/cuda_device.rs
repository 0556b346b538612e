//! The part for GPUs where there is no GPU: it opens, all its functions are found, and it says what is missing.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

use seqformer_cuda::device::{
    self, Cudnn, CudnnChoice, CudnnScope, Tf32, Tf32Scope, Timer, cudnn, tf32,
};
use seqformer_cuda::graph::GraphPool;
use seqformer_cuda::transfer::Upload;
use tch::{Device, Kind, Tensor};

#[test]
fn without_a_gpu_every_function_is_an_error_that_says_so() {
    if option_env!("SEQFORMER_CUDA_LIBRARY").is_none() {
        let error = device::memory(0).unwrap_err().to_string();
        assert!(error.contains("make setup"), "{error}");
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!is_ci, "{error}");
        eprintln!("skipped: {error}");
        return;
    }
    // The precision is a setting of libtorch alone. It comes back.
    let own = tf32().unwrap();
    assert_eq!(own, Tf32 { products: false, convolutions: true });
    for allowed in [true, false] {
        let scope = Tf32Scope::begin(allowed).unwrap();
        assert_eq!(tf32().unwrap(), Tf32 { products: allowed, convolutions: allowed });
        drop(scope);
        assert_eq!(tf32().unwrap(), own);
    }
    // As is the choice of algorithms, which differs in two settings, so that trials do not find those of heuristics.
    let own = cudnn().unwrap();
    assert_eq!(own, Cudnn { tries: false, is_deterministic: false });
    for (choice, tries) in [(CudnnChoice::Trial, true), (CudnnChoice::Heuristics, false)] {
        let scope = CudnnScope::begin(choice).unwrap();
        assert_eq!(cudnn().unwrap(), Cudnn { tries, is_deterministic: !tries });
        drop(scope);
        assert_eq!(cudnn().unwrap(), own);
    }
    if tch::Cuda::is_available() {
        return;
    }
    let host = Tensor::zeros([2, 3], (Kind::Uint8, Device::Cpu));
    let errors = [
        device::memory(0).unwrap_err(),
        device::forget_peak(0).unwrap_err(),
        device::limit_memory(0, 1 << 30).unwrap_err(),
        device::card(0).unwrap_err(),
        Timer::start(0).unwrap_err(),
        GraphPool::new(Device::Cuda(0)).unwrap_err(),
        Upload::start(&host, Device::Cuda(0)).unwrap_err(),
    ];
    for error in errors {
        let error = error.to_string();
        let found = ["GPU", "driver", "CUDA"].iter().any(|word| error.contains(word));
        assert!(found && !error.contains("symbol"), "the reason is named: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
