use std::process::{Command, Output};

use tch::{Device, Kind, Tensor};

use crate::runtime::{GUARD_VARIABLE, keep_freed_memory};

/// Says which access the child process makes.
const ACCESS_VARIABLE: &str = "SEQFORMER_TEST_ACCESS";
/// Not a multiple of the alignment, so that some bytes behind the block are no guard page.
const BYTES: usize = (1 << 20) + 24;

/// Runs this test program again with guarded blocks and one access.
fn child(access: &str) -> Output {
    let test = "pool::pages::tests::one_access_in_a_process_of_its_own";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(GUARD_VARIABLE, "1")
        .env(ACCESS_VARIABLE, access)
        .output()
        .unwrap()
}

#[test]
fn accesses_inside_a_guarded_block_are_fine() {
    let output = child("inside");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_access_outside_of_a_guarded_block_ends_the_process() {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGABRT: i32 = 6;
    const SIGSEGV: i32 = 11;
    let cases = [
        ("just behind", SIGABRT, "a write behind a block of 1048600 bytes, at offset 1048600"),
        ("just before", SIGABRT, "a write before a block of 1048600 bytes, at offset -1"),
        ("behind", SIGSEGV, ""),
        ("before", SIGSEGV, ""),
        ("read behind", SIGSEGV, ""),
        ("read after free", SIGSEGV, ""),
    ];
    for (access, signal, message) in cases {
        let output = child(access);
        assert_eq!(output.status.signal(), Some(signal), "{access}: {output:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(message), "{access}: {errors}");
    }
}

#[test]
#[ignore = "the child process of the tests above"]
fn one_access_in_a_process_of_its_own() {
    keep_freed_memory();
    let tensor = Tensor::zeros([BYTES as i64], (Kind::Uint8, Device::Cpu));
    let start = tensor.data_ptr().cast::<u8>();
    let (offset, is_write) = match std::env::var(ACCESS_VARIABLE).unwrap().as_str() {
        "inside" => (BYTES as isize - 1, true),
        "just behind" => (BYTES as isize, true),
        "just before" => (-1, true),
        "behind" => (BYTES as isize + 64, true),
        "before" => (-4096, true),
        "read behind" => (BYTES as isize + 64, false),
        "read after free" => {
            drop(tensor);
            // SAFETY: it is not: the block was freed. The guard ends the process here.
            unsafe { start.read_volatile() };
            return;
        }
        other => panic!("no such access: {other}"),
    };
    let place = start.wrapping_offset(offset);
    if is_write {
        // SAFETY: inside the tensor; elsewhere it is not, and the guard ends the process.
        unsafe { place.write_volatile(1) };
    } else {
        // SAFETY: as above.
        unsafe { place.read_volatile() };
    }
    drop(tensor);
}
