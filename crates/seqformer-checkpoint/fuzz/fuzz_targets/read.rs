//! Any bytes as a checkpoint: a value or an error, but no panic, and no memory out of proportion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_checkpoint::key_map::{to_original, to_vnext};
use seqformer_checkpoint::read_bytes;
use seqformer_checkpoint::weights::Architecture;

fuzz_target!(|bytes: &[u8]| {
    let Ok(state) = read_bytes(bytes.to_vec()) else { return };
    let Ok(mapping) = to_vnext(state, None) else { return };
    let _network = Architecture::of(&mapping.state);
    let _original = to_original(&mapping.state);
});
