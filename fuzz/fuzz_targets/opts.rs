//! Any lines as the `KEY VALUE` pairs of the command line: an error, or a tree that its dump describes.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seqformer_config::{CfgNode, Config};

fuzz_target!(|text: &str| {
    let opts: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut node = CfgNode::defaults();
    if node.merge_from_list(&opts).is_err() {
        return;
    }
    let dump = node.dump();
    let mut again = CfgNode::defaults();
    again.merge_from_text(&dump, Path::new("dump.yaml")).expect("a dump can be read");
    assert_eq!(again.dump(), dump, "a dump says the same as what was dumped");
    let _config = Config::try_from(&node);
});
