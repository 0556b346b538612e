use seqformer_masks::ImageSize;

use super::{Statistics, davis_of_video};
use crate::counts::{Counts as _, Scores};
use crate::sequence::tests::track;
use crate::tracks::{Track, VideoTracks};

fn video(truths: Vec<Track>, results: Vec<Track>) -> VideoTracks {
    let num_frames = truths[0].masks.len();
    VideoTracks { num_frames, size: ImageSize { height: 1, width: 8 }, truths, results }
}

fn number(scores: &Scores, name: &str) -> f64 {
    scores.number(name).unwrap()
}

#[test]
fn statistics_are_mean_recall_and_decay() {
    let check = |frames: &[f64], mean: f64, recall: f64, decay: f64| {
        assert_eq!(Statistics::new(frames), Statistics { mean, recall, decay }, "{frames:?}");
    };
    check(&[1.0, 1.0, 0.5, 0.0, 0.0], 0.5, 0.4, 1.0);
    check(&[0.75], 0.75, 1.0, 0.0);
    check(&[1.0, 0.5], 0.75, 0.5, 0.5);
    // Parts of nine frames are 0 to 2 and 6 to 8.
    check(&[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5], 0.5, 1.0 / 3.0, 0.5);
    // The parts of long videos are as those of short ones.
    let mut long = vec![1.0; 1000];
    long[740..].fill(0.0);
    assert_eq!(Statistics::new(&long).decay, 1.0);
}

#[test]
fn every_object_gets_the_result_that_fits_whatever_its_class() {
    let truths = vec![
        track(0, 0.0, &["##......", "##......"]),
        track(1, 0.0, &["....####", "....####"]),
        track(1, 0.0, &["..##....", "..##...."]),
    ];
    let results = vec![track(0, 0.9, &["....####", "....##.."]), track(1, 0.1, &["##......", " "])];
    let (objects, changes) = davis_of_video(video(truths, results));
    let of = |object| &objects.iter().find(|(place, _)| *place == object).unwrap().1;
    let first = of(0).scores();
    assert_eq!([number(&first, "J-Mean"), number(&first, "J-Decay")], [0.5, 1.0]);
    let second = of(1).scores();
    assert_eq!([number(&second, "J-Mean"), number(&second, "J-Recall")], [0.75, 0.5]);
    // There is no third result.
    assert_eq!(number(&of(2).scores(), "J&F"), 0.0);
    assert_eq!(objects.len(), 3);
    assert_eq!((changes.results.num_masks, changes.num_surplus), (0, 0));
}

#[test]
fn crowd_regions_do_not_count_and_neither_do_results_beyond_the_best_20() {
    let crowd = Track { is_crowd: true, ..track(0, 0.0, &["....####"]) };
    let truths = vec![track(0, 0.0, &["##......"]), crowd];
    let right = track(0, 0.1, &["##...###"]);
    let (objects, _) = davis_of_video(video(truths.clone(), vec![right.clone()]));
    assert_eq!(objects.len(), 1);
    assert_eq!(number(&objects[0].1.scores(), "J&F"), 1.0);
    let mut results = vec![track(0, 0.5, &["..#....."]); 20];
    results.push(right);
    let (objects, changes) = davis_of_video(video(truths, results));
    assert_eq!(number(&objects[0].1.scores(), "J-Mean"), 0.0);
    assert_eq!((changes.num_surplus, changes.results.num_masks), (1, 19));
}
