//! Any text as the objects found in images, and as their ground truth: an error, or scores in range.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_evaluation::{CocoEvaluator, CocoGroundTruth, CocoResults, IouKind};
use seqformer_fuzz::{two_files, with_file};

const TRUTH: &[u8] = include_bytes!("../seeds/truth_coco.json");

fuzz_target!(|bytes: &[u8]| {
    let (truth, results) = two_files(bytes, TRUTH);
    let truth = with_file("truth.json", truth, CocoGroundTruth::read);
    let Ok(truth) = truth else { return };
    let results = with_file("results.json", results, CocoResults::read);
    let Ok(results) = results else { return };
    for kind in [IouKind::Mask, IouKind::Box] {
        let Ok(evaluation) = CocoEvaluator::new(&truth).evaluate(&results, kind) else { continue };
        for stat in evaluation.report().stats {
            assert!(stat == -1.0 || (0.0..=1.0).contains(&stat), "{stat} is no score");
        }
    }
});
