use super::*;

/// As `tch` panics when libtorch throws.
fn fail(words: &str) {
    let words = format!("{words}. Tried to allocate 2.00 GiB\nframe #0: start");
    let failed: Result<(), _> = std::iter::once(Err(tch::TchError::Torch(words))).collect();
    failed.unwrap();
}

#[test]
fn a_panic_about_memory_is_an_error_that_says_only_that() {
    for words in WORDS {
        let error = catch_out_of_memory(|| fail(words)).unwrap_err();
        assert_eq!(error.to_string(), format!("{words}. Tried to allocate 2.00 GiB"));
    }
    assert_eq!(catch_out_of_memory(|| 7), Ok(7));
}

#[test]
fn every_other_panic_goes_on() {
    let panic = catch_unwind(|| {
        let _caught = catch_out_of_memory(|| std::panic::panic_any("no such column"));
    });
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"no such column"));
    assert_eq!(catch_all(|| std::panic::panic_any("no such row")).unwrap_err(), "no such row");
    assert_eq!(SILENCE.get(), Silence::Nothing);
}

#[test]
fn messages_of_other_failures_are_not_about_the_memory_of_a_device() {
    for text in ["", "CUDA error: an illegal memory access was encountered", "out of disk"] {
        assert!(!is_out_of_memory(text) && OutOfMemory::of(text).is_none(), "{text}");
    }
    // The memory of the host is not freed by fewer frames on a device.
    assert!(!is_out_of_memory("DefaultCPUAllocator: can't allocate memory"));
}

#[test]
fn gradients_are_recorded_again_after_a_panic() {
    for has_gradients in [true, false] {
        let before = grad_mode::set(has_gradients);
        let failed = catch_out_of_memory(|| tch::no_grad(|| fail(WORDS[0])));
        assert!(failed.is_err() && grad_mode::get() == has_gradients);
        grad_mode::set(before);
    }
}
