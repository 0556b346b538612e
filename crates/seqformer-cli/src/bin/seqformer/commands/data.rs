//! `seqformer data`: converts annotation files.

mod curation;
mod frames;

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};
use seqformer_convert::check::{Checkup, Severity, check};
use seqformer_convert::{Conversion, ReadOptions, convert};
use seqformer_data::{CategoryMap, ClassTable, CocoTable, write_coco_subset};
use seqformer_files::Outputs;
use serde_json::json;

use super::show;
use crate::args::{
    CocoToYtvisArgs, DataArgs, DataCheckArgs, DataCommand, DataConvertArgs, TargetClasses,
};
use crate::output::{self, counted};
use crate::progress::Stage;

/// Runs the command.
pub(crate) fn run(args: &DataArgs) -> Result<()> {
    match &args.command {
        DataCommand::CocoToYtvis(args) => coco_to_ytvis(args),
        DataCommand::Convert(args) => convert_dataset(args),
        DataCommand::Browse(args) => super::report::browse(args),
        DataCommand::Check(args) => check_dataset(args),
        DataCommand::Show(args) => show::run(args),
        DataCommand::Stats(args) => curation::stats(args),
        DataCommand::Split(args) => curation::split_dataset(args),
        DataCommand::Merge(args) => curation::merge_datasets(args),
        DataCommand::Subset(args) => curation::subset_dataset(args),
        DataCommand::Frames(args) => frames::run(args),
    }
}

fn check_dataset(args: &DataCheckArgs) -> Result<()> {
    if let Some(fix) = &args.fix {
        let mut outputs = Outputs::new(args.overwrite);
        outputs.add_input(&args.file);
        if let Some(images) = &args.images {
            outputs.add_input(images);
        }
        outputs.claim_file(fix)?;
    }
    let stage: Mutex<Option<Stage>> = Mutex::default();
    let progress = |done: usize, total: usize| {
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        stage.get_or_insert_with(|| Stage::new("checking".to_owned(), Some(total))).set(done);
    };
    let checkup =
        Checkup { file: args.file.clone(), images: args.images.clone(), fix: args.fix.clone() };
    let report = check(&checkup, &progress)?;
    if let Some(stage) = stage.into_inner().unwrap_or_else(PoisonError::into_inner) {
        stage.finish();
    }
    let count =
        |severity| report.problems.iter().filter(|found| found.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if args.json {
        let numbers = json!({
            "file": args.file.display().to_string(),
            "videos": report.num_records,
            "annotations": report.num_annotations,
            "frames": report.num_frames,
            "errors": errors,
            "warnings": warnings,
            "fixed": report.num_fixed,
            "problems": report.problems,
        });
        output::print_line(&serde_json::to_string_pretty(&numbers)?);
    } else {
        report.problems.iter().for_each(|problem| output::print_line(&problem.to_string()));
    }
    let seen = match &args.images {
        Some(_) => format!(", {}", counted(report.num_frames, ["frame", "frames"])),
        None => ", no frames opened (--images opens them)".to_owned(),
    };
    let records = if report.has_videos { ["video", "videos"] } else { ["image", "images"] };
    let summary = format!(
        "{}: {} and {} in {}, {}{seen}",
        args.file.display(),
        counted(errors, ["error", "errors"]),
        counted(warnings, ["warning", "warnings"]),
        counted(report.num_records, records),
        counted(report.num_annotations, ["annotation", "annotations"]),
    );
    if let Some(fix) = &args.fix {
        output::note(&format!(
            "{}: {} mended",
            fix.display(),
            counted(report.num_fixed, ["entry", "entries"])
        ));
    }
    if errors > 0 {
        bail!("{summary}");
    }
    output::note(&summary);
    Ok(())
}

fn convert_dataset(args: &DataConvertArgs) -> Result<()> {
    let done = convert(&Conversion {
        input: args.input.clone(),
        from: args.source.read.from,
        to: args.to,
        output: args.output.clone(),
        overwrite: args.overwrite,
        options: ReadOptions { images: args.source.images.clone(), size: args.source.read.size },
        boxes_as_masks: args.boxes_as_masks,
    })?;
    if done.was_guessed {
        output::note(&format!(
            "{}: read as {} (--from says otherwise)",
            args.input.display(),
            done.from
        ));
    }
    for line in done.notes.lines() {
        output::note(&format!("note: {line}"));
    }
    output::print_line(&args.output.display().to_string());
    output::note(&output::contents(done.num_videos, done.num_frames, done.num_tracks));
    Ok(())
}

fn coco_to_ytvis(args: &CocoToYtvisArgs) -> Result<()> {
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(&args.json);
    outputs.claim_file(&args.output)?;
    let target = match args.classes {
        TargetClasses::Ytvis2019 => ClassTable::Ytvis2019,
        TargetClasses::Ytvis2021 => ClassTable::Ytvis2021,
        TargetClasses::Ovis => ClassTable::Ovis,
    };
    let table = if args.reference_table { CocoTable::Reference } else { CocoTable::Corrected };
    let Some(map) = CategoryMap::from_coco(target, table) else { return Ok(()) };
    let subset = write_coco_subset(&args.json, &map, &target.categories(), &args.output)?;
    output::print_line(&args.output.display().to_string());
    output::note(&format!(
        "{} images with {} objects; {} objects of other classes are skipped",
        subset.images, subset.annotations, subset.dropped
    ));
    Ok(())
}
