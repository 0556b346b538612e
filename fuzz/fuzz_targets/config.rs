//! Any text as a configuration file: an error, or a tree that its own dump describes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_config::{CfgNode, Config};
use seqformer_fuzz::with_file;

fuzz_target!(|bytes: &[u8]| {
    with_file("config.yaml", bytes, |path| {
        let mut node = CfgNode::defaults();
        if let Err(error) = node.merge_from_file(path) {
            assert!(!error.to_string().is_empty());
            return;
        }
        let dump = node.dump();
        let mut again = CfgNode::defaults();
        again.merge_from_text(&dump, path).expect("a dump can be read");
        assert_eq!(again.dump(), dump, "a dump says the same as what was dumped");
        let _config = Config::try_from(&node);
    });
});
