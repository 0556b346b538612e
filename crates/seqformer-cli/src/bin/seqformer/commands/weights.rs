//! `seqformer weights`: inspects, converts, compares and merges weight files.

mod merge;

use std::fmt::Display;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seqformer_checkpoint::key_map::{MapReport, to_vnext};
use seqformer_checkpoint::weights::{Diff, Inspection, TargetPrecision, convert, diff, inspect};
use seqformer_checkpoint::{StateDict, few, read};
use seqformer_files::Outputs;
use serde_json::{Value, json};

use crate::args::{ConvertArgs, DiffArgs, InspectArgs, WeightsArgs, WeightsCommand};
use crate::output::{note, print_line};

/// Runs the command.
pub(crate) fn run(args: &WeightsArgs) -> Result<()> {
    match &args.command {
        WeightsCommand::Inspect(args) => run_inspect(args),
        WeightsCommand::Convert(args) => run_convert(args),
        WeightsCommand::Diff(args) => run_diff(args),
        WeightsCommand::Merge(args) => merge::run(args),
    }
}

fn run_inspect(args: &InspectArgs) -> Result<()> {
    let found = inspect(&args.file)?;
    if args.json {
        print_line(&serde_json::to_string_pretty(&as_json(&found, args.tensors))?);
        return Ok(());
    }
    let line = |title: &str, value: &dyn Display| print_line(&format!("{title:<13}{value}"));
    line("names", &found.dialect);
    match &found.architecture {
        Some(architecture) => line("backbone", architecture),
        None => line("backbone", &"none that is known"),
    }
    match found.num_classes {
        Some(classes) => line("classes", &classes),
        None => line("classes", &"no class head"),
    }
    let dtypes: Vec<String> =
        found.dtypes.iter().map(|(dtype, count)| format!("{count} {dtype}")).collect();
    line("tensors", &format!("{} ({})", found.num_tensors, dtypes.join(", ")));
    line("elements", &found.num_elements);
    line("bytes", &found.size_bytes);
    line("sha256", &found.sha256);
    for (key, value) in &found.state.metadata {
        line("beside", &format!("{key}: {value}"));
    }
    for remark in found.state.remarks.iter().chain(&found.state.notes) {
        line("note", remark);
    }
    if !found.not_finite.is_empty() {
        line("not finite", &few(&found.not_finite));
    }
    if args.tensors {
        for (name, array) in &found.state {
            print_line(&format!("{name}  {} {:?}", array.dtype(), array.shape()));
        }
    }
    Ok(())
}

fn as_json(found: &Inspection, with_tensors: bool) -> Value {
    let dtypes: serde_json::Map<_, _> =
        found.dtypes.iter().map(|(dtype, count)| (dtype.to_string(), json!(count))).collect();
    let mut value = json!({
        "names": found.dialect.to_string(),
        "backbone": found.architecture.as_ref().map(ToString::to_string),
        "classes": found.num_classes,
        "tensors": found.num_tensors,
        "elements": found.num_elements,
        "dtypes": dtypes,
        "bytes": found.size_bytes,
        "sha256": found.sha256,
        "metadata": found.state.metadata,
        "notes": found.state.remarks.iter().chain(&found.state.notes).collect::<Vec<_>>(),
        "not_finite": found.not_finite,
    });
    if with_tensors {
        let tensors = found.state.iter().map(|(name, array)| {
            json!({ "name": name, "dtype": array.dtype().to_string(), "shape": array.shape() })
        });
        value["list"] = tensors.collect();
    }
    value
}

fn run_convert(args: &ConvertArgs) -> Result<()> {
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(&args.from);
    outputs.claim(&args.to)?;
    let precision = if args.half { TargetPrecision::Half } else { TargetPrecision::Keep };
    let done = convert(&args.from, &args.to, args.names.into(), precision)?;
    for remark in &done.remarks {
        note(&format!("{}: {remark}", args.from.display()));
    }
    if !done.not_finite.is_empty() {
        note(&format!(
            "warning: {}: weights that are not finite, which all other commands refuse: {}",
            args.from.display(),
            few(&done.not_finite)
        ));
    }
    print_report(&args.from, &done.to_vnext);
    if let Some(report) = &done.to_original {
        print_report(&args.from, report);
    }
    print_line(&format!("{}: {} tensors", args.to.display(), done.num_tensors));
    Ok(())
}

/// Prints what happened to tensor names on standard error, apart from the result.
fn print_report(path: &Path, report: &MapReport) {
    note(&format!("{}: {report}", path.display()));
}

fn run_diff(args: &DiffArgs) -> Result<()> {
    let found = diff(&in_vnext_names(&args.first)?, &in_vnext_names(&args.second)?);
    print_diff(&found, args.limit);
    if found.is_empty() {
        return Ok(());
    }
    bail!("{} and {} differ", args.first.display(), args.second.display())
}

fn in_vnext_names(path: &Path) -> Result<StateDict> {
    let mapping = to_vnext(read(path)?, None).with_context(|| path.display().to_string())?;
    Ok(mapping.state)
}

fn print_diff(found: &Diff, limit: usize) {
    print_line(&format!("{} tensors are equal", found.equal));
    let list = |title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        print_line(&format!("{} {title}:", lines.len()));
        lines.iter().take(limit).for_each(|line| print_line(&format!("  {line}")));
        if lines.len() > limit {
            print_line(&format!("  … and {} more", lines.len() - limit));
        }
    };
    let changed = found.changed.iter().map(|changed| {
        let (name, count) = (&changed.name, changed.num_elements);
        format!("{name}: {count} elements, by at most {:.3e}", changed.max_abs)
    });
    list("have other values", changed.collect());
    let kinds = found.incompatible.iter().map(|(name, what)| format!("{name}: {what}"));
    list("have different shapes or types", kinds.collect());
    list("exist only in the first file", found.only_first.clone());
    list("exist only in the second file", found.only_second.clone());
}
