//! Devices where there is no GPU.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

use std::path::Path;

use seqformer_engine::{Device, DeviceChoice, open_device};

#[test]
fn without_a_driver_cuda_is_an_error_and_auto_is_the_cpu() {
    if ["/dev/nvidiactl", "/dev/dxg"].iter().any(|file| Path::new(file).exists()) {
        return; // Then both give the GPU.
    }
    let message = open_device(DeviceChoice::Cuda(0)).unwrap_err().to_string();
    assert!(message.contains("cuda:0") && message.contains("--device cpu"), "{message}");
    assert_eq!(open_device(DeviceChoice::Auto).unwrap(), Device::Cpu);
}
