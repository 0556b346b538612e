//! The logs of a training or an evaluation: `log.txt`, and `log.txt.rankN` of every further process.
//!
//! Reference: detectron2 `engine/defaults.py`, `default_setup`; `utils/logger.py`, `setup_logger`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Error, Result};
use seqformer_engine::{Communicator, Device};
use seqformer_logs::RunLog;
use seqformer_models::WeightsConfig;

use crate::settings::Settings;
use crate::{environment, logging, output};

/// The log of this process. The first process also prints lines for the user.
pub(crate) struct ProcessLog {
    log: Option<Arc<RunLog>>,
    prints: bool,
}

/// What a run depends on.
pub(crate) struct Run<'a> {
    pub(crate) settings: &'a Settings,
    /// Nothing if the configuration follows from the weights.
    pub(crate) config_file: Option<&'a Path>,
    pub(crate) device: Device,
    pub(crate) communicator: &'a Communicator,
}

impl ProcessLog {
    /// Opens the log in the output folder and writes what the run depends on, followed by earlier messages.
    ///
    /// # Errors
    ///
    /// If the first process cannot write there. Other processes, which may run on other machines, continue without a log.
    pub(crate) fn open(run: &Run<'_>) -> Result<Self> {
        let rank = run.communicator.rank();
        let folder = &run.settings.config.output_dir;
        let name = if rank == 0 { "log.txt".to_owned() } else { format!("log.txt.rank{rank}") };
        let log = match open(&folder.join(&name)) {
            Err(error) if rank > 0 => {
                tracing::warn!("rank {rank} writes no log: {}", output::describe(&error));
                None
            }
            log => Some(Arc::new(log?)),
        };
        let log = Self { log, prints: rank == 0 };
        log.record(&run.describe());
        if let Some(log) = &log.log {
            logging::keep_in(log);
        }
        Ok(log)
    }

    /// Writes lines to the log, and prints them if this is the first process.
    pub(crate) fn print(&self, lines: &str) {
        if self.prints {
            output::print_line(lines);
        }
        self.record(lines);
    }

    /// Writes lines to the log only.
    pub(crate) fn record(&self, lines: &str) {
        if let Some(log) = &self.log {
            log.write_line(format!("{lines}\n").as_bytes());
        }
    }

    /// Writes why the run failed; the command prints it.
    pub(crate) fn record_error(&self, error: &Error) {
        self.record(&format!("error: {}", output::describe(error)));
    }
}

fn open(path: &Path) -> Result<RunLog> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot create this folder", folder.display()))?;
    }
    Ok(RunLog::open(path, |error| output::note(&format!("warning: {error}")))?)
}

impl Run<'_> {
    /// Everything that is needed to repeat the run.
    fn describe(&self) -> String {
        let Self { settings, config_file, device, communicator } = self;
        let (name, file) = if let Some(path) = config_file {
            let text = std::fs::read_to_string(path);
            let text = text.unwrap_or_else(|error| format!("cannot read it: {error}"));
            (path.display().to_string(), text)
        } else {
            let found = settings.of_weights.as_ref().map(WeightsConfig::summary);
            ("none".to_owned(), found.unwrap_or_default())
        };
        format!(
            "Rank of current process: {}. World size: {}\n\
             Environment info:\n{}\n\
             Command line arguments: {}\n\
             Contents of args.config_file={}:\n{}\n\
             Running with full config:\n{}",
            communicator.rank(),
            communicator.world_size(),
            environment::describe(*device),
            environment::command_line(),
            name,
            file.trim_end(),
            settings.node.dump().trim_end()
        )
    }
}
