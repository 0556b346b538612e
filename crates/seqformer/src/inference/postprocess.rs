//! Selects the queries that become results, and computes their masks at the video's resolution.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.whole_video_inference`.

use seqformer_masks::ImageSize;
use tch::{Kind, Tensor};

use crate::config::MASK_STRIDE;

/// Probability above which a pixel belongs to the mask.
const MASK_THRESHOLD: f64 = 0.5;

/// How results are selected from the class probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelectionRule {
    /// Number of queries kept, by their best class.
    pub max_queries: i64,
    /// Every class of a kept query above this probability is a result; `None` always uses only the
    /// best class.
    pub class_threshold: Option<f64>,
}

/// A result: one of the selected queries, or a track, as an instance of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Index into [`Selection::queries`], or into the instances of [`classify`].
    pub rank: usize,
    /// Class, 0-based.
    pub label: usize,
    /// Probability of the class.
    pub score: f32,
}

/// The kept queries and their results.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// By their best class, best first.
    pub queries: Vec<i64>,
    /// By rank, then class.
    pub detections: Vec<Detection>,
}

/// The queries with the best classes.
#[derive(Debug)]
pub struct TopQueries {
    /// Best first.
    pub queries: Vec<i64>,
    /// Class probabilities of these queries, `[I, K]`, in host memory.
    pub class_probs: Tensor,
}

/// Keeps at most `max_queries` queries from class logits `[Q, K]`, by their best class.
pub fn top_queries(pred_logits: &Tensor, max_queries: i64) -> TopQueries {
    tch::no_grad(|| {
        let probs = pred_logits.sigmoid();
        let count = max_queries.clamp(0, probs.size()[0]);
        let (_, queries) = probs.amax(-1, false).topk(count, 0, true, true);
        let kept = probs.index_select(0, &queries).to_device(tch::Device::Cpu).to_kind(Kind::Float);
        let queries = queries.to_device(tch::Device::Cpu);
        let queries = (0..count).map(|i| queries.int64_value(&[i])).collect();
        TopQueries { queries, class_probs: kept.contiguous() }
    })
}

/// Selects results from class logits `[Q, K]`.
pub fn select(pred_logits: &Tensor, rule: SelectionRule) -> Selection {
    let TopQueries { queries, class_probs } = top_queries(pred_logits, rule.max_queries);
    let num_classes = class_probs.size()[1] as usize;
    let mut values = vec![0.0_f32; class_probs.numel()];
    class_probs.copy_data(&mut values, class_probs.numel());
    let rows = values.chunks(num_classes.max(1));
    Selection { detections: classify(rows, rule.class_threshold), queries }
}

/// Selects results from the class probabilities of instances; the rank is an instance's index.
///
/// With a threshold, every class above it is a result; without one, each instance's best class is.
pub fn classify<'a>(
    class_probs: impl Iterator<Item = &'a [f32]>,
    class_threshold: Option<f64>,
) -> Vec<Detection> {
    let detections = class_probs.enumerate().flat_map(|(rank, probs)| match class_threshold {
        Some(threshold) => above(rank, probs, threshold),
        None => best_class(rank, probs),
    });
    detections.collect()
}

fn above(rank: usize, scores: &[f32], threshold: f64) -> Vec<Detection> {
    // Compare in f32, as libtorch compares a tensor with a number.
    let threshold = threshold as f32;
    let found = scores.iter().enumerate().filter(|(_, score)| **score > threshold);
    found.map(|(label, &score)| Detection { rank, label, score }).collect()
}

fn best_class(rank: usize, scores: &[f32]) -> Vec<Detection> {
    let first_best =
        scores.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    first_best.map(|(label, &score)| Detection { rank, label, score }).into_iter().collect()
}

/// Masks at the video's resolution from logits of the padded frames.
///
/// Interpolates the logits to the padded frame, computes probabilities, crops the padding, and
/// samples the nearest pixel for each output pixel.
///
/// # Shapes
///
/// - `logits`: `[I, h, w]` of one frame, with a stride of 4 pixels
/// - output: `[I, H, W]`, true = inside
pub fn final_masks(logits: &Tensor, frame_size: ImageSize, output_size: ImageSize) -> Tensor {
    if logits.size()[0] == 0 {
        let [height, width] = output_size.sides();
        return Tensor::zeros([0, height, width], (Kind::Bool, logits.device()));
    }
    tch::no_grad(|| {
        let (height, width) = (logits.size()[1] * MASK_STRIDE, logits.size()[2] * MASK_STRIDE);
        let [frame_height, frame_width] = frame_size.sides();
        let full = logits.unsqueeze(1).upsample_bilinear2d([height, width], false, None, None);
        let full = full.narrow(2, 0, frame_height).narrow(3, 0, frame_width);
        let probabilities = full.sigmoid();
        let resized = if frame_size == output_size {
            probabilities
        } else {
            probabilities.upsample_nearest2d(output_size.sides(), None, None)
        };
        resized.squeeze_dim(1).gt(MASK_THRESHOLD)
    })
}

#[cfg(test)]
mod tests;
