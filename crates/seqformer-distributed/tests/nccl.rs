//! NCCL where there is no GPU.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

use std::time::Duration;

use seqformer_distributed::{Member, ProcessGroup, Store};

const TIMEOUT: Duration = Duration::from_mins(1);

#[test]
fn without_a_gpu_nccl_is_an_error_that_says_what_is_missing() {
    let store = Store::serve(0, TIMEOUT).unwrap();
    let member = Member { rank: 0, world_size: 1 };
    match ProcessGroup::nccl(&store, member, 0, TIMEOUT) {
        Ok(group) => assert!(tch::Cuda::is_available() && group.member() == member),
        Err(error) => {
            let error = error.to_string();
            assert!(!tch::Cuda::is_available(), "{error}");
            assert!(error.starts_with("joining the group of processes (NCCL): "), "{error}");
            let found = ["GPU", "driver", "CUDA", "header"].iter().any(|word| error.contains(word));
            assert!(found, "the reason is named: {error}");
            if let Err(reason) = seqformer_cuda::library::path() {
                // libtorch is for CPUs alone, or its headers were missing: then no group was begun.
                assert!(error.contains(&reason), "{error}");
                eprintln!("skipped: {reason}");
                return;
            }
            // Read by NCCL's groups when they are made.
            let waiting = std::env::var("TORCH_NCCL_BLOCKING_WAIT");
            assert_eq!(waiting.as_deref(), Ok("1"));
        }
    }
}
