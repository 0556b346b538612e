//! `seqformer synth`: writes a synthetic dataset of moving shapes.

use anyhow::Result;
use seqformer_data::synth::{SynthLayout, SynthOptions, synthesize};
use seqformer_files::FolderLock;

use crate::args::{Layout, SynthArgs};
use crate::output;

/// Runs the command.
pub(crate) fn run(args: &SynthArgs) -> Result<()> {
    let _lock = FolderLock::take(&args.output)?;
    let dataset = synthesize(&SynthOptions {
        output: args.output.clone(),
        num_train: args.videos,
        num_val: args.val_videos.unwrap_or_else(|| args.videos.div_ceil(5)),
        seed: args.seed,
        size: args.size,
        min_frames: *args.frames.start(),
        max_frames: *args.frames.end(),
        num_classes: args.classes,
        layout: match args.layout {
            Layout::Plain => SynthLayout::Plain,
            Layout::Ytvis2019 => SynthLayout::Ytvis2019,
            Layout::Ytvis2021 => SynthLayout::Ytvis2021,
            Layout::Ovis => SynthLayout::Ovis,
            Layout::Coco => SynthLayout::Coco,
        },
    })?;
    for source in [dataset.train, dataset.val] {
        output::print_line(&source.json.display().to_string());
    }
    Ok(())
}
