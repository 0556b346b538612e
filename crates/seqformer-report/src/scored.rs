//! All numbers of one file of results.

use std::collections::BTreeMap;
use std::path::Path;

use seqformer_evaluation::{
    Evaluation, EvaluationError, GroundTruth, PairedVideo, Report, Results, TruthTrack,
    YtvisEvaluator,
};
use seqformer_metrics::{
    EmptyMasks, ErrorReport, Metric, MetricReport, Row, Selection, TrackMetrics,
};

use crate::calibration::Calibration;
use crate::confusion::Confusion;
use crate::operating_point::OperatingPoint;

/// A file of results with its numbers.
#[derive(Debug)]
pub(crate) struct Scored {
    /// How pages call it.
    pub(crate) name: String,
    pub(crate) evaluation: Evaluation,
    pub(crate) precision: Report,
    pub(crate) errors: ErrorReport,
    pub(crate) point: OperatingPoint,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) confusion: Confusion,
    /// HOTA, identity and CLEAR of results that are worth showing.
    pub(crate) metrics: Vec<MetricReport>,
}

impl Scored {
    /// Scores results. Without a least score, the one with the best F1 says what is worth showing.
    ///
    /// # Errors
    ///
    /// As [`YtvisEvaluator::evaluate`].
    pub(crate) fn new(
        name: String,
        truth: &GroundTruth,
        results: &Results,
        min_score: Option<f64>,
    ) -> Result<Self, EvaluationError> {
        let evaluator = YtvisEvaluator::new(truth);
        let evaluation = evaluator.evaluate(results)?;
        let errors = ErrorReport::new(truth, results)?;
        let objects: Vec<(usize, &TruthTrack)> = (evaluator.videos(results)?.iter())
            .flat_map(PairedVideo::truths)
            .map(|truth| (truth.category, truth.track))
            .collect();
        let num_objects = objects.iter().filter(|(_, track)| !track.is_crowd).count();
        let point = match min_score {
            Some(min_score) => OperatingPoint::at(min_score, &errors.results, num_objects),
            None => OperatingPoint::best(&errors.results, num_objects)
                .unwrap_or_else(|| OperatingPoint::at(0.0, &errors.results, num_objects)),
        };
        let selection =
            Selection { min_score: Some(point.min_score), empty_masks: EmptyMasks::Absent };
        let metrics = [Metric::Hota, Metric::Identity, Metric::Mots];
        let metrics = TrackMetrics::evaluate(truth, results, &metrics, selection)?.reports();
        Ok(Self {
            name,
            precision: evaluation.report(),
            evaluation,
            calibration: Calibration::new(&errors.results),
            confusion: Confusion::new(&errors, &objects, point.min_score),
            errors,
            point,
            metrics,
        })
    }

    /// Returns the first average of a metric by its name, which is the mean over classes.
    pub(crate) fn number(&self, metric: Metric, name: &str) -> Option<f64> {
        let report = self.metrics.iter().find(|report| report.metric == metric)?;
        // A dataset may name many classes that none of its videos has.
        let average = report.averages.iter().find(|average| average.key == "class_averaged")?;
        average.row.scores.number(name)
    }

    /// Returns the rows of the videos by the id of their video.
    pub(crate) fn videos(&self, metric: Metric) -> BTreeMap<&str, &Row> {
        let reports = self.metrics.iter().filter(|report| report.metric == metric);
        let rows = reports.flat_map(|report| &report.videos);
        rows.map(|row| (row.name.as_str(), row)).collect()
    }

    /// Returns a number of a class or group by its name.
    pub(crate) fn number_of(
        &self,
        metric: Metric,
        rows: impl Fn(&MetricReport) -> &[Row],
        of: &str,
        name: &str,
    ) -> Option<f64> {
        let report = self.metrics.iter().find(|report| report.metric == metric)?;
        rows(report).iter().find(|row| row.name == of)?.scores.number(name)
    }
}

/// Names files of results by their file, and by their folder where that is the same.
pub(crate) fn names_of_results(paths: &[&Path]) -> Vec<String> {
    let stem = |path: &Path| {
        path.file_stem()
            .map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned())
    };
    let folder = |path: &Path| {
        let folder = path.parent().and_then(Path::file_name);
        folder.map(|folder| folder.to_string_lossy().into_owned())
    };
    let stems: Vec<String> = paths.iter().map(|path| stem(path)).collect();
    let name = |(place, path): (usize, &&Path)| {
        let same = stems.iter().filter(|other| **other == stems[place]).count() > 1;
        match folder(path) {
            Some(folder) if same => format!("{folder}/{}", stems[place]),
            _ => stems[place].clone(),
        }
    };
    let mut names: Vec<String> = paths.iter().enumerate().map(name).collect();
    if names.len() == 2 && names[0] == names[1] {
        names[1].push_str(" (second)");
    }
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::names_of_results;

    #[test]
    fn files_of_one_name_are_told_apart() {
        let names = |paths: &[&str]| {
            names_of_results(&paths.iter().map(|path| Path::new(*path)).collect::<Vec<_>>())
        };
        assert_eq!(names(&["a/results.json"]), ["results"]);
        assert_eq!(names(&["new.json", "old.json"]), ["new", "old"]);
        assert_eq!(names(&["a/results.json", "b/results.json"]), ["a/results", "b/results"]);
        assert_eq!(names(&["r.json", "./r.json"]), ["r", "r (second)"]);
    }
}
