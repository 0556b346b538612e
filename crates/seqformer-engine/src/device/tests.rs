use super::*;

#[test]
fn a_device_without_memory_is_an_error_with_advice() {
    let fail = || {
        let words = "CUDA out of memory. Tried to allocate 1 GiB".to_owned();
        let failed: Result<(), _> = std::iter::once(Err(tch::TchError::Torch(words))).collect();
        failed.unwrap();
    };
    let error = out_of_memory("masks", fail).unwrap_err().to_string();
    assert!(error.starts_with("the device ran out of memory for masks: CUDA out of"), "{error}");
    assert!(error.contains("INPUT.MIN_SIZE_TEST") && error.contains("--max-memory"), "{error}");
}
