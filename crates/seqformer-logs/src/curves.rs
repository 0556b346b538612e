//! The curves of a training as a picture: losses, learning rate, validation AP.
//!
//! The picture is a single SVG file without scripts, fonts or links, and is redrawn each time.
//!
//! Without it, curves need TensorBoard or a plotting library, and a report of a finished run has no picture.

mod axis;
mod panel;
mod series;
mod svg;

use std::io::Write as _;
use std::path::Path;

use axis::{Axis, grouped};
use panel::{Curve, Drawing, Panel};
use series::Series;
use svg::{Anchor, Area, Font, Point, Svg};

use crate::LogError;
use crate::metrics::{Metrics, MetricsRecord};

const INK: &str = "#1f2933";
const MUTED: &str = "#66707c";

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 66.0;
const PLOT_WIDTH: f64 = 748.0;
/// Above the first panel: the headings and the panel's own title.
const HEADER: f64 = 88.0;
/// Below the last panel: the iterations and the axis' name.
const FOOTER: f64 = 48.0;
/// Room for a panel's title, and for the iterations of the panel above.
const GAP: f64 = 52.0;
const ITERATION_INTERVALS: usize = 8;
/// A series that begins before this iteration is shown from the start.
const LATE_START: u64 = 1000;

/// The losses of the last decoder layer and the sum of all losses, in the colour-blind safe palette of Okabe and Ito.
const LOSSES: [(&str, &str); 6] = [
    (Metrics::OPTIMIZED_LOSS, INK),
    ("loss_ce", "#0072b2"),
    ("loss_bbox", "#d55e00"),
    ("loss_giou", "#009e73"),
    ("loss_mask", "#cc79a7"),
    ("loss_dice", "#e69f00"),
];
const LEARNING_RATE: [(&str, &str); 1] = [(Metrics::LR, "#0072b2")];
const PRECISIONS: [(&str, &str); 3] = [("AP", "#0072b2"), ("AP50", "#e69f00"), ("AP75", "#009e73")];

/// The picture of a training.
#[derive(Clone, Debug)]
pub struct Curves {
    title: String,
    series: Vec<Series>,
    /// Prefix of the task in the names of the precisions that are drawn.
    dataset: String,
}

impl Curves {
    /// Draws the known ones of `series`: `optimized_loss` (or `total_loss` if it is missing) and the losses of the last
    /// decoder layer, `lr`, and the validation's `AP`, `AP50` and `AP75`, alone or after a task as in `segm/AP`.
    fn new(title: &str, series: Vec<Series>) -> Self {
        Self { title: title.to_owned(), series, dataset: String::new() }
    }

    /// Draws the lines of a `metrics.json`.
    pub fn from_records(title: &str, records: &[MetricsRecord]) -> Self {
        Self::new(title, Series::collect(records))
    }

    /// Draws the precisions whose names start with `prefix`, as in `val/segm/AP`: those of one of several datasets.
    #[must_use]
    pub fn of_dataset(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.dataset);
        self
    }

    /// Writes the picture to `path` atomically.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written; the old picture is then unchanged.
    pub fn write(&self, path: &Path) -> Result<(), LogError> {
        seqformer_files::replace(path, |file| file.write_all(self.to_svg().as_bytes()))
            .map_err(|source| LogError::Unwritable { path: path.to_owned(), source })
    }

    /// The picture as SVG.
    pub fn to_svg(&self) -> String {
        let panels = self.panels();
        let heights = panels.iter().map(|(height, _)| height).sum::<f64>();
        let height = HEADER + heights + GAP * (panels.len() - 1) as f64 + FOOTER;
        let iterations = iteration_axis(panels.iter().map(|(_, panel)| panel));
        let mut svg = Svg::new(WIDTH, height);
        self.draw_header(&mut svg);
        let mut top = HEADER;
        for (height, panel) in &panels {
            let area = Area { left: LEFT, top, width: PLOT_WIDTH, height: *height };
            panel.draw(&mut svg, area, &iterations);
            top += height + GAP;
        }
        let font = Font { size: 11.0, color: MUTED, bold: false, anchor: Anchor::Middle };
        let below = Point { x: LEFT + PLOT_WIDTH / 2.0, y: height - 12.0 };
        svg.text(below, font, "iteration");
        svg.finish()
    }

    /// The panels from top to bottom, each with its height.
    fn panels(&self) -> Vec<(f64, Panel<'_>)> {
        let mut panels = vec![
            (
                340.0,
                Panel { title: "Losses", drawing: Drawing::Smoothed, curves: self.named(&LOSSES) },
            ),
            (
                120.0,
                Panel {
                    title: "Learning rate",
                    drawing: Drawing::Plain,
                    curves: self.named(&LEARNING_RATE),
                },
            ),
        ];
        let precisions = self.precisions();
        if !precisions.is_empty() {
            panels.push((
                200.0,
                Panel { title: "Validation AP", drawing: Drawing::Marked, curves: precisions },
            ));
        }
        panels
    }

    fn draw_header(&self, svg: &mut Svg) {
        let last = self.series.iter().filter_map(|series| series.points.last()).map(|p| p.0).max();
        let iteration = last.map_or_else(
            || "no values yet".into(),
            |last| format!("iteration {}", grouped(&last.to_string())),
        );
        let title = Font { size: 18.0, color: INK, bold: true, anchor: Anchor::Start };
        svg.text(Point { x: LEFT, y: 36.0 }, title, &self.title);
        let right = Font { size: 14.0, bold: false, anchor: Anchor::End, ..title };
        svg.text(Point { x: WIDTH - 24.0, y: 36.0 }, right, &iteration);
        let losses = self.named(&LOSSES);
        let window = losses.iter().map(|curve| curve.points.len()).max();
        let window = series::smoothing_window(window.unwrap_or(0));
        if window > 1 {
            let note = Font { size: 11.0, color: MUTED, bold: false, anchor: Anchor::Start };
            let text = format!("thin: as recorded, thick: running median of {window} records");
            svg.text(Point { x: LEFT, y: 55.0 }, note, &text);
        }
    }

    fn series_named(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name)
    }

    fn named(&self, names: &[(&str, &'static str)]) -> Vec<Curve<'_>> {
        let curves = names.iter().filter_map(|(name, color)| {
            let mut series = self.series_named(name);
            if *name == Metrics::OPTIMIZED_LOSS {
                // The total contains the class error in per cent, which hides the losses, but other programs write only
                // the total.
                series = series.or_else(|| self.series_named(Metrics::TOTAL_LOSS));
            }
            let series = series?;
            Some(Curve { name: series.name.clone(), color, points: &series.points })
        });
        curves.collect()
    }

    /// The AP values of the first task that has any; masks before boxes.
    fn precisions(&self) -> Vec<Curve<'_>> {
        for task in ["segm/", "", "bbox/"].map(|task| format!("{}{task}", self.dataset)) {
            let curves: Vec<_> = PRECISIONS
                .iter()
                .filter_map(|(name, color)| {
                    let wanted = |series: &&Series| series.name.strip_prefix(&task) == Some(name);
                    let series = self.series.iter().find(wanted)?;
                    Some(Curve { name: (*name).to_owned(), color, points: &series.points })
                })
                .collect();
            if !curves.is_empty() {
                return curves;
            }
        }
        Vec::new()
    }
}

/// From the start, or from the first value of a series that begins late, to the last value.
fn iteration_axis<'a>(panels: impl Iterator<Item = &'a Panel<'a>>) -> Axis {
    let curves = panels.flat_map(|panel| &panel.curves);
    let iterations: Vec<u64> = curves.flat_map(|curve| curve.points).map(|p| p.0).collect();
    let first = iterations.iter().min().copied().unwrap_or(0);
    let last = iterations.iter().max().copied().unwrap_or(0);
    let first = if first < LATE_START.max(last / 2) { 0 } else { first };
    // One more, so that a training of 12,000 iterations ends at that number.
    Axis::exact(first as f64, last as f64 + 1.0, ITERATION_INTERVALS)
}

#[cfg(test)]
mod tests;
