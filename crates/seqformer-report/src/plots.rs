//! Plots as numbers of pixels, which the templates draw as SVG.

use std::fmt::Write as _;

use serde::Serialize;

use crate::calibration::Calibration;

/// The area between the axes of a plot from 0 to 1.
const LEFT: f64 = 48.0;
const TOP: f64 = 10.0;
const SIDE: f64 = 300.0;

/// Lines between axes from 0 to 1.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LinePlot {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) side: f64,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) x_label: &'static str,
    pub(crate) y_label: &'static str,
    pub(crate) lines: Vec<Line>,
    pub(crate) dots: Vec<Dot>,
    pub(crate) with_diagonal: bool,
}

/// A mark of both axes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tick {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) label: String,
}

/// A line of a plot.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// The style of the line, as the style sheet calls it.
    pub(crate) style: &'static str,
    pub(crate) points: String,
}

/// A point of a plot whose area stands for a number.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Dot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) radius: f64,
    pub(crate) style: &'static str,
    pub(crate) title: String,
}

/// Styles of the first and second results.
pub(crate) const STYLES: [&str; 2] = ["first", "second"];

impl LinePlot {
    fn new(x_label: &'static str, y_label: &'static str) -> Self {
        let tick = |number: u32| {
            let value = f64::from(number) / 5.0;
            let [x, y] = place(value, value);
            Tick { x, y, label: format!("{value:.1}") }
        };
        Self {
            left: LEFT,
            top: TOP,
            side: SIDE,
            ticks: (0..=5).map(tick).collect(),
            x_label,
            y_label,
            lines: Vec::new(),
            dots: Vec::new(),
            with_diagonal: false,
        }
    }

    /// Draws precision over recall; each line has one value for each recall point.
    pub(crate) fn precision_recall(lines: Vec<(String, &'static str, Vec<f64>)>) -> Self {
        let mut plot = Self::new("recall", "precision");
        for (name, style, values) in lines {
            let last = (values.len().max(2) - 1) as f64;
            let points =
                values.iter().enumerate().map(|(at, &value)| place(at as f64 / last, value));
            plot.lines.push(Line { name, style, points: joined(points) });
        }
        plot
    }

    /// Draws precision over score, a dot for each bin; their areas are the numbers of results.
    pub(crate) fn calibration(of: &[(String, &Calibration)]) -> Self {
        let mut plot = Self::new("score", "precision");
        plot.with_diagonal = true;
        for ((name, calibration), style) in of.iter().zip(STYLES) {
            let bins: Vec<_> = calibration.bins.iter().filter(|bin| bin.count > 0).collect();
            let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
            let points = bins.iter().map(|bin| place(bin.mean_score, bin.precision));
            plot.lines.push(Line { name: name.clone(), style, points: joined(points) });
            for bin in bins {
                let [x, y] = place(bin.mean_score, bin.precision);
                let radius = 2.5 + 9.0 * (bin.count as f64 / most).sqrt();
                let title = format!(
                    "{name}: {} results with a mean score of {:.2}, {:.0}% of them right",
                    bin.count,
                    bin.mean_score,
                    100.0 * bin.precision
                );
                plot.dots.push(Dot { x, y, radius, style, title });
            }
        }
        plot
    }
}

/// Draws a line of values from 0 to 1 into a box of so many pixels, for a cell of a table.
pub(crate) fn sparkline(values: &[f64], width: f64, height: f64) -> String {
    let last = (values.len().max(2) - 1) as f64;
    let point = |(at, value): (usize, &f64)| {
        [at as f64 / last * width, 1.0 + (1.0 - value.max(0.0)) * (height - 2.0)]
    };
    joined(values.iter().enumerate().map(point))
}

fn place(x: f64, y: f64) -> [f64; 2] {
    [LEFT + x * SIDE, TOP + (1.0 - y) * SIDE]
}

fn joined(points: impl Iterator<Item = [f64; 2]>) -> String {
    let mut text = String::new();
    for [x, y] in points {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a text cannot fail.
        let _written = write!(text, "{separator}{x:.1},{y:.1}");
    }
    text
}
