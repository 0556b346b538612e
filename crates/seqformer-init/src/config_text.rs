//! The two files of a configuration: a short one with the keys that a user would tune, and one with the rest of the recipe.

use std::fmt::Write as _;
use std::path::Path;

use seqformer_config::CfgNode;

use crate::start::set;
use crate::{InitError, Knows, Start, Training};

/// The short file.
pub(crate) const CONFIG: &str = "config.yaml";
/// The rest of the recipe.
pub(crate) const BASE: &str = "base.yaml";

/// Loader threads: a quarter of the cores, and no more than the recipes have.
const MAX_WORKERS: usize = 4;

/// Where everything is, all of it absolute.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) train: &'a Path,
    pub(crate) val: &'a Path,
    pub(crate) image_root: &'a Path,
    pub(crate) output_dir: &'a Path,
}

/// What goes into the text.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    pub(crate) start: &'a Start,
    pub(crate) training: &'a Training,
    pub(crate) places: &'a Places<'a>,
    /// What the configuration calls the weights; nothing for random ones.
    pub(crate) weights: &'a str,
    pub(crate) is_images: bool,
    pub(crate) num_classes: usize,
    pub(crate) seed: u64,
    /// Lines for the head of the file.
    pub(crate) about: &'a [String],
}

impl Contents<'_> {
    /// The short file.
    pub(crate) fn config(&self) -> String {
        let Self { training, places, .. } = self;
        let mut text = String::new();
        for line in self.about {
            // Writing to a text cannot fail.
            let _written = writeln!(text, "# {}", line.replace('\n', " "));
        }
        let kind = if self.is_images { "coco" } else { "ytvis" };
        let edges: Vec<String> = training.short_edges.iter().map(ToString::to_string).collect();
        let clip =
            if self.is_images { "Views of an image that make a clip" } else { "Frames of a clip" };
        let _written = write!(
            text,
            "_BASE_: {BASE}
MODEL:
  # Weights to start from: a file, the name of a model, or an address. '' starts from random numbers.
  WEIGHTS: {weights}
INPUT:
  # {clip}. Time and memory grow with it.
  SAMPLING_FRAME_NUM: {num_frames}
  # Short edges of frames in training, one of which is drawn for each clip, in pixels. Small objects need large ones; time
  # and memory grow with the square.
  MIN_SIZE_TRAIN: [{edges}]
  # The same in evaluation and in `predict`.
  MIN_SIZE_TEST: {short_edge}
DATASETS:
  CUSTOM:
    train: {{json: {train}, image_root: {root}, type: {kind}}}
    val: {{json: {val}, image_root: {root}, type: {kind}}}
  TRAIN: [train]
  TEST: [val]
SOLVER:
  # Clips of a batch, and the learning rate that goes with it: change both by the same factor. If the loss jumps or is not
  # finite, lower the rate; if it hardly falls, raise it.
  IMS_PER_BATCH: {clips}
  BASE_LR: {rate}
  # Clips that go through the network at once, 0 for all. Less memory, the same numbers.
  MICRO_BATCH_SIZE: {micro}
  # Iterations. The learning rate falls to 0 over all of them.
  MAX_ITER: {iterations}
  CHECKPOINT_PERIOD: {checkpoint_period}
TEST:
  # Iterations between two evaluations on val; model_best.pth is the best of them.
  EVAL_PERIOD: {eval_period}
OUTPUT_DIR: {output_dir}
SEED: {seed}
VERSION: 2
",
            weights = quoted(self.weights),
            num_frames = training.num_frames,
            edges = edges.join(", "),
            short_edge = training.short_edge,
            train = quoted_path(places.train),
            val = quoted_path(places.val),
            root = quoted_path(places.image_root),
            clips = training.batch.clips,
            rate = decimal(training.learning_rate),
            micro = training.batch.micro,
            iterations = training.iterations,
            checkpoint_period = training.checkpoint_period,
            eval_period = training.eval_period,
            output_dir = quoted_path(places.output_dir),
            seed = self.seed,
        );
        text
    }

    /// The rest: the network and the recipe.
    ///
    /// # Errors
    ///
    /// Settings that contradict each other.
    pub(crate) fn base(&self) -> Result<String, InitError> {
        let Self { start, training, .. } = self;
        let mut node: CfgNode = start.node.clone();
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        set(
            &mut node,
            &[
                ("MODEL.SeqFormer.NUM_CLASSES", &self.num_classes.to_string()),
                ("MODEL.SeqFormer.NUM_OBJECT_QUERIES", &training.num_queries.to_string()),
                ("MODEL.SeqFormer.DROP_ABSENT", "True"),
                ("INPUT.MIN_SIZE_TRAIN_SAMPLING", "choice_by_clip"),
                ("SOLVER.LR_SCHEDULER_NAME", "WarmupCosineLR"),
                ("SOLVER.BASE_LR_END", "0.0"),
                ("SOLVER.STEPS", "()"),
                ("SOLVER.WARMUP_ITERS", &training.warmup.to_string()),
                ("SOLVER.KEEP_CHECKPOINTS", "2"),
                ("DATALOADER.NUM_WORKERS", &(cores / 4).clamp(1, MAX_WORKERS).to_string()),
            ],
        )?;
        set(&mut node, if self.is_images { &IMAGES } else { &VIDEOS })?;
        for key in OF_CONFIG {
            reset(&mut node, key)?;
        }
        let from = match start.knows {
            Knows::Everything => "as the weights have it",
            Knows::Images => "around the backbone of the weights",
            Knows::Nothing => "which starts from random numbers",
        };
        let text = node.dump_changed();
        Ok(format!(
            "# The network ({}),\n# {from}, and the parts of its recipe that need no tuning; what does is in {CONFIG}.\n\
             {text}",
            start.network
        ))
    }
}

/// Keys that the short file has; the other one leaves them out.
const OF_CONFIG: [&str; 9] = [
    "INPUT.SAMPLING_FRAME_NUM",
    "INPUT.MIN_SIZE_TRAIN",
    "INPUT.MIN_SIZE_TEST",
    "SOLVER.IMS_PER_BATCH",
    "SOLVER.BASE_LR",
    "SOLVER.MICRO_BATCH_SIZE",
    "SOLVER.MAX_ITER",
    "SOLVER.CHECKPOINT_PERIOD",
    "TEST.EVAL_PERIOD",
];

/// Clips of videos, as in the recipe of VNext.
const VIDEOS: [(&str, &str); 3] = [
    ("INPUT.COCO_PRETRAIN", "False"),
    ("INPUT.CROP.ENABLED", "False"),
    ("INPUT.RANDOM_FLIP", "flip_by_clip"),
];

/// Pseudo-clips of images, as in `configs/bases/coco_clips.yaml`.
const IMAGES: [(&str, &str); 8] = [
    ("INPUT.COCO_PRETRAIN", "True"),
    ("INPUT.PRETRAIN_TYPE", "v1"),
    ("INPUT.PRETRAIN_SAME_CROP", "False"),
    ("INPUT.RANDOM_FLIP", "horizontal"),
    ("INPUT.CROP.ENABLED", "True"),
    ("INPUT.CROP.TYPE", "absolute_range"),
    ("INPUT.CROP.SIZE", "(384, 600)"),
    ("DATALOADER.FILTER_EMPTY_ANNOTATIONS", "True"),
];

fn reset(node: &mut CfgNode, key: &str) -> Result<(), InitError> {
    match CfgNode::defaults().get(key) {
        Some(value) => set(node, &[(key, &value.to_string())]),
        None => Ok(()),
    }
}

/// A text as YAML has it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A learning rate in at most three digits, without an exponent, which YAML 1.1 would take for text.
fn decimal(rate: f64) -> String {
    let digits = 2 - rate.abs().max(f64::MIN_POSITIVE).log10().floor() as i32;
    let text = format!("{rate:.*}", digits.clamp(1, 12) as usize);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_texts_are_read_back() {
        for (rate, expected) in [
            (0.0002, "0.0002"),
            (2.5e-5, "0.000025"),
            (1.0, "1.0"),
            (0.0004 * 2.0 / 6.0, "0.000133"),
        ] {
            assert_eq!(decimal(rate), expected);
            let mut node = CfgNode::defaults();
            let text =
                format!("SOLVER:\n  BASE_LR: {expected}\nOUTPUT_DIR: {}\n", quoted("it's [1] # a"));
            node.merge_from_text(&text, Path::new("a.yaml")).unwrap();
            assert_eq!(
                node.get("SOLVER.BASE_LR").unwrap().to_string().parse(),
                expected.parse::<f64>()
            );
            assert_eq!(node.get("OUTPUT_DIR").unwrap().to_string(), "\"it's [1] # a\"");
        }
    }
}
