//! `seqformer data stats`, `split`, `merge` and `subset`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use seqformer_convert::{Format, ReadOptions, read};
use seqformer_curation::{
    Merge, MergeInput, Part, PartCounts, Source, Split, Statistics, Subset, merge, split, subset,
};
use seqformer_files::Outputs;

use crate::args::{
    DataMergeArgs, DataSplitArgs, DataStatsArgs, DataSubsetArgs, ReadArgs, SourceArgs,
};
use crate::output;

/// Runs `data stats`.
pub(super) fn stats(args: &DataStatsArgs) -> Result<()> {
    let SourceArgs { read: how, images } = &args.source;
    let found = read(&args.input, how.from, &options(how, images.as_ref()))?;
    note_format(&args.input, found.from, found.was_guessed);
    for line in found.notes.lines() {
        output::note(&format!("note: {line}"));
    }
    let statistics = Statistics::new(&found.dataset);
    if args.json {
        output::print_line(&serde_json::to_string_pretty(&statistics)?);
    } else {
        output::print_line(&statistics.to_string());
    }
    Ok(())
}

/// Runs `data split`.
pub(super) fn split_dataset(args: &DataSplitArgs) -> Result<()> {
    ensure!(
        args.parts.len() > 1,
        "--parts: expected two parts or more, such as train=80,val=20, found one"
    );
    let mut outputs = outputs(args.overwrite, [&args.input].into_iter().chain(&args.source.images));
    let part = |(name, weight): &(String, f64)| {
        let path = args.output.join(format!("{name}.json"));
        outputs.claim_file(&path).map(|()| Part { path, weight: *weight })
    };
    let parts = args.parts.iter().map(part).collect::<Result<Vec<Part>, _>>()?;
    let source = open(&args.input, &args.source.read, args.source.images.as_ref())?;
    let is_new = !args.output.exists();
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("{}: cannot be created", args.output.display()))?;
    let parts = split(&source, &Split { parts, seed: args.seed }).inspect_err(|_| {
        if is_new {
            // A folder with something in it stays.
            let _removed = std::fs::remove_dir(&args.output);
        }
    })?;
    for part in parts {
        let PartCounts { path, num_videos, num_frames, num_tracks, num_tracks_by_class } = part;
        output::print_line(&path.display().to_string());
        output::note(&output::contents(num_videos, num_frames, num_tracks));
        let missing: Vec<&str> = num_tracks_by_class
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            output::note(&format!("note: no object of {}", missing.join(", ")));
        }
    }
    Ok(())
}

/// Runs `data merge`.
pub(super) fn merge_datasets(args: &DataMergeArgs) -> Result<()> {
    ensure!(
        args.images.is_empty() || args.images.len() == args.inputs.len(),
        "--images: expected one folder for each of the {} datasets, found {}",
        args.inputs.len(),
        args.images.len()
    );
    outputs(args.overwrite, args.inputs.iter().chain(&args.images)).claim_file(&args.output)?;
    let mut inputs = Vec::with_capacity(args.inputs.len());
    for (index, input) in args.inputs.iter().enumerate() {
        let images = args.images.get(index);
        let source = open(input, &args.read, images)?;
        inputs.push(MergeInput { source, images: images.cloned() });
    }
    let output = args.output.clone();
    let merged = merge(&Merge { inputs, renames: args.rename.clone(), output })?;
    if !merged.left_out.is_empty() {
        output::note(&format!("note: left out beside the lists: {}", merged.left_out.join(", ")));
    }
    if merged.num_repeated > 0 {
        let tell = if args.images.is_empty() { "; --images tells their folders apart" } else { "" };
        output::note(&format!(
            "note: {} videos have the frames of an earlier one{tell}",
            merged.num_repeated
        ));
    }
    output::print_line(&args.output.display().to_string());
    output::note(&format!(
        "{} of {}",
        output::contents(merged.num_videos, merged.num_frames, merged.num_tracks),
        output::counted(merged.num_classes, ["class", "classes"])
    ));
    if let Some(root) = merged.image_root {
        output::note(&format!("the names of frames start from {}", root.display()));
    }
    Ok(())
}

/// Runs `data subset`.
pub(super) fn subset_dataset(args: &DataSubsetArgs) -> Result<()> {
    let inputs = [&args.input].into_iter().chain(&args.source.images);
    outputs(args.overwrite, inputs).claim_file(&args.output)?;
    let source = open(&args.input, &args.source.read, args.source.images.as_ref())?;
    let counts = subset(
        &source,
        &Subset {
            output: args.output.clone(),
            classes: args.classes.clone(),
            videos: args.videos.clone(),
            every: args.every as usize,
            drop_empty: args.drop_empty,
        },
    )?;
    if counts.num_unseen > 0 {
        output::note(&format!(
            "note: {} objects are seen on none of the frames that are kept, and are left out",
            counts.num_unseen
        ));
    }
    if counts.num_empty > 0 {
        output::note(&format!(
            "note: {} videos have no object (--drop-empty leaves them out)",
            counts.num_empty
        ));
    }
    output::print_line(&args.output.display().to_string());
    output::note(&output::contents(counts.num_videos, counts.num_frames, counts.num_tracks));
    Ok(())
}

fn options(read: &ReadArgs, images: Option<&PathBuf>) -> ReadOptions {
    ReadOptions { images: images.cloned(), size: read.size }
}

fn outputs<'a>(overwrite: bool, inputs: impl Iterator<Item = &'a PathBuf>) -> Outputs {
    let mut outputs = Outputs::new(overwrite);
    for input in inputs {
        outputs.add_input(input);
    }
    outputs
}

fn open(input: &Path, read: &ReadArgs, images: Option<&PathBuf>) -> Result<Source> {
    let source = Source::open(input, read.from, &options(read, images))?;
    note_format(input, source.from, source.was_guessed);
    for line in source.notes.lines() {
        output::note(&format!("note: {line}"));
    }
    Ok(source)
}

/// Says what the format was taken for.
fn note_format(input: &Path, from: Format, was_guessed: bool) {
    if was_guessed {
        output::note(&format!("{}: read as {from} (--from says otherwise)", input.display()));
    }
}
