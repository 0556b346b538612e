use seqformer_masks::{ImageSize, Rle};

use super::{Frame, Sequence};
use crate::tracks::Track;

/// Builds a sequence from the pairs of every frame; a track without a partner is written with
/// `usize::MAX`, and pairs that are not written have IoU 0.
pub(crate) fn sequence(
    num_truths: usize,
    num_results: usize,
    frames: &[&[(usize, usize, f64)]],
) -> Sequence {
    let frame = |pairs: &&[(usize, usize, f64)]| {
        let numbers = |of: fn(&(usize, usize, f64)) -> usize| {
            let mut numbers: Vec<usize> =
                pairs.iter().map(of).filter(|&n| n != usize::MAX).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        };
        let (truths, results) = (numbers(|pair| pair.0), numbers(|pair| pair.1));
        let iou = |truth, result| {
            let pair = pairs.iter().find(|pair| (pair.0, pair.1) == (truth, result));
            pair.map_or(0.0, |pair| pair.2)
        };
        let all =
            truths.iter().flat_map(|&truth| results.iter().map(move |&result| (truth, result)));
        let ious = all.map(|(truth, result)| iou(truth, result)).collect();
        Frame { truths, results, ious }
    };
    Sequence { num_truths, num_results, frames: frames.iter().map(frame).collect() }
}

/// A track in an image of one row; `#` are its pixels, a space is a frame without it.
pub(crate) fn track(category: usize, score: f64, frames: &[&str]) -> Track {
    let mask = |row: &&str| {
        let size = ImageSize { height: 1, width: row.len() as u32 };
        let mut bits = seqformer_masks::BitMask::new(size);
        for (x, pixel) in row.chars().enumerate() {
            bits.set(0, x as u32, pixel == '#');
        }
        (*row != " ").then(|| Rle::encode(&bits))
    };
    let groups = Vec::new();
    Track { category, score, is_crowd: false, groups, masks: frames.iter().map(mask).collect() }
}

#[test]
fn frames_have_the_iou_of_what_is_there() {
    let truths = [track(0, 0.0, &["##..", " "]), track(0, 0.0, &["..##", "####"])];
    let results = [track(0, 0.0, &["###.", "...."]), track(0, 0.0, &[" ", "##"])];
    let sequence = Sequence::new(&truths.each_ref(), &results.each_ref(), 2);
    let [first, second] = &sequence.frames[..] else { panic!("two frames") };
    assert_eq!((&first.truths[..], &first.results[..]), (&[0, 1][..], &[0][..]));
    assert_eq!(first.ious, [2.0 / 3.0, 0.25]);
    // A mask without pixels and one of another size match nothing.
    assert_eq!((&second.truths[..], &second.results[..]), (&[1][..], &[0, 1][..]));
    assert_eq!(second.ious, [0.0, 0.0]);
    assert_eq!([sequence.num_truth_masks(), sequence.num_result_masks()], [3, 3]);
}

#[test]
fn a_part_of_the_tracks_keeps_its_numbers_together() {
    let all =
        sequence(3, 3, &[&[(0, 0, 0.1), (0, 2, 0.2), (2, 0, 0.3), (2, 2, 0.4)], &[(1, 1, 0.5)]]);
    let part = all.restricted(&[1, 2], &[2]);
    assert_eq!([part.num_truths, part.num_results], [2, 1]);
    assert_eq!(part.frames[0], Frame { truths: vec![1], results: vec![0], ious: vec![0.4] });
    assert_eq!(part.frames[1], Frame { truths: vec![0], results: vec![], ious: vec![] });
    let mut frame = all.frames[0].clone();
    frame.remove_results(&[0]);
    assert_eq!(frame, Frame { truths: vec![0, 2], results: vec![2], ious: vec![0.2, 0.4] });
}
