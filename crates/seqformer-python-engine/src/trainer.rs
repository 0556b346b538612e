//! `Trainer`: a training run, on a thread of its own.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use seqformer_cli::settings::Settings;
use seqformer_cli::weights_source;
use seqformer_engine::{
    Communicator, DeviceChoice, TrainEnd, TrainPlan, Trainer as Run, TrainerOptions, open_device,
    use_threads,
};
use seqformer_logs::MetricsRecord;

use crate::compute_thread::ComputeThread;
use crate::loading::device_choice;
use crate::work::{Event, Teller, Work, wait};

/// Records and lines that may wait for Python.
const NEWS_AHEAD: usize = 64;

/// What a training tells while it goes on.
enum News {
    Record(MetricsRecord),
    Line(String),
}

/// What is known of a run before its first step.
struct About {
    output_dir: PathBuf,
    iterations: u64,
    max_iterations: u64,
}

/// A training run.
#[pyclass(frozen, module = "seqformer._engine")]
pub(crate) struct Trainer {
    thread: ComputeThread<Run>,
    /// Where checkpoints, metrics and results are written.
    #[pyo3(get)]
    output_dir: PathBuf,
    /// Completed iterations.
    iterations: Arc<AtomicU64>,
    /// Iterations of the whole training.
    #[pyo3(get)]
    max_iterations: u64,
}

#[pymethods]
impl Trainer {
    #[new]
    #[pyo3(signature = (config, *, device, pairs=Vec::new(), resume=false, threads=None))]
    fn new(
        py: Python<'_>,
        config: PathBuf,
        device: &str,
        pairs: Vec<String>,
        resume: bool,
        threads: Option<NonZeroUsize>,
    ) -> PyResult<Self> {
        let device = device_choice(device)?;
        let load = move || {
            use_threads(threads);
            load(&config, &pairs, (device, resume))
        };
        let (thread, made) = ComputeThread::start("seqformer-train", load)
            .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
        match wait(py, &made) {
            Ok(About { output_dir, iterations, max_iterations }) => {
                let iterations = Arc::new(AtomicU64::new(iterations));
                Ok(Self { thread, output_dir, iterations, max_iterations })
            }
            Err(error) => {
                thread.abandon();
                Err(error)
            }
        }
    }

    /// Completed iterations, as of the last end of a training.
    #[getter]
    fn iterations(&self) -> u64 {
        self.iterations.load(Ordering::Relaxed)
    }

    /// Trains to the end and evaluates; every record of `metrics.json` is also given to `on_record`, as a dictionary, and
    /// every line for the console to `on_line`.
    fn train(
        &self,
        py: Python<'_>,
        on_record: &Bound<'_, PyAny>,
        on_line: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (mut work, teller) = Work::<News, ()>::new(NEWS_AHEAD, None);
        let iterations = Arc::clone(&self.iterations);
        self.thread.run(move |run| {
            let teller = Arc::new(teller);
            let done = train(run, &teller);
            iterations.store(run.iterations(), Ordering::Relaxed);
            // The run keeps a second handle, which it lets go of with the next training.
            run.report_to(|_record| {});
            if let Some(teller) = Arc::into_inner(teller) {
                teller.done(done);
            }
        });
        loop {
            let told = match work.next(py)? {
                Event::Done(()) => return Ok(()),
                Event::News(News::Line(line)) => on_line.call1((line,)),
                Event::News(News::Record(record)) => {
                    dictionary(py, &record).and_then(|record| on_record.call1((record,)))
                }
            };
            if let Err(error) = told {
                work.end(py);
                return Err(error);
            }
        }
    }
}

fn dictionary<'py>(py: Python<'py>, record: &MetricsRecord) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item("iteration", record.iteration)?;
    for (name, value) in &record.values {
        values.set_item(name, value)?;
    }
    Ok(values)
}

/// Reads the configuration and the data, and builds the network; on the thread that computes.
fn load(
    config: &Path,
    pairs: &[String],
    (device, resume): (Option<DeviceChoice>, bool),
) -> Result<(Run, About)> {
    let mut settings = Settings::load(config, pairs)?;
    settings.scale_to(1)?;
    weights_source::locate_in(&mut settings.config, resume)?;
    let device = open_device(settings.device(device)?)?;
    let options = TrainerOptions {
        resume,
        device,
        config_text: settings.node.dump(),
        config_file: settings.node.dump_for_vnext(),
    };
    let plan = TrainPlan::from_config(&settings.config);
    let run = Run::new(plan, options, Rc::new(Communicator::alone()))?;
    let about = About {
        output_dir: settings.config.output_dir.clone(),
        iterations: run.iterations(),
        max_iterations: run.max_iterations(),
    };
    Ok((run, about))
}

/// Trains, and evaluates after the last iteration.
fn train(run: &mut Run, teller: &Arc<Teller<News, ()>>) -> Result<()> {
    let stop = Arc::clone(&teller.stop);
    let records = Arc::clone(teller);
    run.report_to(move |record| {
        // After an interrupt nobody listens, and the training ends in good order.
        let _abandoned = records.tell(News::Record(record.clone()));
    });
    let on_line = &mut |line: &str| {
        let _abandoned = teller.tell(News::Line(line.to_owned()));
    };
    if run.train(&stop, on_line)? == TrainEnd::Finished {
        run.evaluate_at_the_end(&stop, on_line)?;
    }
    Ok(())
}
