//! The twelve numbers, the printed summary, the table per class and the JSON form.
//!
//! Reference: pycocotools, `COCOeval.summarize`; YouTube-VIS `cocoapi`, `YTVOSeval.summarize`, prints
//! the same.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use seqformer_annotations::Category;
use serde_json::{Map, Value, json};

use crate::PrecisionRecall;
use crate::parameters::{AREA_RANGES, iou_thresholds};
use crate::precision_recall::{MAX_DETECTIONS, NUM_RECALL_POINTS};
use crate::track::mean;

/// The names of the twelve numbers in the official order.
pub const STAT_NAMES: [&str; 12] =
    ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

/// Prefix of a class in the name of its score.
pub const CLASS_PREFIX: &str = "AP-";

/// The values that one of the twelve numbers averages.
#[derive(Debug, Clone, Copy)]
struct Setting {
    is_precision: bool,
    /// An index into the IoU thresholds; `None` for all.
    threshold: Option<usize>,
    /// An index into [`AREA_RANGES`]; both benchmarks use the same names.
    area: usize,
    /// An index into [`MAX_DETECTIONS`].
    limit: usize,
}

const fn ap(threshold: Option<usize>, area: usize) -> Setting {
    Setting { is_precision: true, threshold, area, limit: 2 }
}

const fn ar(area: usize, limit: usize) -> Setting {
    Setting { is_precision: false, threshold: None, area, limit }
}

/// IoU 0.5 is the first threshold and 0.75 the sixth.
const SETTINGS: [Setting; 12] = [
    ap(None, 0),
    ap(Some(0), 0),
    ap(Some(5), 0),
    ap(None, 1),
    ap(None, 2),
    ap(None, 3),
    ar(0, 0),
    ar(0, 1),
    ar(0, 2),
    ar(1, 2),
    ar(2, 2),
    ar(3, 2),
];

/// The numbers of one category.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassScore {
    /// The id of the category.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether the class has annotations or results; only such classes are printed and written.
    pub is_present: bool,
    /// The twelve numbers, −1 where there is nothing to be found.
    pub stats: [f64; 12],
}

/// The scores that are printed and compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The twelve numbers over all categories, named by [`STAT_NAMES`]; −1 where there is nothing
    /// to be found.
    pub stats: [f64; 12],
    /// The same numbers of every category.
    pub per_class: Vec<ClassScore>,
}

impl Report {
    pub(crate) fn new(categories: &[Category], curves: &PrecisionRecall) -> Self {
        let present = curves.present();
        let all: Vec<usize> = (0..present.len()).collect();
        let class = |category: &Category| ClassScore {
            id: category.id,
            name: category.name.clone(),
            is_present: false,
            stats: [-1.0; 12],
        };
        let mut per_class: Vec<ClassScore> = categories.iter().map(class).collect();
        for (place, &category) in present.iter().enumerate() {
            let class = &mut per_class[category];
            class.is_present = true;
            class.stats = SETTINGS.map(|setting| setting.average(curves, &[place]));
        }
        Self { stats: SETTINGS.map(|setting| setting.average(curves, &all)), per_class }
    }

    /// Returns the twelve lines that the official tool prints.
    pub fn summary(&self) -> Summary<'_> {
        Summary(&self.stats)
    }

    /// Returns a table of AP, AP50, AP75, AR1 and AR10 of the classes that have annotations or
    /// results, from 0 to 1 as in the summary.
    pub fn per_class_table(&self) -> PerClassTable<'_> {
        PerClassTable(&self.per_class)
    }

    /// Returns the numbers as JSON.
    ///
    /// `stats` are the twelve numbers in the official order, from 0 to 1; `per_class` contains the AP of every class
    /// with annotations or results by name, `per_class_stats` its twelve numbers, and `num_classes` the number of
    /// classes of the dataset. Classes with equal names have their ids in parentheses after the name.
    pub fn to_json(&self) -> Value {
        let by_name: Vec<(String, &ClassScore)> =
            self.unique_names().filter(|(_, class)| class.is_present).collect();
        let class_ap = by_name.iter().map(|(name, class)| (name.clone(), json!(class.stats[0])));
        let class_stats = by_name.iter().map(|(name, class)| (name.clone(), json!(class.stats)));
        json!({
            "stats": self.stats,
            "stat_names": STAT_NAMES,
            "num_classes": self.per_class.len(),
            "per_class": class_ap.collect::<Map<_, _>>(),
            "per_class_stats": class_stats.collect::<Map<_, _>>(),
        })
    }

    /// Returns the scores in percent with detectron2's names: the twelve numbers and, if there are several classes,
    /// `AP-CLASS` for each of them. NaN where the annotations have nothing to find.
    ///
    /// Reference: detectron2 `evaluation/coco_evaluation.py`, `COCOEvaluator._derive_coco_results`, which has only the
    /// precisions. If several classes share a name, each is followed by its id in brackets.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let percent = |value: f64| if value < 0.0 { f64::NAN } else { 100.0 * value };
        let stats = STAT_NAMES.iter().zip(self.stats);
        let mut scores: Vec<(String, f64)> =
            stats.map(|(name, value)| ((*name).to_owned(), percent(value))).collect();
        if self.per_class.len() > 1 {
            let classes = self.unique_names();
            scores.extend(
                classes.map(|(name, class)| {
                    (format!("{CLASS_PREFIX}{name}"), percent(class.stats[0]))
                }),
            );
        }
        scores
    }

    /// Returns the three lines that detectron2 prints for a task such as `segm` and scripts search for: the names and
    /// values of the scores over all classes.
    ///
    /// Reference: detectron2 `evaluation/testing.py`, `print_csv_format`.
    pub fn copypaste(&self, task: &str) -> [String; 3] {
        let scores = self.scores();
        let all = || scores.iter().filter(|(name, _)| !name.contains('-'));
        let names: Vec<&str> = all().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = all().map(|(_, value)| python_fixed(*value)).collect();
        [format!("Task: {task}"), names.join(","), values.join(",")]
            .map(|text| format!("copypaste: {text}"))
    }

    fn unique_names(&self) -> impl Iterator<Item = (String, &ClassScore)> {
        let mut num_of_name = HashMap::new();
        for class in &self.per_class {
            *num_of_name.entry(class.name.as_str()).or_insert(0_usize) += 1;
        }
        self.per_class.iter().map(move |class| {
            let name = match num_of_name[class.name.as_str()] {
                1 => class.name.clone(),
                _ => format!("{} ({})", class.name, class.id),
            };
            (name, class)
        })
    }
}

impl Setting {
    /// Averages over everything to be found in these categories; −1 if there is nothing.
    fn average(self, curves: &PrecisionRecall, categories: &[usize]) -> f64 {
        let Self { is_precision, threshold, area, limit } = self;
        let thresholds = match threshold {
            Some(threshold) => threshold..threshold + 1,
            None => 0..iou_thresholds().len(),
        };
        let mut values = Vec::new();
        for t in thresholds {
            if is_precision {
                for r in 0..NUM_RECALL_POINTS {
                    let at = |&k: &usize| curves.precision_at([t, r, k, area, limit]);
                    values.extend(categories.iter().map(at));
                }
            } else {
                values.extend(categories.iter().map(|&k| curves.recall_at([t, k, area, limit])));
            }
        }
        values.retain(|&value| value > -1.0);
        if values.is_empty() { -1.0 } else { mean(&values) }
    }
}

/// Python's `{:.4f}`.
fn python_fixed(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:.4}") }
}

/// The official summary, one line per number.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a>(&'a [f64; 12]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thresholds = iou_thresholds();
        for (setting, value) in SETTINGS.iter().zip(self.0) {
            let Setting { is_precision, threshold, area, limit } = *setting;
            let (title, kind) = if is_precision {
                ("Average Precision", "(AP)")
            } else {
                ("Average Recall", "(AR)")
            };
            let iou = threshold.map_or("0.50:0.95".to_owned(), |t| format!("{:.2}", thresholds[t]));
            let (area, limit) = (AREA_RANGES[area].name, MAX_DETECTIONS[limit]);
            writeln!(
                formatter,
                " {title:<18} {kind} @[ IoU={iou:<9} | area={area:>6} | maxDets={limit:>3} ] = \
                 {value:.3}"
            )?;
        }
        Ok(())
    }
}

/// A table with one line for each class that has annotations or results.
#[derive(Debug, Clone, Copy)]
pub struct PerClassTable<'a>(&'a [ClassScore]);

/// The columns of the table, as indices into the twelve numbers.
const COLUMNS: [usize; 5] = [0, 1, 2, 6, 7];

impl fmt::Display for PerClassTable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = || self.0.iter().filter(|class| class.is_present);
        let width = present().map(|class| class.name.chars().count()).max().unwrap_or(0);
        let width = width.max("class".len());
        let mut header = format!("{:<width$}", "class");
        for column in COLUMNS {
            write!(header, "  {:>6}", STAT_NAMES[column])?;
        }
        writeln!(formatter, "{header}")?;
        for class in present() {
            write!(formatter, "{:<width$}", class.name)?;
            for column in COLUMNS {
                match class.stats[column] {
                    value if value < 0.0 => write!(formatter, "  {:>6}", "-")?,
                    value => write!(formatter, "  {value:>6.3}")?,
                }
            }
            writeln!(formatter)?;
        }
        match self.0.len() - present().count() {
            0 => Ok(()),
            others => writeln!(formatter, "{others} classes have neither annotations nor results"),
        }
    }
}

#[cfg(test)]
mod tests;
