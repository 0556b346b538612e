use seqformer_config::config::ExpectedResult;

use super::*;

fn set(name: &str, boxes: bool) -> TestSet {
    let classes = Some(vec!["ape".to_owned(), "fox".to_owned()]);
    TestSet { name: name.to_owned(), masks: true, boxes, classes }
}

fn rules(expected: &[(&str, &str)], best: &str, sets: &[TestSet]) -> Result<ScoreRules, String> {
    let expected = expected.iter().map(|(task, metric)| ExpectedResult {
        task: (*task).to_owned(),
        metric: (*metric).to_owned(),
        value: 40.0,
        tolerance: 0.5,
    });
    let test = TestSection {
        eval_period: 0,
        expected_results: expected.collect(),
        best_metric: best.to_owned(),
    };
    ScoreRules::new(&test, sets).map_err(|error| error.to_string())
}

fn scores(values: &[(&str, f64)]) -> TestScores {
    TestScores(values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
}

#[test]
fn expected_scores_are_reached_within_their_tolerance_or_named() {
    let sets = [set("a/val.json", false), set("b/val.json", true)];
    let expected = [("segm", "AP"), ("a/val.json/segm", "AP-ape"), ("b/val.json/bbox", "AR10")];
    let rules = rules(&expected, "", &sets).unwrap();
    let names = ["a/val.json/segm/AP", "a/val.json/segm/AP-ape", "b/val.json/bbox/AR10"];
    let check = |values: [f64; 3]| {
        let all: Vec<(&str, f64)> = names.into_iter().zip(values).collect();
        rules.check(&scores(&all)).map_err(|error| error.to_string())
    };
    assert_eq!(check([40.5, 39.5, 40.0]), Ok(()));
    let missed = check([40.6, f64::NAN, 0.0]).unwrap_err();
    let expected = "TEST.EXPECTED_RESULTS: a/val.json/segm: expected AP 40 within 0.5, found 40.6000; \
                    a/val.json/segm: expected AP-ape 40 within 0.5, found no annotations of this kind; \
                    b/val.json/bbox: expected AR10 40 within 0.5, found 0.0000";
    assert_eq!(missed, expected);
    let none = rules.check(&TestScores::default()).unwrap_err().to_string();
    assert!(none.contains("expected AP 40 within 0.5, found no such score"), "{none}");
}

#[test]
fn the_best_weights_are_those_of_the_first_dataset_or_of_a_named_score() {
    let none = TestSet { masks: false, ..set("none", false) };
    let best = |text: &str, sets: &[TestSet]| {
        rules(&[], text, sets).map(|rules| rules.best().map(str::to_owned))
    };
    let several = [none.clone(), set("a", false), set("b", true)];
    assert_eq!(best("", &several).unwrap().as_deref(), Some("a/segm/AP"));
    assert_eq!(best("b/bbox/AR10", &several).unwrap().as_deref(), Some("b/bbox/AR10"));
    let one = [set("b", true)];
    assert_eq!(best("", &one).unwrap().as_deref(), Some("segm/AP"));
    for text in ["bbox/AP-fox", "b/bbox/AP-fox"] {
        assert_eq!(best(text, &one).unwrap().as_deref(), Some("bbox/AP-fox"));
    }
    let boxes_alone = TestSet { masks: false, ..set("b", true) };
    assert_eq!(best("", &[boxes_alone]).unwrap().as_deref(), Some("bbox/AP"));
    assert_eq!(best("", &[none]).unwrap(), None);
}

#[test]
fn scores_that_there_cannot_be_are_refused_with_those_there_are() {
    let sets = [set("a", false), set("b", true)];
    let cases = [
        (("keypoints", "AP"), "expected a task, segm or bbox"),
        (("segm", "AP60"), "one of AP, AP50, AP75"),
        (("bbox", "AP"), "bbox/AP: a has no scores for this task"),
        (("c/segm", "AP"), "as in a/segm"),
        (("b/segm", "AP-owl"), "b/segm/AP-owl: b has no class \"owl\""),
    ];
    for (expected, said) in cases {
        let error = rules(&[expected], "", &sets).unwrap_err();
        assert!(error.starts_with("TEST.EXPECTED_RESULTS: ") && error.contains(said), "{error}");
        let error = rules(&[], &format!("{}/{}", expected.0, expected.1), &sets).unwrap_err();
        assert!(error.starts_with("TEST.BEST_METRIC: ") && error.contains(said), "{error}");
    }
    let error = rules(&[("segm", "AP")], "", &[]).unwrap_err();
    assert!(error.contains("expected a dataset in DATASETS.TEST to score"), "{error}");
}
