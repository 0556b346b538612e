//! How far a download is, on standard error: a bar on a terminal, otherwise a line now and then.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use seqformer_models::{Progress, human_size};

use crate::output;

const LINE_PERIOD: Duration = Duration::from_secs(10);

/// Shows what a download says of itself.
#[derive(Debug)]
pub struct DownloadBar {
    what: String,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
}

impl DownloadBar {
    /// Shows nothing until something is fetched.
    pub fn new(what: &str) -> Self {
        Self { what: what.to_owned(), bar: None, last_line: None }
    }

    /// Shows the next thing.
    pub fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Waiting => {
                output::note(&format!("{}: another process is fetching it; waiting", self.what));
            }
            Progress::Bytes { done, total } => self.show_bytes(done, total),
            Progress::Resuming { why } => self.note(&format!("{}: {why}; going on", self.what)),
            Progress::Checking => self.note(&format!("{}: checking its SHA-256", self.what)),
            _ => {}
        }
    }

    fn show_bytes(&mut self, done: u64, total: Option<u64>) {
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
                let template = match total {
                    Some(_) => {
                        "{msg} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left"
                    }
                    None => "{msg} {spinner} {bytes}, {bytes_per_sec}",
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.with_message(self.what.clone())
            });
            bar.set_position(done);
            return;
        }
        if self.last_line.is_some_and(|last| last.elapsed() < LINE_PERIOD) {
            return;
        }
        self.last_line = Some(Instant::now());
        let of = total.map(|total| format!(" of {}", human_size(total))).unwrap_or_default();
        output::note(&format!("{}: {}{of}", self.what, human_size(done)));
    }

    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
