use std::ops::Range;

use seqformer_evaluation::{GroundTruth, Results, YtvisEvaluator};
use seqformer_masks::{BitMask, ImageSize, Rle};
use seqformer_testing::golden_path;
use serde_json::{Value, json};

use super::{ERROR_KINDS, ErrorKind, ErrorReport};

const NUM_FRAMES: usize = 10;
const WIDTH: u32 = 100;
const NUM_PLANTED: usize = 20;

/// The columns of an object in each frame.
type Frames = Vec<Option<Range<u32>>>;

/// Videos with annotations, each a class and frames, and results, each with a score between them.
#[derive(Default)]
struct Planted {
    videos: Vec<Value>,
    truths: Vec<Value>,
    results: Vec<Value>,
}

/// The same columns in some frames.
fn in_frames(frames: Range<usize>, columns: Range<u32>) -> Frames {
    (0..NUM_FRAMES).map(|frame| frames.contains(&frame).then(|| columns.clone())).collect()
}

fn always(columns: Range<u32>) -> Frames {
    in_frames(0..NUM_FRAMES, columns)
}

fn masks(frames: &Frames) -> Vec<Value> {
    let size = ImageSize { height: 1, width: WIDTH };
    let mask = |columns: &Option<Range<u32>>| {
        let Some(columns) = columns else { return Value::Null };
        let mut mask = BitMask::new(size);
        columns.clone().for_each(|x| mask.set(0, x, true));
        json!({"size": [1, WIDTH], "counts": Rle::encode(&mask).to_compressed()})
    };
    frames.iter().map(mask).collect()
}

impl Planted {
    fn add_video(&mut self, truths: &[(i64, Frames)], results: &[(i64, f64, Frames)]) {
        let id = self.videos.len() + 1;
        self.videos.push(json!({"id": id, "height": 1, "width": WIDTH, "length": NUM_FRAMES}));
        for (category, frames) in truths {
            let number = self.truths.len() + 1;
            self.truths.push(json!({
                "id": number, "video_id": id, "category_id": category, "iscrowd": 0, "segmentations": masks(frames),
            }));
        }
        for (category, score, frames) in results {
            self.results.push(json!({
                "video_id": id, "category_id": category, "score": score, "segmentations": masks(frames),
            }));
        }
    }

    /// Adds one video with one error of this kind; everything else in it is right.
    fn add(&mut self, kind: ErrorKind, number: usize) {
        let at = number as u32;
        let (place, near) = (at..at + 20, at + 10..at + 30);
        let right = 0.5 + number as f64 / 100.0;
        let truth = (1, always(place.clone()));
        let found = (1, right, always(place.clone()));
        match kind {
            ErrorKind::Class => self.add_video(&[truth], &[(2, 0.9, always(place))]),
            ErrorKind::Localisation => self.add_video(&[truth], &[(1, 0.9, always(near))]),
            ErrorKind::Both => {
                let dog = always(at + 60..at + 70);
                let results = [(2, 0.9, always(near)), found, (2, right, dog.clone())];
                self.add_video(&[truth, (2, dog)], &results);
            }
            ErrorKind::Duplicate => {
                self.add_video(&[truth], &[(1, right - 0.001, always(place)), found]);
            }
            ErrorKind::Background => {
                self.add_video(&[truth], &[(1, 0.9, always(at + 50..at + 60)), found]);
            }
            ErrorKind::Missed => {
                self.add_video(&[truth, (1, always(at + 50..at + 60))], &[found]);
            }
            ErrorKind::Switch => {
                let other = at + 40..at + 60;
                let cut = 4 + number % 3;
                let mut frames = in_frames(0..cut, place);
                frames[cut..].fill(Some(other.clone()));
                self.add_video(&[truth, (1, always(other))], &[(1, 0.9, frames)]);
            }
            ErrorKind::Fragment => {
                let pieces = [in_frames(0..6, place.clone()), in_frames(6..NUM_FRAMES, place)];
                let [first, second] = pieces;
                self.add_video(&[truth], &[(1, right, first), (1, 0.9, second)]);
            }
            ErrorKind::Merge => {
                let other = at + 22..at + 42;
                let both = always(at..at + 42);
                self.add_video(&[truth, (1, always(other))], &[(1, 0.9, both)]);
            }
        }
    }

    fn report(&self) -> ErrorReport {
        let folder = tempfile::tempdir().unwrap();
        let [gt, results] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
        let categories = [json!({"id": 1, "name": "cat"}), json!({"id": 2, "name": "dog"})];
        let truth =
            json!({"videos": self.videos, "categories": categories, "annotations": self.truths});
        std::fs::write(&gt, truth.to_string()).unwrap();
        std::fs::write(&results, json!(self.results).to_string()).unwrap();
        let (truth, results) = (GroundTruth::read(&gt).unwrap(), Results::read(&results).unwrap());
        let report = ErrorReport::new(&truth, &results).unwrap();
        check_ap(&truth, &results, &report);
        report
    }
}

/// The AP that is to be explained is that of the evaluation.
fn check_ap(truth: &GroundTruth, results: &Results, report: &ErrorReport) {
    let ap50 = YtvisEvaluator::new(truth).evaluate(results).unwrap().report().stats[1];
    assert!((report.ap - ap50).abs() < 1e-12, "{} and {ap50}", report.ap);
}

fn counts(report: &ErrorReport) -> Vec<(ErrorKind, usize)> {
    report.kinds.iter().map(|kind| (kind.kind, kind.count)).collect()
}

#[test]
fn planted_errors_are_found_as_planted() {
    let mut all = Planted::default();
    for kind in ERROR_KINDS {
        let mut planted = Planted::default();
        for number in 0..NUM_PLANTED {
            planted.add(kind, number);
            all.add(kind, number);
        }
        let report = planted.report();
        let expected: Vec<(ErrorKind, usize)> =
            ERROR_KINDS.map(|other| (other, if other == kind { NUM_PLANTED } else { 0 })).into();
        assert_eq!(counts(&report), expected, "{kind:?}");
        let mended = report.kinds.iter().find(|report| report.kind == kind).unwrap().mended_ap;
        assert!(report.ap < 0.99, "{kind:?}: AP {}", report.ap);
        assert!((mended - 1.0).abs() < 1e-9, "{kind:?}: without these errors AP is {mended}");
    }
    assert_eq!(counts(&all.report()), ERROR_KINDS.map(|kind| (kind, NUM_PLANTED)));
}

#[test]
fn a_switch_names_the_objects_that_are_followed() {
    let mut planted = Planted::default();
    planted.add(ErrorKind::Missed, 0);
    planted.add(ErrorKind::Switch, 0);
    let report = planted.report();
    let switch = report.errors.iter().find(|error| error.kind == ErrorKind::Switch).unwrap();
    // Four frames of the first object and six of the second one, in the second video.
    assert_eq!((switch.video, switch.result, &switch.truths[..]), (1, Some(1), &[4, 3][..]));
    let json = report.to_json();
    assert_eq!(json["kinds"]["switch"]["count"], 1);
    assert_eq!(json["per_class"]["cat"], json!({"missed": 1, "switch": 1}));
    let table = report.table(true).to_string();
    assert!(table.contains("\nswitch                  1 "), "{table}");
    assert!(table.ends_with("\ncat         0             0       0          0           0       1       1         0       0\n"), "{table}");
}

#[test]
fn the_ap_that_is_explained_is_that_of_the_evaluation() {
    for case in ["eval", "eval_edge"] {
        let folder = golden_path("public").join(case);
        let truth = GroundTruth::read(&folder.join("gt.json")).unwrap();
        let results = Results::read(&folder.join("results.json")).unwrap();
        check_ap(&truth, &results, &ErrorReport::new(&truth, &results).unwrap());
    }
}
