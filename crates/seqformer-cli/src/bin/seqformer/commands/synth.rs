//! `seqformer synth`: writes a synthetic dataset of moving shapes, or of moving cut-outs of pictures.

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Result, bail};
use seqformer_data::synth::{CutoutOptions, CutoutSet, SynthLayout, SynthOptions, synthesize};
use seqformer_files::FolderLock;
use seqformer_masks::ImageSize;
use seqformer_training_data::image_root;

use crate::args::{FrameSize, Layout, SynthArgs};
use crate::output;
use crate::progress::Stage;

const SHAPES_SIZE: ImageSize = ImageSize { height: 120, width: 160 };
const CUTOUTS_SHORT_SIDE: u32 = 240;

/// Runs the command.
pub(crate) fn run(args: &SynthArgs) -> Result<()> {
    match &args.from {
        Some(pictures) => cutouts(args, pictures),
        None => shapes(args),
    }
}

fn shapes(args: &SynthArgs) -> Result<()> {
    let size = match args.size {
        None => SHAPES_SIZE,
        Some(FrameSize::Sides(size)) => size,
        Some(FrameSize::Short(side)) => {
            bail!("--size {side}: expected width and height, as in 160x120")
        }
    };
    let frames = args.frames.clone().unwrap_or(8..=14);
    let _lock = FolderLock::take(&args.output)?;
    let dataset = synthesize(&SynthOptions {
        output: args.output.clone(),
        num_train: args.videos,
        num_val: args.val_videos.unwrap_or_else(|| args.videos.div_ceil(5)),
        seed: args.seed,
        size,
        min_frames: *frames.start(),
        max_frames: *frames.end(),
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

fn cutouts(args: &SynthArgs, pictures: &Path) -> Result<()> {
    let short_side = match args.size {
        None => CUTOUTS_SHORT_SIDE,
        Some(FrameSize::Short(side)) => side,
        Some(FrameSize::Sides(ImageSize { height, width })) => bail!(
            "--size {width}x{height}: expected the short side of the frames with --from, as in 240; their shape is that \
             of the picture in the back"
        ),
    };
    let cores = || available_parallelism().map_or(1, NonZeroUsize::get);
    let set = CutoutSet::open(CutoutOptions {
        annotations: pictures.to_path_buf(),
        images: args.images.clone().unwrap_or_else(|| image_root(pictures)),
        output: args.output.clone(),
        num_videos: args.videos,
        frames: args.frames.clone().unwrap_or(16..=24),
        short_side,
        objects: args.objects.clone().unwrap_or(1..=4),
        seed: args.seed,
        num_workers: args.workers.map_or_else(cores, NonZeroUsize::get),
    })?;
    for note in set.notes() {
        output::note(&format!("{}: {note}", pictures.display()));
    }
    let _lock = FolderLock::take(&args.output)?;
    let mut stage = Stage::counting("videos", args.output.display().to_string(), Some(args.videos));
    let written = set.write(&mut |done| stage.set(done));
    stage.finish();
    output::print_line(&written?.display().to_string());
    Ok(())
}
