//! `seqformer data show`: annotations, results and training clips as pictures or films.

mod annotated;
mod clips;
mod missing;
mod pictures;

use anyhow::{Result, bail};

use crate::args::DataShowArgs;

/// Runs the command.
pub(crate) fn run(args: &DataShowArgs) -> Result<()> {
    match (&args.config_file, args.words.as_slice()) {
        (Some(config_file), pairs) => clips::show(args, config_file, pairs),
        (None, [file]) => annotated::show(args, file.as_ref()),
        (None, []) => bail!(
            "data show: expected an annotation file, found none; write its name, or --config-file for the clips of a \
             training"
        ),
        (None, words) => bail!(
            "data show: expected one annotation file, found {}; KEY VALUE pairs belong to --config-file",
            words.join(" ")
        ),
    }
}
