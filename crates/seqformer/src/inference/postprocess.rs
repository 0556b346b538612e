//! Selects the queries that become results, and computes their masks at the video's resolution.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.whole_video_inference`; for [`select_pairs`] and
//! [`final_masks_in_one_step`], which made the published results, the original repository's `inference.py`.

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

/// Selects the best pairs of query and class from class logits `[Q, K]`: at most `max_pairs`, and only those above the
/// threshold if there is one.
///
/// Queries are ordered by their best pairs, and the classes of a query by their probabilities.
pub fn select_pairs(
    pred_logits: &Tensor,
    max_pairs: i64,
    class_threshold: Option<f64>,
) -> Selection {
    tch::no_grad(|| {
        let probs = pred_logits.sigmoid().to_device(tch::Device::Cpu).to_kind(Kind::Float);
        let num_classes = probs.size()[1];
        let count = max_pairs.clamp(0, probs.numel() as i64);
        let (scores, pairs) = probs.flatten(0, 1).topk(count, 0, true, true);
        let mut queries: Vec<i64> = Vec::new();
        let mut detections = Vec::new();
        for index in 0..count {
            let score = scores.double_value(&[index]) as f32;
            if class_threshold.is_some_and(|threshold| score <= threshold as f32) {
                break;
            }
            let pair = pairs.int64_value(&[index]);
            let (query, label) = (pair / num_classes, (pair % num_classes) as usize);
            let rank = queries.iter().position(|known| *known == query).unwrap_or_else(|| {
                queries.push(query);
                queries.len() - 1
            });
            detections.push(Detection { rank, label, score });
        }
        // The sort is stable: it keeps the order of the classes of a query.
        detections.sort_by_key(|detection| detection.rank);
        Selection { queries, detections }
    })
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

/// Number of cells of the mask logits along a side of `pixels`: two per cell of the features with stride 8, of which the
/// last may be partly covered.
pub fn cells_of_side(pixels: i64) -> i64 {
    2 * ((pixels + 7) / 8)
}

/// Masks at the video's resolution, interpolated in one step from the logits of the frame without its padding.
///
/// # Shapes
///
/// As in [`final_masks`].
pub fn final_masks_in_one_step(
    logits: &Tensor,
    frame_size: ImageSize,
    output_size: ImageSize,
) -> Tensor {
    let size = output_size.sides();
    if logits.size()[0] == 0 {
        return Tensor::zeros([0, size[0], size[1]], (Kind::Bool, logits.device()));
    }
    tch::no_grad(|| {
        let [height, width] = frame_size.sides().map(cells_of_side);
        let cells = logits.narrow(1, 0, height).narrow(2, 0, width).unsqueeze(1);
        let full = cells.upsample_bilinear2d(size, false, None, None);
        full.squeeze_dim(1).sigmoid().gt(MASK_THRESHOLD)
    })
}

#[cfg(test)]
mod tests;
