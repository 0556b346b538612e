//! `seqformer train`: from a dataset to a checkpoint and its evaluation.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use seqformer_distributed::{LAUNCHED, Placement, RESUME};
use seqformer_engine::{
    Communicator, Device, EngineError, TrainEnd, TrainPlan, Trainer, TrainerOptions, count_gpus,
    open_device, use_threads,
};
use seqformer_signals::StopSignals;

use super::eval::eval;
use crate::End;
use crate::args::{ComputeArgs, EvalArgs, TrainArgs, TrainCommandArgs};
use crate::compute;
use crate::environment;
use crate::launch::{self, Plan};
use crate::output;
use crate::run_log::{ProcessLog, Run};
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
    let mut settings = match &args.config_file {
        Some(file) => Settings::load(file, &args.opts)?,
        None if args.eval_only => {
            let weights = weights_source::locate_without_config(None, &args.opts)?;
            Settings::from_weights(&weights, &args.opts)?
        }
        None => bail!(
            "--config-file is missing: a training needs a configuration, such as one of configs/; docs/train.md begins with \
             an example"
        ),
    };
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
    let options = TrainerOptions {
        resume,
        device,
        config_text: settings.node.dump(),
        config_file: settings.node.dump_for_vnext(),
    };
    let made = Trainer::new(TrainPlan::from_config(config), options, Rc::clone(communicator));
    let mut trainer = match made {
        Err(error) if is_end_of_others(&error, stop) => return Ok(End::Stopped),
        made => made?,
    };
    let config_file = args.config_file.as_deref();
    let log = ProcessLog::open(&Run { settings, config_file, device, communicator })?;
    let processes = match communicator.world_size() {
        1 => String::new(),
        count => format!(", {count} processes"),
    };
    log.print(&format!(
        "training {} clips of {} frames a batch{processes}, iterations {} to {}, in {}",
        config.solver.ims_per_batch,
        config.input.sampling_frame_num,
        trainer.iterations(),
        trainer.max_iterations(),
        config.output_dir.display()
    ));
    log.print(&environment::describe_device(device)?);
    trainer.about_data().iter().for_each(|line| log.print(line));
    log.record(&format!("seed: {}\nmodel:\n{}", trainer.seed(), trainer.summary()));
    let done = finish(&mut trainer, (signals, stop), &mut |line| log.print(line));
    if let Err(error) = &done {
        log.record_error(error);
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
    trainer.evaluate_at_the_end(&Arc::default(), on_line)?;
    Ok(End::Finished)
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
