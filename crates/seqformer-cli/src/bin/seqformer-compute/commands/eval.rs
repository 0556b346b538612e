//! `seqformer eval` and `train --eval-only`: evaluates weights on the datasets of `DATASETS.TEST`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use seqformer::Precision;
use seqformer_data::{DatasetKind, DatasetSource};
use seqformer_engine::{
    Checkpointer, Communicator, Device, Evaluated, EvaluationOutput, PredictPlan, Predictor,
    ScoreRules, TestScores, TestSet, evaluate, inference_folders, score_prefix,
};
use seqformer_training_data::find_dataset;

use crate::args::{ComputeArgs, TrainArgs};
use crate::compute;
use crate::environment;
use crate::files;
use crate::progress::Stage;
use crate::run_log::{ProcessLog, Run};
use crate::settings::Settings;

/// Evaluates on all test datasets.
pub(super) fn eval(
    args: &TrainArgs,
    settings: &Settings,
    compute: Option<&ComputeArgs>,
    (device, communicator): (Device, &Communicator),
) -> Result<()> {
    let config = &settings.config;
    if config.datasets.test.is_empty() {
        bail!("DATASETS.TEST names no dataset: write the name of one, or the path of a .json file");
    }
    let weights = eval_weights(args, settings)?;
    let find = |name: &String| find_dataset(&config.datasets, name);
    let datasets = config.datasets.test.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let sets: Vec<TestSet> = datasets.iter().zip(&config.datasets.test).map(test_set).collect();
    let rules = ScoreRules::new(&config.test, &sets)?;
    let mut plan = PredictPlan::from_config(config);
    if let Some(compute) = compute {
        compute::apply(compute, &mut plan.options, device)?;
    }
    let run = Run { settings, config_file: args.config_file.as_deref(), device, communicator };
    let log = ProcessLog::open(&run)?;
    let done = (|| {
        if communicator.is_leader() {
            settings.say_what_follows(&weights);
            write_config(args, settings, &log)?;
        }
        log.record(&environment::describe_device(device)?);
        let predictor = Predictor::new(&plan, &weights, device)?;
        log.record(&format!("weights: {}\nmodel:\n{}", weights.display(), predictor.summary()));
        let mut run = run_line(&weights, &settings.node.dump());
        if plan.options.precision != Precision::default() {
            run = format!("{run} {:?}", plan.options.precision);
        }
        let job = (&predictor, communicator);
        let scores = evaluate_all(settings, &datasets, job, &run, &log)?;
        if communicator.is_leader() { Ok(rules.check(&scores)?) } else { Ok(()) }
    })();
    if let Err(error) = &done {
        log.record_error(error);
    }
    done
}

/// What can be scored on a dataset, according to its kind.
fn test_set((dataset, name): (&DatasetSource, &String)) -> TestSet {
    let boxes = dataset.kind == DatasetKind::Coco;
    TestSet { name: name.clone(), masks: true, boxes, classes: None }
}

fn evaluate_all(
    settings: &Settings,
    datasets: &[DatasetSource],
    job: (&Predictor, &Communicator),
    run: &str,
    log: &ProcessLog,
) -> Result<TestScores> {
    let names = &settings.config.datasets.test;
    let folders = inference_folders(&settings.config);
    let mut scores = TestScores::default();
    for (index, (dataset, folder)) in datasets.iter().zip(&folders).enumerate() {
        let name = &names[index];
        let mut stage: Option<Stage> = None;
        let output = EvaluationOutput { folder, run, goes_on: true };
        let done = evaluate(job, dataset, output, &mut |progress| {
            let start =
                || Stage::counting("videos", format!("{name}: evaluating"), Some(progress.total));
            stage.get_or_insert_with(start).set(progress.videos);
        })?;
        if let Some(stage) = stage {
            stage.finish();
        }
        let Some(done) = done else { continue };
        print_evaluated(name, &done, log);
        scores.add(&score_prefix(names, index), &done);
    }
    Ok(scores)
}

fn print_evaluated(name: &str, done: &Evaluated, log: &ProcessLog) {
    log.print(&done.results.display().to_string());
    log.print(&done.archive.display().to_string());
    match &done.report {
        Some(report) => {
            log.print(&report.summary().to_string());
            log.print(&report.per_class_table().to_string());
            if let Some(boxes) = &done.box_report {
                log.print(&format!("boxes:\n{}", boxes.summary()));
            }
        }
        None => log.print(&format!("{name}: no annotations to score the results against")),
    }
    done.detectron2_lines(name).iter().for_each(|line| log.print(line));
}

/// The first line of a `config.yaml` written by an evaluation.
const OWN_CONFIG: &str = "# Configuration of an evaluation.\n";

/// Writes `config.yaml` for an evaluation, unless a training or another program wrote the one that exists.
fn write_config(args: &TrainArgs, settings: &Settings, log: &ProcessLog) -> Result<()> {
    let path = settings.config.output_dir.join("config.yaml");
    let is_input = || {
        let config_file = args.config_file.as_ref().and_then(|file| file.canonicalize().ok());
        let same = (path.canonicalize().ok(), config_file);
        same.0.is_some() && same.0 == same.1
    };
    let is_free = match std::fs::read_to_string(&path) {
        Ok(text) => text.starts_with(OWN_CONFIG) && !is_input(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        log.record(&format!(
            "{} was not written by an evaluation and is kept; the configuration is printed above",
            path.display()
        ));
        return Ok(());
    }
    let text = format!("{OWN_CONFIG}{}", settings.node.dump_for_vnext());
    files::replace(&path, |file| file.write_all(text.as_bytes()))
}

fn eval_weights(args: &TrainArgs, settings: &Settings) -> Result<PathBuf> {
    let config = &settings.config;
    if !args.resume && !config.model.weights.is_empty() {
        return Ok(PathBuf::from(&config.model.weights));
    }
    if let Some(path) = Checkpointer::new(&config.output_dir, 0).last()? {
        if !args.resume {
            tracing::warn!("MODEL.WEIGHTS is empty: evaluating {}", path.display());
        }
        return Ok(path);
    }
    if config.model.weights.is_empty() {
        bail!(
            "no weights: set MODEL.WEIGHTS (a file, the name of a model or an address), or an OUTPUT_DIR that contains a \
             checkpoint; docs/weights.md says which weights load, and how to get them"
        );
    }
    Ok(PathBuf::from(&config.model.weights))
}

/// What results depend on: an unfinished evaluation with an equal line is resumed.
fn run_line(weights: &std::path::Path, config: &str) -> String {
    let size = std::fs::metadata(weights).map_or(0, |data| data.len());
    let modified = std::fs::metadata(weights).and_then(|data| data.modified()).ok();
    let modified = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |since| since.as_millis());
    // FNV-1a, which only distinguishes configurations.
    let hash = config.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{} {size} {modified} {hash:016x}", weights.display())
}
