//! What is written, and what is refused.

use std::fs;
use std::path::Path;

use seqformer_evaluation::{GroundTruth, Results, YtvisEvaluator};
use seqformer_report::{ReportPlan, write_report};

use crate::dataset::{Dataset, TRAP};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn refused(plan: &ReportPlan) -> String {
    let error = write_report(plan).unwrap_err().to_string();
    assert!(!plan.output.exists(), "nothing is left of a report that failed");
    error
}

#[test]
fn pages_have_the_numbers_of_the_evaluation() {
    let dataset = Dataset::new();
    let report = dataset.report();
    let truth = GroundTruth::read(&dataset.at("gt.json")).unwrap();
    let results = Results::read(&dataset.at("results.json")).unwrap();
    let stats = YtvisEvaluator::new(&truth).evaluate(&results).unwrap().report().stats;
    let index = text(&report.join("index.html"));
    assert!(index.contains(&format!("<dt>AP</dt>\n<dd>{:.3}</dd>", stats[0])), "{index}");
    for (page, expected) in [
        ("index.html", "4 objects of 3 classes in 2 videos (16 frames, 30 masks)"),
        ("classes.html", "<th scope=\"row\">dog</th>"),
        ("videos.html", "player.html#v=2\">park</a>"),
        ("data/videos.js", "\"base\":\"../frames\""),
        ("data/errors.js", "[1,\"switch\",0,0,0.9,\"0\",[12,11]]"),
    ] {
        let text = text(&report.join(page));
        assert!(text.contains(expected), "{expected} is not in {page}: {text}");
    }
    for page in ["index.html", "classes.html", "videos.html", "errors.html", "player.html"] {
        assert!(!text(&report.join(page)).contains(TRAP), "{page}");
    }
}

#[test]
fn two_results_are_compared_and_annotations_alone_are_browsed() {
    let dataset = Dataset::new();
    fs::write(dataset.at("none.json"), "[]").unwrap();
    let both = vec![dataset.at("results.json"), dataset.at("none.json")];
    let written = write_report(&ReportPlan { results: both, ..dataset.plan() }).unwrap();
    let index = text(&written.index);
    assert!(index.contains("results against none") && index.contains("95% interval"), "{index}");
    let browsed =
        ReportPlan { results: Vec::new(), output: dataset.at("browse"), ..dataset.plan() };
    let index = text(&write_report(&browsed).unwrap().index);
    assert!(
        index.contains("occlusion: out of sight in between") && !index.contains("HOTA"),
        "{index}"
    );
    assert!(!dataset.at("browse/errors.html").exists());
}

#[test]
fn malformed_results_get_the_diagnosis_of_scoring() {
    let dataset = Dataset::new();
    let results = text(&dataset.at("results.json"));
    for (from, to) in
        [("\"video_id\":2", "\"video_id\":3"), ("\"score\":0.95", "\"score\":\"high\"")]
    {
        fs::write(dataset.at("results.json"), results.replacen(from, to, 1)).unwrap();
        let truth = GroundTruth::read(&dataset.at("gt.json")).unwrap();
        let scored = Results::read(&dataset.at("results.json"))
            .and_then(|results| YtvisEvaluator::new(&truth).evaluate(&results).map(drop));
        assert_eq!(refused(&dataset.plan()), scored.unwrap_err().to_string());
    }
}

#[test]
fn frames_are_found_copied_or_missed() {
    let dataset = Dataset::new();
    let wrong = ReportPlan { frames: Some(dataset.at("frames/park")), ..dataset.plan() };
    let error = refused(&wrong);
    assert!(error.contains("found none of 16, such as ") && error.contains("00000.png"), "{error}");
    fs::remove_file(dataset.at("frames/park/00003.png")).unwrap();
    let copied = ReportPlan { copy_frames: true, ..dataset.plan() };
    let written = write_report(&copied).unwrap();
    assert_eq!(
        written.notes,
        ["1 of 16 frames are missing, such as park/00003.png; their masks are shown alone."]
    );
    assert!(dataset.at("report/frames/street/00007.png").is_file());
    // An annotation file may not make the report write outside of its folder.
    let gt = text(&dataset.at("gt.json")).replace("street/00000.png", "../gt.json");
    fs::write(dataset.at("gt.json"), gt).unwrap();
    let again = ReportPlan { overwrite: true, ..copied };
    assert!(write_report(&again).unwrap().notes[0].starts_with("2 of 16 frames are missing"));
}
