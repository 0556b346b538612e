//! One diagram: grid, curves, legend.

use super::axis::{Axis, Scale, grouped, number};
use super::series::{running_median, smoothing_window, thinned};
use super::svg::{Anchor, Area, Font, Point, Stroke, Svg};
use super::{INK, MUTED};

const GRID: &str = "#e6e8eb";
const EDGE: &str = "#b4bac2";
const PAPER: &str = "#fbfcfd";
const ALARM: &str = "#c81e1e";
/// A logarithmic scale is used if the largest value is this many times the smallest.
const LOG_RATIO: f64 = 20.0;
/// More points are not distinguishable within the width of the diagram.
const MAX_POINTS: usize = 2000;
const LEGEND_ROW: f64 = 19.0;

/// How the values of a panel are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Drawing {
    /// Many noisy values: a thin line, and a thick one for the running median.
    Smoothed,
    /// Unsmoothed values.
    Plain,
    /// A few values, each with a marker; the legend shows the best one.
    Marked,
}

/// One curve.
#[derive(Debug)]
pub(super) struct Curve<'a> {
    pub(super) name: String,
    pub(super) color: &'static str,
    pub(super) points: &'a [(u64, f64)],
}

/// One diagram of curves that share their axes.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    pub(super) title: &'static str,
    pub(super) drawing: Drawing,
    pub(super) curves: Vec<Curve<'a>>,
}

impl Panel<'_> {
    /// Draws the panel into `area`, with the legend to its right and the title above.
    pub(super) fn draw(&self, svg: &mut Svg, area: Area, iterations: &Axis) {
        let values = self.value_axis(area);
        let scale = if values.scale == Scale::Log { " (logarithmic)" } else { "" };
        let title = Font { size: 13.0, color: INK, bold: true, anchor: Anchor::Start };
        let above = Point { x: area.left, y: area.top - 9.0 };
        svg.text(above, title, &format!("{}{scale}", self.title));
        draw_grid(svg, area, iterations, &values);
        let place = |(iteration, value): (u64, f64)| Point {
            x: area.left + iterations.fraction(iteration as f64) * area.width,
            y: area.bottom() - values.fraction(value) * area.height,
        };
        // All thin lines are below all thick ones.
        if self.drawing == Drawing::Smoothed {
            for curve in &self.curves {
                let lines = segments(&thinned(curve.points, MAX_POINTS), place);
                let stroke = Stroke { color: curve.color, width: 0.8, opacity: 0.35 };
                svg.polylines(&lines, stroke);
            }
        }
        for curve in &self.curves {
            let points = self.main_line(curve);
            let lines = segments(&thinned(&points, MAX_POINTS), place);
            svg.polylines(&lines, Stroke::new(curve.color, 1.8));
            if self.drawing == Drawing::Marked {
                lines.iter().flatten().for_each(|point| svg.circle(*point, 3.4, curve.color));
            }
        }
        self.draw_alarms(svg, area, iterations);
        self.draw_legend(svg, area);
    }

    fn main_line(&self, curve: &Curve<'_>) -> Vec<(u64, f64)> {
        match self.drawing {
            Drawing::Smoothed => running_median(curve.points, smoothing_window(curve.points.len())),
            Drawing::Plain | Drawing::Marked => curve.points.to_vec(),
        }
    }

    fn value_axis(&self, area: Area) -> Axis {
        let all = self.curves.iter().flat_map(|curve| curve.points).map(|point| point.1);
        let finite = all.filter(|value| value.is_finite());
        let range = finite.fold(None, |range: Option<(f64, f64)>, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        let (low, high) = range.unwrap_or((0.0, 1.0));
        let intervals = ((area.height / 40.0) as usize).max(2);
        if self.drawing != Drawing::Marked && low > 0.0 && high / low > LOG_RATIO {
            return Axis::log(low, high, intervals);
        }
        match self.drawing {
            // Some room above, because a constant value at the edge would look cut off.
            Drawing::Plain => Axis::exact(low.min(0.0), high + 0.12 * high.abs(), intervals),
            Drawing::Smoothed | Drawing::Marked => {
                // Include zero unless the values vary little and are far from it.
                let low = if low > 0.0 && low < 0.7 * high { 0.0 } else { low };
                Axis::linear(low, high, intervals)
            }
        }
    }

    fn number(&self, value: f64) -> String {
        match self.drawing {
            // AP is conventionally given in percent with one decimal.
            Drawing::Marked if value.is_finite() => format!("{value:.1}"),
            _ => number(value, 3),
        }
    }

    /// Marks iterations with a non-finite value along the top edge.
    fn draw_alarms(&self, svg: &mut Svg, area: Area, iterations: &Axis) {
        const ARM: f64 = 3.5;
        let alarms = self.curves.iter().flat_map(|curve| curve.points);
        let alarms = alarms.filter(|point| !point.1.is_finite()).map(|point| point.0);
        for iteration in alarms.collect::<std::collections::BTreeSet<_>>() {
            let x = area.left + iterations.fraction(iteration as f64) * area.width;
            let y = area.top + 2.0 * ARM;
            let corner = |dx: f64, dy: f64| Point { x: x + dx * ARM, y: y + dy * ARM };
            let strokes =
                [vec![corner(-1., -1.), corner(1., 1.)], vec![corner(-1., 1.), corner(1., -1.)]];
            svg.polylines(&strokes, Stroke::new(ALARM, 1.6));
        }
    }

    /// Names, colours and newest values to the right of the panel.
    fn draw_legend(&self, svg: &mut Svg, area: Area) {
        let left = area.right() + 18.0;
        let name = Font { size: 11.5, color: INK, bold: false, anchor: Anchor::Start };
        let figure = Font { anchor: Anchor::End, ..name };
        let remark = Font { size: 10.0, color: MUTED, ..figure };
        let end = left + 144.0;
        let mut y = area.top + 9.0;
        for curve in &self.curves {
            let middle = Point { x: left, y: y - 4.0 };
            let stroke = Stroke::new(curve.color, 3.0);
            svg.polylines(&[vec![middle, Point { x: left + 14.0, ..middle }]], stroke);
            svg.text(Point { x: left + 23.0, y }, name, &curve.name);
            let line = self.main_line(curve);
            if let Some((_, newest)) = line.last() {
                let shown =
                    if newest.is_finite() { figure } else { Font { color: ALARM, ..figure } };
                svg.text(Point { x: end, y }, shown, &self.number(*newest));
            }
            if let Some((iteration, best)) = best(&line).filter(|_| self.drawing == Drawing::Marked)
            {
                y += LEGEND_ROW - 5.0;
                let best = self.number(best);
                let text = format!("best {best} at {}", grouped(&iteration.to_string()));
                svg.text(Point { x: end, y }, remark, &text);
            }
            y += LEGEND_ROW;
        }
        let broken = self.curves.iter().flat_map(|curve| curve.points).any(|p| !p.1.is_finite());
        if broken {
            svg.text(Point { x: left, y }, Font { color: ALARM, ..name }, "×  value is not finite");
        }
    }
}

fn best(points: &[(u64, f64)]) -> Option<(u64, f64)> {
    let finite = points.iter().filter(|point| point.1.is_finite());
    finite.copied().reduce(|best, point| if point.1 > best.1 { point } else { best })
}

fn draw_grid(svg: &mut Svg, area: Area, iterations: &Axis, values: &Axis) {
    let label = Font { size: 10.5, color: MUTED, bold: false, anchor: Anchor::Middle };
    svg.rect(area, PAPER);
    for tick in &iterations.ticks {
        let x = area.left + iterations.fraction(tick.value) * area.width;
        let (top, bottom) = (Point { x, y: area.top }, Point { x, y: area.bottom() });
        svg.line(top, bottom, Stroke::new(GRID, 1.0));
        svg.text(Point { x, y: area.bottom() + 15.0 }, label, &tick.label);
    }
    for tick in &values.ticks {
        let y = area.bottom() - values.fraction(tick.value) * area.height;
        let (left, right) = (Point { x: area.left, y }, Point { x: area.right(), y });
        svg.line(left, right, Stroke::new(GRID, 1.0));
        let beside = Point { x: area.left - 8.0, y: y + 3.7 };
        svg.text(beside, Font { anchor: Anchor::End, ..label }, &tick.label);
    }
    let corner = Point { x: area.left, y: area.bottom() };
    svg.line(Point { x: area.left, y: area.top }, corner, Stroke::new(EDGE, 1.0));
    svg.line(corner, Point { x: area.right(), y: area.bottom() }, Stroke::new(EDGE, 1.0));
}

/// The segments between non-finite values.
fn segments(points: &[(u64, f64)], place: impl Fn((u64, f64)) -> Point) -> Vec<Vec<Point>> {
    let stretches = points.split(|point| !point.1.is_finite());
    let stretches = stretches.filter(|stretch| !stretch.is_empty());
    stretches.map(|stretch| stretch.iter().map(|point| place(*point)).collect()).collect()
}
