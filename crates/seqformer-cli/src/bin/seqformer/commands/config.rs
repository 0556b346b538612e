//! `seqformer config`: prints the resolved configuration.

use anyhow::Result;
use seqformer_config::{CfgNode, reference_page};

use crate::args::ConfigArgs;
use crate::output;
use crate::settings::Settings;

/// Runs the command.
pub(crate) fn run(args: &ConfigArgs) -> Result<()> {
    let text = match &args.config_file {
        _ if args.keys => reference_page(),
        Some(file) => Settings::load(file, &args.opts)?.node.dump(),
        None => {
            let mut node = CfgNode::defaults();
            node.merge_from_list(&args.opts)?;
            node.dump()
        }
    };
    output::print_line(text.trim_end());
    Ok(())
}
