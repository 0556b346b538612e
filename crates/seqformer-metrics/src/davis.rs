//! Region similarity J and boundary accuracy F of DAVIS, by the rules of its unsupervised
//! challenge.
//!
//! Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"
//! (CVPR 2016); Caelles et al., "The 2019 DAVIS Challenge on VOS: Unsupervised Multi-Object
//! Segmentation". Reference: davis2017-evaluation, `DAVISEvaluation._evaluate_unsupervised` and
//! `utils.db_statistics`.

use seqformer_masks::{ImageSize, Rle};

use crate::alignment::assign;
use crate::boundary::{Boundary, Disk};
use crate::counts::{Counts, Score, Scores, mean};
use crate::disjoint::{Lost, by_score, covered, make_disjoint, without};
use crate::tracks::{Track, VideoTracks};

/// How many results of a video count, the best scores first.
const MAX_PROPOSALS: usize = 20;
/// A frame is found above this.
const RECALL_THRESHOLD: f64 = 0.5;
/// Into how many parts the frames are cut, of which the first and the last are compared.
const NUM_PARTS: usize = 4;

/// Sums over annotated objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct DavisCounts {
    num_objects: f64,
    region: Statistics,
    boundary: Statistics,
}

/// What becomes of the frames of one object, or the sum over objects.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Statistics {
    mean: f64,
    recall: f64,
    decay: f64,
}

/// What the protocol changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changes {
    pub(crate) truths: Lost,
    pub(crate) results: Lost,
    /// How many results are left out, because a video has more than count.
    pub(crate) num_surplus: usize,
}

impl Changes {
    pub(crate) fn add(&mut self, other: Self) {
        self.truths.add(other.truths);
        self.results.add(other.results);
        self.num_surplus += other.num_surplus;
    }
}

/// J and F of all pairs of a result and an object, over frames.
struct Pairs {
    num_objects: usize,
    /// For each result and object, one value for each frame.
    region: Vec<Vec<f64>>,
    boundary: Vec<Vec<f64>>,
}

/// Finds the result of every annotated object of a video. The counts are those of single objects,
/// given with their place among the tracks of the video.
pub(crate) fn davis_of_video(mut video: VideoTracks) -> (Vec<(usize, DavisCounts)>, Changes) {
    let (size, num_frames) = (video.size, video.num_frames);
    let mut changes = Changes::default();
    let mut ranked: Vec<usize> = (0..video.results.len()).collect();
    ranked.sort_by(|&a, &b| video.results[b].score.total_cmp(&video.results[a].score));
    changes.num_surplus = ranked.len().saturating_sub(MAX_PROPOSALS);
    ranked.truncate(MAX_PROPOSALS);
    let mut place = 0..;
    video.results.retain(|_| place.next().is_some_and(|place| ranked.contains(&place)));
    let objects: Vec<usize> =
        (0..video.truths.len()).filter(|&place| !video.truths[place].is_crowd).collect();
    if num_frames == 0 {
        return (Vec::new(), changes);
    }
    changes.results = make_disjoint(&mut by_score(&mut video.results), size, num_frames);
    let mut truths: Vec<&mut Track> =
        video.truths.iter_mut().filter(|track| !track.is_crowd).collect();
    changes.truths = make_disjoint(&mut truths, size, num_frames);
    let pairs = Pairs::new(&video, &objects);
    let num_rows = video.results.len().max(objects.len());
    let value = |pair: usize| f64::midpoint(mean(&pairs.region[pair]), mean(&pairs.boundary[pair]));
    let costs: Vec<f64> = (0..num_rows * objects.len()).map(|pair| -value(pair)).collect();
    let matched = assign(&costs, num_rows, objects.len()).into_iter().map(|pair| {
        let at = pair.row * pairs.num_objects + pair.column;
        let counts = DavisCounts {
            num_objects: 1.0,
            region: Statistics::new(&pairs.region[at]),
            boundary: Statistics::new(&pairs.boundary[at]),
        };
        (objects[pair.column], counts)
    });
    (matched.collect(), changes)
}

impl Pairs {
    /// Compares every result with every object; objects beyond the results get results without
    /// pixels.
    fn new(video: &VideoTracks, objects: &[usize]) -> Self {
        let (size, num_objects) = (video.size, objects.len());
        let num_rows = video.results.len().max(num_objects);
        let disk = Disk::new(size);
        let mut region = vec![Vec::with_capacity(video.num_frames); num_rows * num_objects];
        let mut boundary = region.clone();
        for frame in 0..video.num_frames {
            let ignored = covered(video.truths.iter().filter(|t| t.is_crowd), frame, size);
            let seen = |track: Option<&Track>| {
                let mask = visible(track, frame, size, &ignored);
                let boundary = Boundary::new(&mask, &disk);
                (mask, boundary)
            };
            let truths: Vec<(Rle, Boundary)> =
                objects.iter().map(|&object| seen(Some(&video.truths[object]))).collect();
            let results = (0..num_rows).map(|result| seen(video.results.get(result)));
            for (row, (mask, line)) in results.enumerate() {
                for (column, (truth, truth_line)) in truths.iter().enumerate() {
                    region[row * num_objects + column].push(jaccard(&mask, truth));
                    boundary[row * num_objects + column].push(line.f_measure(truth_line));
                }
            }
        }
        Self { num_objects, region, boundary }
    }
}

/// Returns the pixels of a track that count.
fn visible(track: Option<&Track>, frame: usize, size: ImageSize, ignored: &Rle) -> Rle {
    let mask = track.and_then(|track| track.masks[frame].as_ref());
    match mask.filter(|mask| mask.size() == size) {
        Some(mask) => without(mask, ignored),
        None => Rle::empty(size),
    }
}

/// Returns the IoU of two masks, 1 if neither has pixels.
fn jaccard(left: &Rle, right: &Rle) -> f64 {
    let common = left.intersection_area(right).unwrap_or(0);
    match left.area() + right.area() - common {
        0 => 1.0,
        union => common as f64 / union as f64,
    }
}

impl Statistics {
    /// Sums up the frames of one object, of which there is at least one.
    fn new(frames: &[f64]) -> Self {
        let found: Vec<f64> =
            frames.iter().map(|&value| f64::from(u8::from(value > RECALL_THRESHOLD))).collect();
        let step = (frames.len() - 1) as f64 / NUM_PARTS as f64;
        // Differs: the reference keeps these places in 8 bits, so that decay means nothing in a
        // video of more than 256 frames.
        let place = |part: usize| (part as f64 * step + 1.0 + 1e-10).round_ties_even() as usize - 1;
        let part = |part: usize| mean(&frames[place(part)..=place(part + 1)]);
        Self { mean: mean(frames), recall: mean(&found), decay: part(0) - part(NUM_PARTS - 1) }
    }

    fn add(&mut self, other: Self, times: f64) {
        self.mean += other.mean * times;
        self.recall += other.recall * times;
        self.decay += other.decay * times;
    }
}

impl Counts for DavisCounts {
    fn add(&mut self, other: &Self, times: f64) {
        self.num_objects += other.num_objects * times;
        self.region.add(other.region, times);
        self.boundary.add(other.boundary, times);
    }

    fn is_empty(&self) -> bool {
        self.num_objects == 0.0
    }

    fn scores(&self) -> Scores {
        let number = self.num_objects.max(1.0);
        let Self { region, boundary, .. } = self;
        Scores(vec![
            Score::ratio("J&F", f64::midpoint(region.mean / number, boundary.mean / number)),
            Score::ratio("J-Mean", region.mean / number),
            Score::ratio("J-Recall", region.recall / number),
            Score::ratio("J-Decay", region.decay / number),
            Score::ratio("F-Mean", boundary.mean / number),
            Score::ratio("F-Recall", boundary.recall / number),
            Score::ratio("F-Decay", boundary.decay / number),
            Score::count("objects", self.num_objects),
        ])
    }
}

#[cfg(test)]
mod tests {
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
        let results =
            vec![track(0, 0.9, &["....####", "....##.."]), track(1, 0.1, &["##......", " "])];
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
}
