//! The CUDA kernels where they belong, on a GPU; where there is none, that all of it but the GPU is there.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

use seqformer_ops::cuda_attention;

#[test]
fn kernels_are_right_on_a_gpu_and_without_one_the_driver_is_what_is_missing() {
    match cuda_attention::prepare(0) {
        Ok(()) => assert!(tch::Cuda::is_available()),
        Err(error) => {
            let error = error.to_string();
            assert!(!tch::Cuda::is_available(), "{error}");
            assert!(error.starts_with("preparing the CUDA kernels: "), "{error}");
            let found = ["GPU", "driver", "CUDA", "header"].iter().any(|word| error.contains(word));
            assert!(found, "the reason is named: {error}");
            eprintln!("not run on a GPU: {error}");
        }
    }
}
