//! `seqformer train` and `eval`: from a dataset to a checkpoint and its evaluation.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use seqformer::Precision;
use seqformer_config::config::ExpectedResult;
use seqformer_distributed::{LAUNCHED, Placement, RESUME};
use seqformer_engine::{
    Checkpointer, Communicator, Device, EngineError, EvaluationOutput, PredictPlan, Predictor,
    TrainEnd, TrainPlan, Trainer, TrainerOptions, count_gpus, evaluate, find_dataset, gpu_card,
    inference_folder, num_threads, open_device, use_threads,
};
use seqformer_evaluation::{Report, STAT_NAMES};
use seqformer_logs::RunLog;
use seqformer_signals::StopSignals;

use crate::End;
use crate::args::{ComputeArgs, EvalArgs, TrainArgs, TrainCommandArgs};
use crate::compute;
use crate::launch::{self, Plan};
use crate::logging;
use crate::output;
use crate::progress::Stage;
use crate::settings::Settings;
use crate::weights_source;

/// Runs `eval`: an evaluation with the options of the commands that run the network.
pub(crate) fn run_eval(args: EvalArgs, signals: &StopSignals) -> Result<End> {
    compute::start(&args.compute);
    run_with(&TrainArgs { eval_only: true, ..args.train }, Some(&args.compute), signals)
}

/// Runs `train`, or only an evaluation with `--eval-only`.
pub(crate) fn run(args: &TrainCommandArgs, signals: &StopSignals) -> Result<End> {
    use_threads(args.threads);
    run_with(&args.train, None, signals)
}

/// Runs in this process, as one of a launcher's processes, or as a launcher that starts several.
fn run_with(args: &TrainArgs, compute: Option<&ComputeArgs>, signals: &StopSignals) -> Result<End> {
    if let Some(flag) = args.opts.first().filter(|word| word.starts_with('-')) {
        bail!("unknown option {flag}: options go before the KEY VALUE pairs; see --help");
    }
    let placement = Placement::from_environment(&|name| std::env::var(name).ok())?;
    let mut settings = Settings::load(&args.config_file, &args.opts)?;
    let choice = settings.device(args.device)?;
    let mut plan = Plan::new(args, choice, placement.as_ref(), count_gpus)?;
    settings.scale_to(plan.wanted)?;
    if placement.is_none() && !args.eval_only {
        plan.limit_to(settings.config.solver.ims_per_batch);
    }
    if placement.is_none() && (plan.world_size() > 1 || args.max_restarts > 0) {
        return launch::run(args, &plan, &settings.config, signals);
    }
    // Until training can stop in good order, and during an evaluation, a stop request ends the process at once.
    let stop = Arc::new(OnceLock::new());
    if std::env::var_os(LAUNCHED).is_some() {
        end_with_launcher(Arc::clone(&stop))?;
    }
    weights_source::locate_in(&mut settings.config, args.resume)?;
    plan.stand_in(&mut settings, placement.as_ref().is_none_or(|placement| placement.rank == 0));
    let device = open_device(plan.device)?;
    let communicator = match &placement {
        Some(placement) => {
            Communicator::join(placement, device, Duration::from_secs(args.dist_timeout))?
        }
        None => Communicator::alone(),
    };
    let communicator = Rc::new(communicator);
    let done = if args.eval_only {
        // An interrupted evaluation resumes, so a signal may end it at any time.
        eval(args, &settings, compute, (device, &communicator)).map(|()| End::Finished)
    } else {
        // Only after all processes have met: otherwise this one could wait forever for one that has already stopped.
        let stop = stop.get_or_init(|| signals.stop_in_good_order(None));
        train(args, &settings, (device, &communicator), (signals, stop))
    };
    if let Err(error) = &done {
        communicator.report(&output::describe(error));
    }
    done
}

/// Stops this process when the launcher, which holds the other end of its standard input, closes it or dies: in good
/// order through `stop`, or at once before `stop` is set.
fn end_with_launcher(stop: Arc<OnceLock<Arc<AtomicBool>>>) -> Result<()> {
    let watch = move || {
        let _end = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        match stop.get() {
            Some(stop) => stop.store(true, Ordering::Relaxed),
            None => seqformer_signals::terminate(),
        }
    };
    let thread = std::thread::Builder::new().name("launcher-watch".to_owned()).spawn(watch);
    thread.map(drop).context("cannot start a thread")
}

fn train(
    args: &TrainArgs,
    settings: &Settings,
    (device, communicator): (Device, &Rc<Communicator>),
    (signals, stop): (&StopSignals, &Arc<AtomicBool>),
) -> Result<End> {
    let config = &settings.config;
    let resume = args.resume || std::env::var_os(RESUME).is_some();
    let options = TrainerOptions { resume, device, config_text: settings.node.dump() };
    let made = Trainer::new(TrainPlan::from_config(config), options, Rc::clone(communicator));
    let mut trainer = match made {
        Err(error) if is_end_of_others(&error, stop) => return Ok(End::Stopped),
        made => made?,
    };
    let log = if communicator.is_leader() {
        let path = config.output_dir.join("log.txt");
        // Warnings go to this log.
        let log = RunLog::open(&path, |error| output::note(&format!("warning: {error}")))?;
        let log = Arc::new(log);
        logging::keep_in(&log);
        Some(log)
    } else {
        None
    };
    let mut on_line = |line: &str| {
        if let Some(log) = &log {
            output::print_line(line);
            log.write_line(format!("{line}\n").as_bytes());
        }
    };
    let processes = match communicator.world_size() {
        1 => String::new(),
        count => format!(", {count} processes"),
    };
    on_line(&format!(
        "training {} clips of {} frames a batch{processes}, iterations {} to {}, in {}",
        config.solver.ims_per_batch,
        config.input.sampling_frame_num,
        trainer.iterations(),
        trainer.max_iterations(),
        config.output_dir.display()
    ));
    on_line(&describe_device(device)?);
    trainer.about_data().iter().for_each(|line| on_line(line));
    let done = finish(&mut trainer, (signals, stop), &mut on_line);
    if let (Err(error), Some(log)) = (&done, &log) {
        log.write_line(format!("error: {}\n", output::describe(error)).as_bytes());
    }
    done
}

/// Trains to the end and runs the final evaluation.
fn finish(
    trainer: &mut Trainer,
    (signals, stop): (&StopSignals, &Arc<AtomicBool>),
    on_line: &mut dyn FnMut(&str),
) -> Result<End> {
    let first = trainer.iterations();
    match trainer.train(stop, on_line) {
        Err(error) if trainer.iterations() == first && is_end_of_others(&error, stop) => {
            return Ok(End::Stopped);
        }
        end => {
            if end? == TrainEnd::Stopped {
                return Ok(End::Stopped);
            }
        }
    }
    // The final checkpoint is written, so ending the last evaluation loses nothing.
    signals.end_at_once();
    trainer.validate(on_line)?;
    let Some((last, others)) = trainer.failed_evaluations().split_last() else {
        return Ok(End::Finished);
    };
    let more = match others.len() {
        0 => String::new(),
        count => format!(" ({count} before it failed as well)"),
    };
    bail!(
        "training finished and all checkpoints are written, but an evaluation failed{more}: {last}; fix this, and \
         evaluate with `seqformer eval`"
    )
}

/// Whether this process was asked to stop and lost another process to the same request, which ended that one before it
/// could stop in good order. Nothing is lost if nothing was trained yet.
fn is_end_of_others(error: &EngineError, stop: &AtomicBool) -> bool {
    // The launcher has seen the other process end and asks this one to stop a moment later.
    let polls = if std::env::var_os(LAUNCHED).is_some() { 20 } else { 1 };
    error.is_of_processes()
        && (0..polls).any(|poll| {
            std::thread::sleep(Duration::from_millis(if poll == 0 { 0 } else { 50 }));
            stop.load(Ordering::Relaxed)
        })
}

fn describe_device(device: Device) -> Result<String> {
    let threads = num_threads();
    let threads = match threads.get() {
        1 => "1 thread".to_owned(),
        count => format!("{count} threads"),
    };
    Ok(match (device, gpu_card(device)?) {
        (Device::Cuda(index), Some(card)) => {
            format!("device: cuda:{index} ({}), {threads} on the CPU", card.name)
        }
        _ => format!("device: cpu, {threads}"),
    })
}

/// Evaluates on all test datasets.
fn eval(
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
    let mut plan = PredictPlan::from_config(config);
    if let Some(compute) = compute {
        compute::apply(compute, &mut plan.options, device)?;
    }
    let mut run = run_line(&weights, &settings.node.dump());
    if plan.options.precision != Precision::default() {
        run = format!("{run} {:?}", plan.options.precision);
    }
    let predictor = Predictor::new(&plan, &weights, device)?;
    let mut reports = Vec::new();
    for name in &config.datasets.test {
        let dataset = find_dataset(&config.datasets, name)?;
        let mut stage: Option<Stage> = None;
        let folder = inference_folder(config, &dataset);
        let output = EvaluationOutput { folder: &folder, run: &run, goes_on: true };
        let job = (&predictor, communicator);
        let done = evaluate(job, &dataset, output, &mut |progress| {
            let start =
                || Stage::counting("videos", format!("{name}: evaluating"), Some(progress.total));
            stage.get_or_insert_with(start).set(progress.videos);
        })?;
        if let Some(stage) = stage {
            stage.finish();
        }
        let Some(done) = done else { continue };
        output::print_line(&done.results.display().to_string());
        output::print_line(&done.archive.display().to_string());
        match done.report {
            Some(report) => {
                output::print_line(&report.summary().to_string());
                output::print_line(&report.per_class_table().to_string());
                if let Some(boxes) = &done.box_report {
                    output::print_line(&format!("boxes:\n{}", boxes.summary()));
                }
                reports.push(report);
            }
            None => {
                output::print_line(&format!("{name}: no annotations to score the results against"))
            }
        }
    }
    if !communicator.is_leader() {
        return Ok(());
    }
    check_expected(&config.test.expected_results, &reports)
}

/// Compares the scores with `TEST.EXPECTED_RESULTS`, in percent, for any of the datasets.
///
/// Reference: detectron2 `evaluation/testing.py`, `verify_results`.
fn check_expected(expected: &[ExpectedResult], reports: &[Report]) -> Result<()> {
    for ExpectedResult { task, metric, value, tolerance } in expected {
        let index = STAT_NAMES.iter().position(|name| name == metric);
        let Some(index) = index.filter(|_| task == "segm") else {
            bail!(
                "TEST.EXPECTED_RESULTS: expected the task segm and one of {}, found {task} and {metric}",
                STAT_NAMES.join(", ")
            );
        };
        let found: Vec<f64> = reports.iter().map(|report| 100.0 * report.stats[index]).collect();
        if !found.iter().any(|found| (found - value).abs() <= *tolerance) {
            bail!(
                "TEST.EXPECTED_RESULTS: expected {metric} {value} within {tolerance}, found {found:.4?}"
            );
        }
    }
    Ok(())
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
             checkpoint; docs/models.md lists where to get weights"
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
