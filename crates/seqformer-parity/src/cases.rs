//! The cases, one file for each kind of golden data.

mod clips;
mod common;
mod deform_attn;
mod evaluation;
mod formula;
mod forward;
mod keys;
mod masks;
mod resize;
mod swin;
mod training;
mod whole_video;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::report::ParityReport;

/// Files by which a layout is known.
const PUBLIC: &str = "tiny_config.yaml";
const COMMON: &str = "full_formula_r50.safetensors";
const FORMULA: &str = "inference.json";

/// Whether the folder has one of the known layouts.
pub(crate) fn is_known(folder: &Path) -> bool {
    [PUBLIC, COMMON, FORMULA].iter().any(|file| folder.join(file).exists())
}

/// Runs all cases of the folder's layout; false if it has none.
pub(crate) fn run(folder: &Path, report: &mut ParityReport<'_>) -> bool {
    if folder.join(PUBLIC).exists() {
        run_public(folder, report);
    }
    if folder.join(COMMON).exists() {
        run_common(folder, report);
    }
    if folder.join(FORMULA).exists() {
        run_formula(folder, report);
    }
    is_known(folder)
}

fn run_public(folder: &Path, report: &mut ParityReport<'_>) {
    run_case("tiny_forward", report, |report| forward::run(folder, report));
    for path in matching(folder, "msda_", ".safetensors", report) {
        run_case(&stem(&path), report, |report| deform_attn::run(&path, report));
    }
    run_case("tiny_whole", report, |report| whole_video::run(folder, report));
    for path in matching(folder, "tiny_clip_", ".safetensors", report) {
        let case = stem(&path);
        run_case(&case, report, |report| clips::run(&path, &case, report));
    }
    for path in matching(folder, "tracker_", ".safetensors", report) {
        let case = stem(&path);
        run_case(&case, report, |report| clips::tracker(&path, &case, report));
    }
    run_case("polygon", report, |report| masks::polygons(&folder.join("polygon.json"), report));
    run_case("resize", report, |report| resize::images(&folder.join("resize.safetensors"), report));
    run_case("tiny_train", report, |report| training::run(folder, report));
    run_case("tiny_optim", report, |report| training::optimizer(folder, report));
    report.not_yet("resize mapper");
    for case in ["eval", "eval_edge"] {
        run_case(case, report, |report| evaluation::public(&folder.join(case), report));
    }
}

fn run_common(folder: &Path, report: &mut ParityReport<'_>) {
    run_case("full_formula_r50", report, |report| {
        common::full_size(folder, "r50", "base_ytvis.yaml", report)
    });
    run_case("full_formula_swinl", report, |report| {
        common::full_size(folder, "swinl", "swin_ytvis.yaml", report)
    });
    run_case("swin_tiny", report, |report| swin::tiny(folder, report));
    for (case, config) in [
        ("vnext_r50_ytvis19", "base_ytvis.yaml"),
        ("vnext_r101_ytvis19", "r101_ytvis.yaml"),
        ("vnext_swinl_ytvis19", "swin_ytvis.yaml"),
        ("orig_r50", "base_ytvis.yaml"),
        ("orig_swinl", "swin_ytvis.yaml"),
        ("orig_x101_32x8d", "x101_ytvis.yaml"),
    ] {
        run_case(&format!("full_keys_{case}"), report, |report| {
            keys::compare(folder, case, config, report)
        });
    }
}

fn run_formula(folder: &Path, report: &mut ParityReport<'_>) {
    run_case("r50_whole_video", report, |report| {
        formula::whole_video(folder, "r50_whole_video", report)
    });
    run_case("r50_clip_matching", report, |report| {
        formula::clips(folder, "r50_clip_matching", report)
    });
    run_case("masks_eval", report, |report| {
        masks::formula(&folder.join("masks_eval.json"), report)
    });
    run_case("evaluation", report, |report| evaluation::formula(folder, report));
    run_case("resize", report, |report| resize::formula(&folder.join("resize.json"), report));
    run_case("swin_t_whole_video", report, |report| {
        formula::whole_video(folder, "swin_t_whole_video", report)
    });
    run_case("training", report, |report| training::formula(folder, report));
    report.not_yet("tracker");
}

/// Runs one case; an error counts as something missing.
fn run_case(
    name: &str,
    report: &mut ParityReport<'_>,
    case: impl FnOnce(&mut ParityReport<'_>) -> Result<()>,
) {
    report.set_case(name);
    if let Err(error) = case(report) {
        report.missing(name, &format!("{error:#}"));
    }
}

/// The files of a folder with that beginning and end, sorted; their absence is reported.
fn matching(folder: &Path, start: &str, end: &str, report: &mut ParityReport<'_>) -> Vec<PathBuf> {
    let entries =
        folder.read_dir().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let is_match = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with(start) && name.ends_with(end)
        })
    };
    let mut paths: Vec<PathBuf> = entries.filter(is_match).collect();
    paths.sort();
    if paths.is_empty() {
        report.set_case(start);
        report.missing(&format!("{start}*{end}"), "there is no such file");
    }
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
