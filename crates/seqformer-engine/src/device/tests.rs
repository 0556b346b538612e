use super::*;

#[test]
fn devices_are_read_and_written() {
    let cases = [
        ("auto", Some(DeviceChoice::Auto)),
        ("cpu", Some(DeviceChoice::Cpu)),
        ("cuda", Some(DeviceChoice::Cuda(0))),
        ("cuda:3", Some(DeviceChoice::Cuda(3))),
        ("cuda:", None),
        ("cuda:-1", None),
        ("gpu", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse().ok(), expected, "{text:?}");
        if let Some(choice) = expected {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
    }
}

#[test]
fn without_a_driver_cuda_is_an_error_and_auto_is_the_cpu() {
    if DRIVER_FILES.iter().any(|file| Path::new(file).exists()) {
        return; // Then both give the GPU.
    }
    assert_eq!(open_device(DeviceChoice::Auto).unwrap(), Device::Cpu);
    let message = open_device(DeviceChoice::Cuda(0)).unwrap_err().to_string();
    assert!(message.contains("cuda:0") && message.contains("--device cpu"), "{message}");
}
