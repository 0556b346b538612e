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
fn a_device_without_memory_is_an_error_with_advice() {
    let fail = || {
        let words = "CUDA out of memory. Tried to allocate 1 GiB".to_owned();
        let failed: Result<(), _> = std::iter::once(Err(tch::TchError::Torch(words))).collect();
        failed.unwrap();
    };
    let error = out_of_memory("masks", fail).unwrap_err().to_string();
    assert!(error.starts_with("the device has no memory left for masks: CUDA out of"), "{error}");
    assert!(error.contains("INPUT.MIN_SIZE_TEST") && error.contains("--max-memory"), "{error}");
}
