//! What is wrong with results, by kinds, and what AP would be without each of them.
//!
//! Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (ECCV 2020), with
//! the IoU of whole tracks, and with three kinds of errors of identity that TIDE, which knows single
//! images, does not have.

mod compared;
mod find;
mod mend;

use std::collections::BTreeMap;
use std::fmt;

use rayon::prelude::*;
use seqformer_evaluation::{EvaluationError, GroundTruth, Results, YtvisEvaluator};
use serde_json::{Map, Value, json};

use self::find::VideoErrors;
use self::mend::{mean_ap, mended};
use crate::evaluate::class_names;

/// Least IoU of a result that is right.
const FOREGROUND_IOU: f64 = 0.5;
/// Least IoU of a result that has anything to do with an object.
const BACKGROUND_IOU: f64 = 0.1;

/// A kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// An object of another class is found.
    Class,
    /// An object of the class is found, but not well.
    Localisation,
    /// Neither the class nor the place is right.
    Both,
    /// An object is found once more.
    Duplicate,
    /// There is no object.
    Background,
    /// An object that no result stands for, not even a wrong one.
    Missed,
    /// A result follows one object and then another.
    Switch,
    /// An object is found in pieces, and this is one of them.
    Fragment,
    /// A result covers several objects at once.
    Merge,
}

/// All kinds in the order of tables.
pub const ERROR_KINDS: [ErrorKind; 9] = [
    ErrorKind::Class,
    ErrorKind::Localisation,
    ErrorKind::Both,
    ErrorKind::Duplicate,
    ErrorKind::Background,
    ErrorKind::Missed,
    ErrorKind::Switch,
    ErrorKind::Fragment,
    ErrorKind::Merge,
];

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackError {
    /// Its kind.
    pub kind: ErrorKind,
    /// The place of its video in the order of ids.
    pub video: usize,
    /// The place of the class in the order of ids: of the result, or of the object that is missed.
    pub category: usize,
    /// The place of the result in its file; nothing of an object that is missed.
    pub result: Option<usize>,
    /// The objects that it is about, by their numbers.
    pub truths: Vec<i64>,
}

/// What became of a result that counts: of each class the 100 best of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedResult {
    /// The place of its video in the order of ids.
    pub video: usize,
    /// The place of its class in the order of ids.
    pub category: usize,
    /// How sure the model is.
    pub score: f64,
    /// Its place in the file.
    pub result: usize,
    /// Whether it is right at IoU 0.5; nothing if it counts neither for nor against.
    pub is_right: Option<bool>,
    /// The number of the annotation that it matches, if there is one.
    pub truth: Option<i64>,
}

/// How often a kind of error occurs, and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct KindReport {
    /// The kind.
    pub kind: ErrorKind,
    /// How many there are.
    pub count: usize,
    /// AP at IoU 0.5 if these errors alone were mended.
    pub mended_ap: f64,
}

/// All errors of a set of results.
#[derive(Debug, Clone)]
pub struct ErrorReport {
    /// AP at IoU 0.5, −1 where there is nothing to be found.
    pub ap: f64,
    /// Every kind, whether it occurs or not.
    pub kinds: Vec<KindReport>,
    /// Every error: by video, class and score, missed objects last.
    pub errors: Vec<TrackError>,
    /// Every result that counts: by video, class and score.
    pub results: Vec<JudgedResult>,
    class_names: Vec<String>,
}

impl ErrorKind {
    /// Returns how tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Localisation => "localisation",
            Self::Both => "both",
            Self::Duplicate => "duplicate",
            Self::Background => "background",
            Self::Missed => "missed",
            Self::Switch => "switch",
            Self::Fragment => "fragment",
            Self::Merge => "merge",
        }
    }
}

impl ErrorReport {
    /// Finds the errors of results, videos in parallel.
    ///
    /// # Errors
    ///
    /// As [`YtvisEvaluator::evaluate`].
    pub fn new(truth: &GroundTruth, results: &Results) -> Result<Self, EvaluationError> {
        let evaluator = YtvisEvaluator::new(truth);
        let videos = evaluator.videos(results)?;
        let found: Vec<Result<VideoErrors, EvaluationError>> =
            videos.par_iter().map(VideoErrors::find).collect();
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        let num_positives = |category: usize| -> usize {
            let of_video = |video: &VideoErrors| video.positives.get(&category).copied();
            found.iter().filter_map(of_video).sum()
        };
        let present = found.iter().flat_map(|video| video.positives.keys().copied());
        let positives: BTreeMap<usize, usize> =
            present.map(|category| (category, num_positives(category))).collect();
        let kind = |kind: ErrorKind| KindReport {
            kind,
            count: found.iter().flat_map(|video| &video.errors).filter(|e| e.kind == kind).count(),
            mended_ap: mended(&found, &positives, kind),
        };
        let errors = found.iter().enumerate().flat_map(|(video, found)| {
            let error = move |error: &find::FoundError| TrackError {
                kind: error.kind,
                video,
                category: error.category,
                result: error.result.map(|result| found.results[result].index),
                truths: error.targets.iter().map(|&target| found.truths[target].id).collect(),
            };
            found.errors.iter().map(error)
        });
        let results = found.iter().enumerate().flat_map(|(video, found)| {
            let judged = move |result: &find::FoundResult| JudgedResult {
                video,
                category: result.category,
                score: result.score,
                result: result.index,
                is_right: result.is_right,
                truth: result.truth.map(|truth| found.truths[truth].id),
            };
            found.results.iter().map(judged)
        });
        Ok(Self {
            ap: mean_ap(found.iter().flat_map(VideoErrors::detections), &positives),
            kinds: ERROR_KINDS.into_iter().map(kind).collect(),
            errors: errors.collect(),
            results: results.collect(),
            class_names: class_names(truth),
        })
    }

    /// Returns the table, with the counts of classes where they are wanted.
    pub fn table(&self, with_classes: bool) -> ErrorTable<'_> {
        ErrorTable { report: self, with_classes }
    }

    /// Counts the errors of every class that has any.
    fn classes(&self) -> BTreeMap<usize, BTreeMap<ErrorKind, usize>> {
        let mut classes: BTreeMap<usize, BTreeMap<ErrorKind, usize>> = BTreeMap::new();
        for error in &self.errors {
            *classes.entry(error.category).or_default().entry(error.kind).or_default() += 1;
        }
        classes
    }

    /// Returns the numbers by name: of each kind its count, the AP without it, and the gain; and
    /// how often it occurs in each class.
    pub fn to_json(&self) -> Value {
        let kinds = self.kinds.iter().map(|kind| {
            let gain = kind.mended_ap - self.ap;
            let numbers = json!({"count": kind.count, "ap": kind.mended_ap, "gain": gain});
            (kind.kind.name().to_owned(), numbers)
        });
        let classes = self.classes().into_iter().map(|(category, counts)| {
            let counts = counts.into_iter().map(|(kind, count)| (kind.name(), count));
            let counts: BTreeMap<&str, usize> = counts.collect();
            (self.class_names[category].clone(), json!(counts))
        });
        json!({
            "iou": FOREGROUND_IOU,
            "background_iou": BACKGROUND_IOU,
            "ap": self.ap,
            "kinds": kinds.collect::<Map<_, _>>(),
            "per_class": classes.collect::<Map<_, _>>(),
        })
    }
}

/// Errors as text.
#[derive(Debug, Clone, Copy)]
pub struct ErrorTable<'a> {
    report: &'a ErrorReport,
    with_classes: bool,
}

impl fmt::Display for ErrorTable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorReport { ap, kinds, class_names, .. } = self.report;
        let title = format!("Errors at IoU {FOREGROUND_IOU}");
        writeln!(formatter, "{title:<17}  {:>6}  {:>9}  {:>6}", "count", "AP if mended", "gain")?;
        writeln!(formatter, "{:<17}  {:>6}  {ap:>12.3}", "as it is", "")?;
        for KindReport { kind, count, mended_ap } in kinds {
            let (name, gain) = (kind.name(), mended_ap - ap);
            writeln!(formatter, "{name:<17}  {count:>6}  {mended_ap:>12.3}  {gain:>+6.3}")?;
        }
        if !self.with_classes {
            return Ok(());
        }
        let classes = self.report.classes();
        let names = classes.keys().map(|&category| class_names[category].chars().count());
        let width = names.max().unwrap_or(0).max("class".len());
        write!(formatter, "\n{:<width$}", "")?;
        for kind in ERROR_KINDS {
            write!(formatter, "  {:>6}", kind.name())?;
        }
        writeln!(formatter)?;
        for (category, counts) in classes {
            write!(formatter, "{:<width$}", class_names[category])?;
            for kind in ERROR_KINDS {
                let column = kind.name().len().max(6);
                write!(formatter, "  {:>column$}", counts.get(&kind).copied().unwrap_or(0))?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
