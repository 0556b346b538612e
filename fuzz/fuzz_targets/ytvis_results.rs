//! Any text as the tracks found in videos, and as their ground truth: an error, or scores in range.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_evaluation::{DatasetFormat, GroundTruth, Results, YtvisEvaluator, check_results};
use seqformer_fuzz::{two_files, with_file};

const TRUTH: &[u8] = include_bytes!("../seeds/truth_ytvis.json");

fuzz_target!(|bytes: &[u8]| {
    let (truth, results) = two_files(bytes, TRUTH);
    let truth = with_file("truth.json", truth, |path| {
        let _format = DatasetFormat::of_file(path);
        GroundTruth::read(path)
    });
    let Ok(truth) = truth else { return };
    with_file("results.json", results, |path| {
        let _faults = check_results(path, &truth);
        let Ok(results) = Results::read(path) else { return };
        let Ok(evaluation) = YtvisEvaluator::new(&truth).evaluate(&results) else { return };
        for stat in evaluation.report().stats {
            assert!(stat == -1.0 || (0.0..=1.0).contains(&stat), "{stat} is no score");
        }
    });
});
