//! Any bytes as a checkpoint: a value or an error, but no panic, and no memory out of proportion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_checkpoint::key_map::{to_original, to_vnext};
use seqformer_checkpoint::weights::{Architecture, inspect};
use seqformer_checkpoint::{read, read_bytes, read_tree};
use seqformer_fuzz::with_file;

fuzz_target!(|bytes: &[u8]| {
    let from_memory = read_bytes(bytes.to_vec());
    with_file("checkpoint", bytes, |path| {
        assert_eq!(read(path).is_ok(), from_memory.is_ok(), "a file reads as its bytes do");
        let _tree = read_tree(path);
        let _inspection = inspect(path);
    });
    let Ok(state) = from_memory else { return };
    let Ok(mapping) = to_vnext(state, None) else { return };
    let _network = Architecture::of(&mapping.state);
    let _original = to_original(&mapping.state);
});
