//! The numbers of each metric: averages, classes, videos and groups, as a table and as JSON.

mod table;

use std::collections::BTreeMap;

use seqformer_evaluation::ObjectGroup;
use serde_json::{Map, Value, json};

pub use self::table::Table;
use crate::counts::{Counts, Scores};
use crate::disjoint::Lost;
use crate::evaluate::{ClassCounts, GroupCounts, Metric, TrackMetrics, VideoCounts};
use crate::hota::alphas;

/// A line of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the numbers are of.
    pub name: String,
    /// The numbers.
    pub scores: Scores,
}

/// An average over classes or masks.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    /// The key in JSON.
    pub key: &'static str,
    /// The line in the table.
    pub row: Row,
}

/// The numbers of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricReport {
    /// Which metric it is.
    pub metric: Metric,
    /// Averages over all videos, the usual one first.
    pub averages: Vec<Average>,
    /// One line for each class that has annotations or results.
    pub classes: Vec<Row>,
    /// One line for each video that has annotations or results.
    pub videos: Vec<Row>,
    /// One line for each group of annotated objects, where the metric is one of objects.
    pub groups: Vec<Row>,
    /// What a reader has to know about the numbers.
    pub notes: Vec<String>,
}

impl Metric {
    /// Returns how the command line and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hota => "hota",
            Self::Mots => "mots",
            Self::Identity => "idf1",
            Self::Davis => "jf",
            Self::Teta => "teta",
        }
    }
}

impl TrackMetrics {
    /// Sums up every metric that was asked for.
    pub fn reports(&self) -> Vec<MetricReport> {
        let report = |&metric: &Metric| match metric {
            Metric::Hota => self.report(metric, |video| &video.hota),
            Metric::Mots => self.report(metric, |video| &video.clear),
            Metric::Identity => self.report(metric, |video| &video.identity),
            Metric::Davis => self.report(metric, |video| &video.davis),
            Metric::Teta => self.report(metric, |video| &video.teta),
        };
        self.metrics.iter().map(report).collect()
    }

    fn report<C: Counts>(
        &self,
        metric: Metric,
        counts: fn(&VideoCounts) -> &ClassCounts<C>,
    ) -> MetricReport {
        let classes = sum_of_videos(self.videos.iter().map(|video| (counts(video), 1.0)));
        let videos = self.video_names.iter().zip(&self.videos).filter_map(|(name, video)| {
            let all = sum_of_classes(counts(video));
            (!all.is_empty()).then(|| Row { name: name.clone(), scores: all.scores() })
        });
        let rows = classes.iter().filter(|(_, counts)| !counts.is_empty());
        let rows = rows.map(|(&class, counts)| Row {
            name: self.class_names[class].clone(),
            scores: counts.scores(),
        });
        MetricReport {
            metric,
            averages: averages(metric, &classes, self.class_names.len()),
            classes: rows.collect(),
            videos: videos.collect(),
            groups: match metric {
                Metric::Davis => groups(self.videos.iter().map(|video| &video.davis_groups), false),
                Metric::Hota => groups(self.videos.iter().map(|video| &video.hota_groups), true),
                Metric::Mots | Metric::Identity | Metric::Teta => Vec::new(),
            },
            notes: self.notes(metric),
        }
    }

    /// Says what the protocol of a metric did to masks, where it did something.
    fn notes(&self, metric: Metric) -> Vec<String> {
        let empty: usize = self.videos.iter().map(|video| video.num_empty).sum();
        let empty = (
            empty,
            format!(
                "masks of results without pixels: {empty}; without --empty-masks absent each \
                 counts as a detection, as in TrackEval"
            ),
        );
        let notes = match metric {
            Metric::Hota | Metric::Identity | Metric::Teta => vec![empty],
            Metric::Mots => {
                let mut changes = crate::mots::Changes::default();
                self.videos.iter().for_each(|video| changes.add(video.mots_changes));
                let ignored = changes.num_ignored;
                let [results, truths] = overlap_notes(changes.results, changes.truths);
                let ignored = (
                    ignored,
                    format!("masks of results in crowd regions, which do not count: {ignored}"),
                );
                vec![empty, results, truths, ignored]
            }
            Metric::Davis => {
                let mut changes = crate::davis::Changes::default();
                self.videos.iter().for_each(|video| changes.add(video.davis_changes));
                let surplus = changes.num_surplus;
                let surplus = (
                    surplus,
                    format!(
                        "results beyond the 20 best of their video, which do not count: {surplus}"
                    ),
                );
                let [results, truths] = overlap_notes(changes.results, changes.truths);
                vec![surplus, results, truths]
            }
        };
        notes.into_iter().filter(|(count, _)| *count > 0).map(|(_, note)| note).collect()
    }
}

/// Sums up groups over videos; their numbers are means over the classes with such objects or results, or those of all
/// objects together.
fn groups<'a, C: Counts + 'a>(
    videos: impl Iterator<Item = &'a GroupCounts<C>>,
    by_class: bool,
) -> Vec<Row> {
    let mut groups: BTreeMap<ObjectGroup, ClassCounts<C>> = BTreeMap::new();
    for (&group, classes) in videos.flatten() {
        let sums = groups.entry(group).or_default();
        for (&class, counts) in classes {
            sums.entry(class).or_default().add(counts, 1.0);
        }
    }
    let row = |(group, classes): (ObjectGroup, ClassCounts<C>)| {
        let present = classes.values().filter(|counts| !counts.is_empty());
        let scores = if by_class {
            Scores::average(&present.map(|counts| (counts.scores(), 1.0)).collect::<Vec<_>>())
        } else {
            sum_of_classes(&classes).scores()
        };
        Row { name: group.name(), scores }
    };
    groups.into_iter().map(row).filter(|row| !row.scores.0.is_empty()).collect()
}

/// Returns what to say of masks that overlap, each with how many there are.
fn overlap_notes(results: Lost, truths: Lost) -> [(usize, String); 2] {
    let note = |of: &str, winner: &str, Lost { num_masks, num_pixels }: Lost| {
        let text = format!(
            "masks of {of} that overlap others: {num_masks}; pixels that went to {winner}: \
             {num_pixels}"
        );
        (num_masks, text)
    };
    [
        note("results", "the better score", results),
        note("annotations", "the earlier annotation", truths),
    ]
}

/// Sums up the counts of every class over videos, each so many times.
pub(crate) fn sum_of_videos<'a, C: Counts + 'a>(
    videos: impl Iterator<Item = (&'a ClassCounts<C>, f64)>,
) -> ClassCounts<C> {
    let mut classes: ClassCounts<C> = BTreeMap::new();
    for (counts, times) in videos {
        for (&class, counts) in counts {
            classes.entry(class).or_default().add(counts, times);
        }
    }
    classes
}

/// Sums up the counts of all classes.
pub(crate) fn sum_of_classes<C: Counts>(classes: &ClassCounts<C>) -> C {
    let mut sum = C::default();
    for counts in classes.values() {
        sum.add(counts, 1.0);
    }
    sum
}

/// Averages classes in the ways that are usual for a metric, the one that stands for it first.
pub(crate) fn averages<C: Counts>(
    metric: Metric,
    classes: &ClassCounts<C>,
    num_classes: usize,
) -> Vec<Average> {
    let present: Vec<(Scores, f64)> = (classes.values())
        .filter(|counts| !counts.is_empty())
        .map(|counts| (counts.scores(), 1.0))
        .collect();
    let mut all = present.clone();
    if num_classes > present.len() {
        all.push((C::default().scores(), (num_classes - present.len()) as f64));
    }
    let of_masks = sum_of_classes(classes).scores();
    let average =
        |key, name: &str, scores| Average { key, row: Row { name: name.to_owned(), scores } };
    let mean_of = |classes: &[(Scores, f64)]| match Scores::average(classes) {
        Scores(scores) if scores.is_empty() => C::default().scores(),
        scores => scores,
    };
    let of_present = average("class_averaged", "classes present", mean_of(&present));
    match metric {
        Metric::Hota | Metric::Mots | Metric::Identity => vec![
            average("class_averaged_all", "all classes", mean_of(&all)),
            of_present,
            average("detection_averaged", "all masks", of_masks),
        ],
        Metric::Davis => vec![average("object_averaged", "all objects", of_masks), of_present],
        Metric::Teta => vec![of_present, average("detection_averaged", "all masks", of_masks)],
    }
}

impl MetricReport {
    /// Returns the numbers by name, those of videos where they are wanted.
    pub fn to_json(&self, with_videos: bool) -> Value {
        let rows = |rows: &[Row]| -> Value {
            rows.iter()
                .map(|row| (row.name.clone(), row.scores.to_json()))
                .collect::<Map<_, _>>()
                .into()
        };
        let mut json = Map::new();
        match self.metric {
            Metric::Hota => drop(json.insert("iou_thresholds".to_owned(), json!(alphas()))),
            Metric::Teta => {
                let thresholds: Vec<f64> = (0..20).map(|index| f64::from(index) * 0.05).collect();
                json.insert("iou_thresholds".to_owned(), json!(thresholds));
            }
            Metric::Mots | Metric::Identity | Metric::Davis => {}
        }
        for Average { key, row } in &self.averages {
            json.insert((*key).to_owned(), row.scores.to_json());
        }
        json.insert("per_class".to_owned(), rows(&self.classes));
        if with_videos {
            json.insert("per_video".to_owned(), rows(&self.videos));
        }
        if !self.groups.is_empty() {
            json.insert("per_group".to_owned(), rows(&self.groups));
        }
        json.insert("notes".to_owned(), json!(self.notes));
        Value::Object(json)
    }
}
