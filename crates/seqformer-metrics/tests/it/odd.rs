//! Files that are unlike others and yet valid.

use seqformer_evaluation::{GroundTruth, Results};
use seqformer_metrics::{ErrorReport, Metric, MetricReport, Selection, TrackMetrics};

const METRICS: [Metric; 5] =
    [Metric::Hota, Metric::Identity, Metric::Mots, Metric::Davis, Metric::Teta];

/// One object in two frames of 2x2 pixels.
const TRUTH: &str = r#"{"videos": [{"id": 1, "height": 2, "width": 2, "length": 2}],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}],
    "annotations": [{"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0,
        "segmentations": [{"size": [2, 2], "counts": [0, 4]}, {"size": [2, 2], "counts": [0, 4]}]}]}"#;

fn result(masks: &str) -> String {
    format!(r#"{{"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": [{masks}]}}"#)
}

fn reports(truth: &str, results: &[String]) -> Vec<MetricReport> {
    let folder = tempfile::tempdir().unwrap();
    let [gt_path, path] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
    std::fs::write(&gt_path, truth).unwrap();
    std::fs::write(&path, format!("[{}]", results.join(", "))).unwrap();
    let (truth, results) = (GroundTruth::read(&gt_path).unwrap(), Results::read(&path).unwrap());
    ErrorReport::new(&truth, &results).unwrap();
    TrackMetrics::evaluate(&truth, &results, &METRICS, Selection::default()).unwrap().reports()
}

/// The number of a metric over all masks or objects.
fn number(reports: &[MetricReport], metric: Metric, name: &str) -> f64 {
    let report = reports.iter().find(|report| report.metric == metric).unwrap();
    let wanted = ["detection_averaged", "object_averaged"];
    let average = report.averages.iter().find(|average| wanted.contains(&average.key)).unwrap();
    average.row.scores.number(name).unwrap()
}

#[test]
fn frames_that_a_result_lacks_are_absent_and_those_beyond_the_video_do_not_count() {
    let mask = r#"{"size": [2, 2], "counts": "04"}"#;
    let short = reports(TRUTH, &[result(mask)]);
    assert_eq!(number(&short, Metric::Identity, "IDFN"), 1.0);
    assert_eq!(number(&short, Metric::Davis, "J-Mean"), 0.5);
    let long = reports(TRUTH, &[result(&[mask; 5].join(", "))]);
    assert_eq!(number(&long, Metric::Mots, "FP"), 0.0);
    for (metric, name) in METRICS.into_iter().zip(["HOTA", "IDF1", "sMOTSA", "J&F", "TETA"]) {
        assert_eq!(number(&long, metric, name), 1.0, "{name}");
    }
    // Of two classes with one name each has its id behind it.
    assert_eq!(long[0].classes[0].name, "cat (1)");
}

#[test]
fn a_length_that_nothing_reaches_takes_no_memory() {
    let endless = TRUTH.replace("\"length\": 2", "\"length\": 1000000000000000");
    let without = format!("{}[]}}", &endless[..endless.find("[{\"id\": 1, \"video_id\"").unwrap()]);
    let found = reports(&without, &[result(r#"{"size": [2, 2], "counts": "04"}"#)]);
    assert_eq!(number(&found, Metric::Mots, "FP"), 1.0);
}

#[test]
fn no_results_and_no_annotations_have_numbers() {
    let none = reports(TRUTH, &[]);
    assert_eq!(number(&none, Metric::Hota, "LocA"), 1.0);
    assert_eq!(number(&none, Metric::Davis, "J-Mean"), 0.0);
    let nothing = r#"{"videos": [], "categories": [], "annotations": []}"#;
    for report in reports(nothing, &[]) {
        assert!(report.averages.iter().all(|average| !average.row.scores.0.is_empty()));
        assert!(
            report.classes.is_empty() && report.table(true, true).to_string().lines().count() > 1
        );
    }
}
