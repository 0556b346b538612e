//! Which queries become results, and their masks at the size of the video.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.whole_video_inference`.

use tch::{Kind, Tensor};

use crate::FrameSize;
use crate::config::MASK_STRIDE;

/// A pixel belongs to the mask above this probability.
const MASK_THRESHOLD: f64 = 0.5;

/// How results are picked from the class probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelectionRule {
    /// Queries that are kept, by their best class.
    pub max_queries: i64,
    /// Every class of a kept query above this probability is a result; `None`: only the best, always.
    pub class_threshold: Option<f64>,
}

/// A result: one of the selected queries as an instance of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Index into [`Selection::queries`].
    pub rank: usize,
    /// Class, 0-based.
    pub label: usize,
    /// Probability of the class.
    pub score: f32,
}

/// The queries that were kept and the results made of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// By their best class, best first.
    pub queries: Vec<i64>,
    /// By rank, then class.
    pub detections: Vec<Detection>,
}

/// Picks results from class logits `[Q, K]`.
pub fn select(pred_logits: &Tensor, rule: SelectionRule) -> Selection {
    tch::no_grad(|| {
        let scores = pred_logits.sigmoid();
        let best = scores.amax(-1, false);
        let count = rule.max_queries.clamp(0, scores.size()[0]);
        let (_, queries) = best.topk(count, 0, true, true);
        let kept = scores.index_select(0, &queries).to_device(tch::Device::Cpu).contiguous();
        let queries = (0..count).map(|i| queries.int64_value(&[i])).collect();
        let num_classes = kept.size()[1] as usize;
        let mut values = vec![0.0_f32; kept.numel()];
        kept.to_kind(Kind::Float).copy_data(&mut values, kept.numel());
        let detections =
            values.chunks(num_classes.max(1)).enumerate().flat_map(|(rank, scores)| {
                match rule.class_threshold {
                    Some(threshold) => above(rank, scores, threshold),
                    None => best_class(rank, scores),
                }
            });
        Selection { detections: detections.collect(), queries }
    })
}

fn above(rank: usize, scores: &[f32], threshold: f64) -> Vec<Detection> {
    // The comparison is one of f32 numbers, as between a tensor and a number.
    let threshold = threshold as f32;
    let found = scores.iter().enumerate().filter(|(_, score)| **score > threshold);
    found.map(|(label, &score)| Detection { rank, label, score }).collect()
}

fn best_class(rank: usize, scores: &[f32]) -> Vec<Detection> {
    let first_best =
        scores.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    first_best.map(|(label, &score)| Detection { rank, label, score }).into_iter().collect()
}

/// Masks at the video's size from logits of the padded frames.
///
/// Interpolates the logits to the padded frame, takes probabilities, cuts the padding off, and picks
/// the nearest pixel for each of the output.
///
/// # Shapes
///
/// - `logits`: `[I, h, w]` of one frame, one cell for four pixels
/// - output: `[I, H, W]`, true = inside
pub fn final_masks(logits: &Tensor, frame_size: FrameSize, output_size: FrameSize) -> Tensor {
    tch::no_grad(|| {
        let (height, width) = (logits.size()[1] * MASK_STRIDE, logits.size()[2] * MASK_STRIDE);
        let full = logits.unsqueeze(1).upsample_bilinear2d([height, width], false, None, None);
        let full = full.narrow(2, 0, frame_size.height).narrow(3, 0, frame_size.width);
        let probabilities = full.sigmoid();
        let size = [output_size.height, output_size.width];
        let resized = if frame_size == output_size {
            probabilities
        } else {
            probabilities.upsample_nearest2d(size, None, None)
        };
        resized.squeeze_dim(1).gt(MASK_THRESHOLD)
    })
}

#[cfg(test)]
mod tests;
