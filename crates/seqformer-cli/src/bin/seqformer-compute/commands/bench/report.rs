//! What `bench` prints.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;

use super::machine::Machine;
use super::setting::Setting;
use super::speed::Speed;

/// Stages in the order of the table.
const STAGES: [&str; 10] = [
    "decode", "resize", "backbone", "encoder", "decoder", "masks", "rle", "overlay", "files",
    "other",
];

/// All numbers of a run of the command.
#[derive(Debug, Serialize)]
pub(super) struct BenchReport {
    setting: Setting,
    model: Speed,
    /// `None` if only the network was measured.
    end_to_end: Option<Speed>,
    machine: Machine,
    /// Number of CUDA graphs that were recorded; `None` on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    graphs: Option<usize>,
    /// What ran in a slower way on the GPU; `None` on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallbacks: Option<Vec<String>>,
}

impl BenchReport {
    pub(super) fn new(
        setting: Setting,
        mut model: Speed,
        mut end_to_end: Option<Speed>,
        machine: Machine,
    ) -> Self {
        let rate = match setting.precision {
            "bf16" => machine.matmul_bf16_flops,
            "tf32" => machine.matmul_tf32_flops.unwrap_or(machine.matmul_f32_flops),
            _ => machine.matmul_f32_flops,
        };
        for work in model.work.values_mut() {
            work.share_of_matmul = work.flops / rate;
        }
        if let Some(speed) = &mut end_to_end {
            speed.share_of_model = Some(speed.fps / model.fps);
        }
        Self { setting, model, end_to_end, machine, graphs: None, fallbacks: None }
    }

    /// Adds what a GPU's way of running depends on.
    pub(super) fn on_gpu(self, graphs: usize, fallbacks: Vec<String>) -> Self {
        Self { graphs: Some(graphs), fallbacks: Some(fallbacks), ..self }
    }

    /// The numbers as a table for people.
    pub(super) fn table(&self) -> String {
        let Self { setting, model, end_to_end, machine, .. } = self;
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["", "model", "end to end", "TFLOP", "TFLOP/s", "of a matmul"]);
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let both = |number: &dyn Fn(&Speed) -> Option<String>| {
            let end = end_to_end.as_ref().and_then(number);
            [number(model), end].map(|text| right(text.unwrap_or_else(|| "-".to_owned())))
        };
        for (name, number) in ROWS {
            // Some rows exist only for a network on a GPU.
            if number(model).is_none() && end_to_end.as_ref().and_then(number).is_none() {
                continue;
            }
            let mut row = vec![Cell::new(name)];
            row.extend(both(&|speed| number(speed)));
            table.add_row(row);
        }
        for stage in STAGES {
            let secs = |speed: &Speed| speed.stages.get(stage).map(|secs| format!("{secs:.3}"));
            if secs(model).is_none() && end_to_end.as_ref().and_then(secs).is_none() {
                continue;
            }
            let mut row = vec![Cell::new(format!("{stage}, s"))];
            row.extend(both(&secs));
            if let Some(work) = model.work.get(stage) {
                row.extend([
                    right(format!("{:.3}", work.flop / 1e12)),
                    right(format!("{:.3}", work.flops / 1e12)),
                    right(format!("{:.0} %", 100.0 * work.share_of_matmul)),
                ]);
            }
            table.add_row(row);
        }
        format!("{}\n{table}\n{}", setting.line(), machine.line())
    }
}

type Row = (&'static str, fn(&Speed) -> Option<String>);

const ROWS: [Row; 7] = [
    ("seconds, median", |speed| Some(format!("{:.3}", speed.seconds_median))),
    ("frames per second", |speed| Some(format!("{:.2}", speed.fps))),
    ("p50 of a frame, ms", |speed| Some(format!("{:.1}", speed.p50_ms))),
    ("p99 of a frame, ms", |speed| Some(format!("{:.1}", speed.p99_ms))),
    ("peak memory, MiB", |speed| speed.peak_rss_mib.map(|mib| format!("{mib:.0}"))),
    ("peak GPU memory, MiB", |speed| speed.peak_gpu_mib.map(|mib| format!("{mib:.0}"))),
    ("speed over the model's", |speed| {
        speed.share_of_model.map(|share| format!("{:.0} %", 100.0 * share))
    }),
];
