//! The numbers of a training, from its recipe, its data and its machine.

use crate::costs::Batch;
use crate::{Counts, Knows, Start};

/// Sizes in training, relative to the size in evaluation.
const SIZES: [f64; 5] = [0.75, 0.875, 1.0, 1.125, 1.25];
/// Sizes are multiples of this, in pixels.
const SIZE_STEP: f64 = 8.0;
/// The smallest short edge, in pixels: one cell of the coarsest map of the backbone.
const MIN_EDGE: u32 = 32;
/// Views of an image in a pseudo-clip, as in IDOL.
const NUM_VIEWS: usize = 2;
/// How often a video is drawn: VNext draws each of the 2,238 of YouTube-VIS 2019 in 12,000 · 16 clips.
const DRAWS_PER_VIDEO: usize = 86;
/// How often an image is drawn: IDOL draws each of the 118,287 of COCO in 59,200 · 32 pseudo-clips.
const DRAWS_PER_IMAGE: usize = 16;
/// No training has more clips than that of VNext.
const MAX_CLIPS: usize = 12_000 * 16;
/// Few videos are drawn more often, so that the learning rate has time to act.
const MIN_CLIPS: usize = 4_000;
/// The same for a network that knows nothing, from the small network on moving shapes: it finds them after this many.
const MIN_CLIPS_FROM_RANDOM: usize = 24_000;
/// Evaluations during a training.
const NUM_EVALUATIONS: u64 = 4;
/// Checkpoints during a training.
const NUM_CHECKPOINTS: u64 = 20;
/// Share of the iterations that a warm-up may take.
const MAX_WARMUP: u64 = 10;

/// What a user may set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Short edge in evaluation, in pixels.
    pub short_edge: Option<u32>,
    /// Clips of a batch.
    pub batch: Option<usize>,
    /// Iterations.
    pub iterations: Option<u64>,
}

/// The numbers of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// `INPUT.SAMPLING_FRAME_NUM`.
    pub num_frames: usize,
    /// `INPUT.MIN_SIZE_TEST`.
    pub short_edge: u32,
    /// `INPUT.MIN_SIZE_TRAIN`.
    pub short_edges: Vec<u32>,
    /// `SOLVER.IMS_PER_BATCH`, and how many of them go through the network at once.
    pub batch: Batch,
    /// `SOLVER.BASE_LR`: that of the recipe, scaled with the batch.
    pub learning_rate: f64,
    /// `SOLVER.MAX_ITER`.
    pub iterations: u64,
    /// `SOLVER.WARMUP_ITERS`.
    pub warmup: u64,
    /// `TEST.EVAL_PERIOD`.
    pub eval_period: u64,
    /// `SOLVER.CHECKPOINT_PERIOD`.
    pub checkpoint_period: u64,
    /// `MODEL.SeqFormer.NUM_OBJECT_QUERIES`.
    pub num_queries: usize,
}

impl Training {
    /// Chooses the numbers for a batch.
    pub fn new(
        start: &Start,
        train: &Counts,
        is_images: bool,
        batch: Batch,
        wishes: Wishes,
    ) -> Self {
        let (_, median_edge, _) = train.short_edges;
        let limit = if start.reference_edge == 0 { u32::MAX } else { start.reference_edge };
        let short_edge = wishes.short_edge.unwrap_or(median_edge.min(limit)).max(MIN_EDGE);
        let iterations = wishes
            .iterations
            .unwrap_or_else(|| iterations(start.knows, train.videos, is_images, batch));
        let period = |count: u64| (iterations / count).max(1);
        Self {
            num_frames: if is_images {
                NUM_VIEWS
            } else {
                start.num_frames.min(train.lengths.1).max(1)
            },
            short_edge,
            short_edges: short_edges(short_edge),
            learning_rate: start.reference_rate * batch.clips as f64 / start.reference_batch as f64,
            batch,
            iterations,
            warmup: start.warmup.min(iterations / MAX_WARMUP),
            eval_period: period(NUM_EVALUATIONS),
            checkpoint_period: period(NUM_CHECKPOINTS),
            num_queries: num_queries(start, train.most_objects),
        }
    }
}

/// Short edges around one, in pixels.
fn short_edges(short_edge: u32) -> Vec<u32> {
    let scaled = |scale: f64| {
        let edge = (scale * f64::from(short_edge) / SIZE_STEP).round() * SIZE_STEP;
        (edge as u32).max(MIN_EDGE)
    };
    let mut edges = SIZES.map(scaled).to_vec();
    edges.dedup();
    edges
}

/// So many that every video or image is drawn as often as in the recipes, in round numbers.
fn iterations(knows: Knows, videos: usize, is_images: bool, batch: Batch) -> u64 {
    let draws = if is_images { DRAWS_PER_IMAGE } else { DRAWS_PER_VIDEO };
    let fewest = if knows == Knows::Nothing { MIN_CLIPS_FROM_RANDOM } else { MIN_CLIPS };
    let clips = (draws * videos).clamp(fewest, MAX_CLIPS);
    let iterations = clips.div_ceil(batch.clips.max(1)) as u64;
    iterations.next_multiple_of(if iterations > 2_000 { 100 } else { 20 })
}

/// Those of the recipe. A network that starts from random numbers can have as many as the data needs: two for each object of
/// the fullest video.
fn num_queries(start: &Start, most_objects: usize) -> usize {
    match start.knows {
        Knows::Everything => start.num_queries,
        Knows::Images | Knows::Nothing => start
            .num_queries
            .max((2 * most_objects).next_multiple_of(10))
            .min(300.max(start.num_queries)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    fn counts(videos: usize, short_edge: u32, most_objects: usize) -> Counts {
        Counts {
            videos,
            frames: 10 * videos,
            objects: videos,
            classes: Vec::new(),
            most_objects,
            lengths: (3, 20),
            short_edges: (short_edge, short_edge, short_edge),
        }
    }

    fn clips(clips: usize) -> Batch {
        Batch { clips, micro: 1 }
    }

    #[test]
    fn the_learning_rate_follows_the_batch_and_iterations_the_number_of_videos() {
        let start = Start::random(Network::R50).unwrap();
        let of = |batch, videos| {
            Training::new(&start, &counts(videos, 720, 3), false, clips(batch), Wishes::default())
        };
        // The recipe itself: 16 clips at 0.0002, 12,000 iterations on 2,238 videos.
        let whole = of(16, 2_238);
        assert_eq!((whole.learning_rate, whole.iterations), (0.0002, 12_000));
        assert_eq!((whole.short_edge, whole.num_frames, whole.num_queries), (360, 5, 300));
        assert_eq!(whole.short_edges, [272, 312, 360, 408, 448]);
        let half = of(8, 2_238);
        assert_eq!((half.learning_rate, half.iterations), (0.0001, 24_000));
        // Random numbers need their time, however few videos there are.
        assert_eq!(of(16, 10).iterations, 1_500);
    }

    #[test]
    fn sizes_follow_the_data_and_wishes_win() {
        let start = Start::random(Network::Small).unwrap();
        let data = counts(40, 120, 33);
        let of = |wishes| Training::new(&start, &data, true, clips(4), wishes);
        let chosen = of(Wishes::default());
        assert_eq!((chosen.short_edge, chosen.num_frames), (120, 2));
        assert_eq!(chosen.short_edges, [88, 104, 120, 136, 152]);
        assert_eq!(chosen.num_queries, 70);
        let asked = of(Wishes { short_edge: Some(96), batch: None, iterations: Some(30) });
        assert_eq!((asked.short_edge, asked.iterations, asked.warmup), (96, 30, 3));
        assert_eq!((asked.eval_period, asked.checkpoint_period), (7, 1));
    }
}
