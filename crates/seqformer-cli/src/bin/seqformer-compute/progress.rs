//! Progress on standard error: on a terminal a bar with the remaining time, otherwise an occasional
//! line.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_PERIOD: Duration = Duration::from_secs(10);

/// One stage of the work, counted in frames or videos.
#[derive(Debug)]
pub(crate) struct Stage {
    name: String,
    unit: &'static str,
    total: Option<usize>,
    bar: Option<ProgressBar>,
    start: Instant,
    last_line: Instant,
}

impl Stage {
    /// Starts the stage called `name`, with `total` frames if that is known.
    pub(crate) fn new(name: String, total: Option<usize>) -> Self {
        Self::counting("frames", name, total)
    }

    /// Starts a stage that counts items called `unit`.
    pub(crate) fn counting(unit: &'static str, name: String, total: Option<usize>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total.unwrap_or(0) as u64);
            let template = match total {
                Some(_) => format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left"),
                None => format!("{{msg}} {{spinner}} {{pos}} {unit}, {{elapsed}}"),
            };
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.with_message(name.clone())
        });
        let now = Instant::now();
        Self { name, unit, total, bar, start: now, last_line: now }
    }

    /// Reports that `done` items are finished.
    pub(crate) fn set(&mut self, done: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            return;
        }
        if self.last_line.elapsed() < LINE_PERIOD || done == 0 {
            return;
        }
        self.last_line = Instant::now();
        let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let secs = self.start.elapsed().as_secs_f64();
        let left = self.total.map(|total| secs / done as f64 * total.saturating_sub(done) as f64);
        let left = left.map(|secs| format!(", {secs:.0} s left")).unwrap_or_default();
        crate::output::note(&format!("{}: {done}{of} {}, {secs:.0} s{left}", self.name, self.unit));
    }

    /// Ends the stage and removes its bar.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
