//! What training reports: the console, `metrics.json`, TensorBoard events and `curves.svg`.

use std::path::{Path, PathBuf};

use seqformer_logs::{
    Curves, EventFile, Metrics, MetricsFile, MetricsRecord, console_line, read_metrics,
};
use tch::Device;

use crate::{EngineError, TestScores, gpu_peak, score_prefix};

/// Iterations between two records.
const PERIOD: u64 = 20;
/// Records between two updates of the curves.
const RECORDS_PER_DRAWING: u64 = 5;

/// Receives every record that is written.
pub(super) type OnRecord = Box<dyn FnMut(&MetricsRecord)>;

/// The files of one run.
pub(super) struct Journal {
    folder: PathBuf,
    metrics: Metrics,
    file: MetricsFile,
    events: EventFile,
    max_iter: u64,
    device: Device,
    /// Prefix of the scores in the curves: those of the first test dataset.
    drawn: String,
    /// Iterations of this process; the first two are slower than all others.
    timed: u64,
    records: u64,
    on_record: Option<OnRecord>,
}

impl Journal {
    /// Opens the files of a run that has done `iterations` of `max_iter`.
    pub(super) fn new(
        folder: &Path,
        (iterations, max_iter): (u64, u64),
        device: Device,
        test_datasets: &[String],
    ) -> Result<Self, EngineError> {
        let path = folder.join("metrics.json");
        let file = if iterations > 0 {
            MetricsFile::resume(&path, iterations)?
        } else {
            MetricsFile::create(&path)?
        };
        let events = EventFile::create(folder, iterations)?;
        let folder = folder.to_path_buf();
        let drawn =
            if test_datasets.is_empty() { String::new() } else { score_prefix(test_datasets, 0) };
        let metrics = Metrics::new();
        let (timed, records, on_record) = (0, 0, None);
        Ok(Self {
            folder,
            metrics,
            file,
            events,
            max_iter,
            device,
            drawn,
            timed,
            records,
            on_record,
        })
    }

    /// Hands every record to `on_record` as well.
    pub(super) fn report_to(&mut self, on_record: OnRecord) {
        self.on_record = Some(on_record);
    }

    pub(super) fn metrics(&mut self) -> &mut Metrics {
        &mut self.metrics
    }

    /// Records how long loading and the whole iteration took.
    pub(super) fn record_times(&mut self, data_secs: f64, secs: f64) {
        self.timed += 1;
        self.metrics.record("data_time", data_secs);
        if self.timed > 2 {
            self.metrics.record("time", secs);
        }
        self.metrics.record_eta(self.max_iter);
    }

    /// Writes everything that is new, every few iterations and at the end.
    pub(super) fn write_if_due(
        &mut self,
        done: u64,
        is_last: bool,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        if !done.is_multiple_of(PERIOD) && !is_last {
            return Ok(());
        }
        on_line(&console_line(&self.metrics, peak_memory(self.device)));
        self.write_fresh()?;
        self.records += 1;
        if is_last || self.records.is_multiple_of(RECORDS_PER_DRAWING) {
            self.draw()?;
        }
        Ok(())
    }

    /// Writes the scores of the validation after the last iteration, which is followed by no other
    /// record.
    pub(super) fn write_final_scores(&mut self) -> Result<(), EngineError> {
        self.write_fresh()?;
        self.draw()
    }

    fn write_fresh(&mut self) -> Result<(), EngineError> {
        for record in self.metrics.take_fresh() {
            self.file.write(&record)?;
            self.events.write_record(&record)?;
            if let Some(on_record) = &mut self.on_record {
                on_record(&record);
            }
        }
        Ok(())
    }

    /// Records the scores of a validation.
    pub(super) fn record_scores(&mut self, scores: &TestScores) {
        for (name, value) in scores.iter() {
            self.metrics.record_unsmoothed(name, value);
        }
    }

    fn draw(&self) -> Result<(), EngineError> {
        let records = read_metrics(self.file.path())?;
        let title = format!("iteration {} of {}", self.metrics.iteration() + 1, self.max_iter);
        let curves = Curves::from_records(&title, &records).of_dataset(&self.drawn);
        curves.write(&self.folder.join("curves.svg"))?;
        Ok(())
    }
}

/// The peak memory: on a GPU that of tensors, as in detectron2; on the CPU that of this process, if the system reports it.
fn peak_memory(device: Device) -> Option<u64> {
    if device.is_cuda() { gpu_peak(device) } else { peak_of_process() }
}

fn peak_of_process() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_gpu_is_never_that_of_the_process() {
        assert!(peak_memory(Device::Cpu).is_none_or(|bytes| bytes > 1 << 20));
        // Without a GPU there is no value, rather than that of the process.
        assert_eq!(peak_memory(Device::Cuda(0)), gpu_peak(Device::Cuda(0)));
        assert!(tch::Cuda::is_available() || peak_memory(Device::Cuda(0)).is_none());
    }
}
