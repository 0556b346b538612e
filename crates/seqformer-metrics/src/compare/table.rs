//! A comparison as text.

use std::fmt;

use super::{Comparison, Difference, Draws};

/// How many classes or videos a line names at each end.
const NUM_NAMED: usize = 3;

/// One line for each number, and where one wins.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonTable<'a> {
    comparison: &'a Comparison,
    with_classes: bool,
    with_videos: bool,
}

impl Comparison {
    /// Returns the table, with lines for classes and videos where they are wanted.
    pub fn table(&self, with_classes: bool, with_videos: bool) -> ComparisonTable<'_> {
        ComparisonTable { comparison: self, with_classes, with_videos }
    }
}

impl fmt::Display for ComparisonTable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comparison { metric, all, classes, videos } = self.comparison;
        let mut rows = vec![("all".to_owned(), all)];
        if self.with_classes {
            rows.extend(classes.iter().map(|(name, row)| (name.clone(), row)));
        }
        if self.with_videos {
            rows.extend(videos.iter().map(|(name, row)| (format!("video {name}"), row)));
        }
        let title = metric.number();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let width = width.max(title.chars().count());
        writeln!(
            formatter,
            "{title:<width$}  results  against  difference  95% of draws      better"
        )?;
        for (name, row) in rows {
            let Difference { first, second, draws } = row;
            let difference = row.difference();
            write!(formatter, "{name:<width$}  {first:>7.3}  {second:>7.3}  {difference:>+10.3}")?;
            if let Some(Draws { interval: [low, high], better }) = draws {
                write!(formatter, "  {low:+.3} to {high:+.3}  {:>5.0}%", 100.0 * better)?;
            }
            writeln!(formatter)?;
        }
        write_summary(formatter, "classes", classes)?;
        write_summary(formatter, "videos", videos)
    }
}

/// Says where one wins.
fn write_summary(
    formatter: &mut fmt::Formatter<'_>,
    what: &str,
    rows: &[(String, Difference)],
) -> fmt::Result {
    let count = |is_counted: fn(f64) -> bool| {
        rows.iter().filter(|(_, row)| is_counted(row.difference())).count()
    };
    let (better, worse) = (count(|d| d > 0.0), count(|d| d < 0.0));
    let equal = rows.len() - better - worse;
    write!(formatter, "{what}: better in {better}, worse in {worse}, equal in {equal}")?;
    let mut ranked: Vec<(&str, f64)> =
        rows.iter().map(|(name, row)| (name.as_str(), row.difference())).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = ranked.iter().filter(|end| end.1 > 0.0).take(NUM_NAMED);
    write_ends(formatter, "most better", best)?;
    let worst = ranked.iter().rev().filter(|end| end.1 < 0.0).take(NUM_NAMED);
    write_ends(formatter, "most worse", worst)?;
    writeln!(formatter)
}

fn write_ends<'a>(
    formatter: &mut fmt::Formatter<'_>,
    title: &str,
    ends: impl Iterator<Item = &'a (&'a str, f64)>,
) -> fmt::Result {
    for (place, (name, difference)) in ends.enumerate() {
        match place {
            0 => write!(formatter, "; {title}: ")?,
            _ => write!(formatter, ", ")?,
        }
        write!(formatter, "{name} ({difference:+.3})")?;
    }
    Ok(())
}
