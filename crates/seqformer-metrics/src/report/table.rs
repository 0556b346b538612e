//! The numbers of a metric as text.

use std::fmt::{self, Write as _};

use super::MetricReport;
use crate::counts::{ScoreValue, Scores};
use crate::evaluate::Metric;

impl Metric {
    /// Returns the title of its table.
    fn title(self) -> &'static str {
        match self {
            Self::Hota => "HOTA of masks",
            Self::Mots => "CLEAR of masks (MOTS), IoU 0.5",
            Self::Identity => "Identity of masks, IoU 0.5",
            Self::Davis => "J and F (DAVIS, unsupervised)",
            Self::Teta => "TETA of masks",
        }
    }
}

impl MetricReport {
    /// Returns the table, with lines for classes and videos where they are wanted.
    pub fn table(&self, with_classes: bool, with_videos: bool) -> Table<'_> {
        Table { report: self, with_classes, with_videos }
    }
}

/// A metric as text.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    report: &'a MetricReport,
    with_classes: bool,
    with_videos: bool,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MetricReport { metric, averages, classes, videos, groups, notes } = self.report;
        let mut rows: Vec<(String, &Scores)> = Vec::new();
        rows.extend(averages.iter().map(|average| (average.row.name.clone(), &average.row.scores)));
        rows.extend(groups.iter().map(|row| (row.name.clone(), &row.scores)));
        if self.with_classes {
            rows.extend(classes.iter().map(|row| (row.name.clone(), &row.scores)));
        }
        if self.with_videos {
            rows.extend(videos.iter().map(|row| (format!("video {}", row.name), &row.scores)));
        }
        write_rows(formatter, metric.title(), &rows)?;
        notes.iter().try_for_each(|note| writeln!(formatter, "{note}"))
    }
}

/// Writes a table; the first line names the columns.
fn write_rows(to: &mut dyn fmt::Write, title: &str, rows: &[(String, &Scores)]) -> fmt::Result {
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let names = names.max(title.chars().count());
    let is_shown = |value: &ScoreValue| !matches!(value, ScoreValue::CountCurve(_));
    let Some((_, first)) = rows.first() else { return Ok(()) };
    let mut header = format!("{title:<names$}");
    for score in first.0.iter().filter(|score| is_shown(&score.value)) {
        write!(header, "  {:>6}", score.name)?;
    }
    writeln!(to, "{header}")?;
    for (name, scores) in rows {
        write!(to, "{name:<names$}")?;
        for score in scores.0.iter().filter(|score| is_shown(&score.value)) {
            let width = score.name.chars().count().max(6);
            match score.value {
                ScoreValue::Count(count) => write!(to, "  {count:>width$.0}")?,
                _ => write!(to, "  {:>width$.3}", score.value.number())?,
            }
        }
        writeln!(to)?;
    }
    Ok(())
}
