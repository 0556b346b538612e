//! Any bytes as a file with class names: an error, or as many classes as the network has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_fuzz::with_file;

#[path = "../../crates/seqformer-cli/src/class_names.rs"]
#[allow(dead_code, unreachable_pub, reason = "one file of the command, which does not need the rest of it")]
mod class_names;

fuzz_target!(|bytes: &[u8]| {
    with_file("classes", bytes, |path| {
        for num_classes in [1, 2, 40] {
            if let Ok(classes) = class_names::read(path, num_classes) {
                assert_eq!(classes.len(), num_classes);
            }
        }
    });
});
