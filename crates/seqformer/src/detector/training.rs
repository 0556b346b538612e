//! The network on annotated clips: all decoder layers, and masks of matched queries.
//!
//! Reference: VNext `models/segmentation_condInst.py`, `CondInst_segm.forward`.

use seqformer_cuda::transfer::upload;
use seqformer_masks::ImageSize;
use tch::{Kind, Tensor};

use super::{ClipOutput, SeqFormer, reference_points_px};
use crate::frame_size::{largest, padded_size, size_of_frames};
use crate::matcher::{ClipMatches, HungarianMatcher, LayerMatches, Predictions};
use crate::targets::{ClipTarget, TargetShape};
use crate::{DecoderLayerOutput, KeepLayers, ModelError};

/// The output for a batch of annotated clips.
#[derive(Debug)]
pub struct TrainOutput {
    /// The supervised decoder layers in order, always including the last.
    pub layers: Vec<TrainLayer>,
    /// The size to which all frames were padded.
    pub padded_size: ImageSize,
    /// Groups of queries, `G`; each is matched with all instances.
    pub query_groups: i64,
}

/// Predictions of one decoder layer, and their matching. The queries of all `G` groups are `Q` together here.
#[derive(Debug)]
pub struct TrainLayer {
    /// Class logits, `[N, Q, K]`.
    pub pred_logits: Tensor,
    /// Boxes (cx, cy, w, h) in 0..1, `[N, T, Q, 4]`.
    pub pred_boxes: Tensor,
    /// Mask logits of the matched queries in order, clip by clip, `[I, T, H / 4, W / 4]`.
    pub pred_masks: Tensor,
    /// The matched pairs of each clip.
    pub matches: LayerMatches,
    /// Indices of the matched queries among those of all clips, `[I]`.
    pub query_index: Tensor,
    /// Indices of their instances among those of all clips, `[I]`.
    pub target_index: Tensor,
}

impl TrainLayer {
    /// Boxes of the matched queries, clip by clip, `[I, T, 4]`.
    pub fn matched_boxes(&self) -> Tensor {
        let boxes = self.pred_boxes.transpose(1, 2).flatten(0, 1); // [N * Q, T, 4]
        boxes.index_select(0, &self.query_index)
    }
}

/// The matched queries of all layers as indices on the network's device.
struct MatchIndex {
    /// Indices among the queries of all clips, `[D, I]`.
    queries: Tensor,
    /// Indices among the instances of all clips, `[D, I]`.
    targets: Tensor,
    /// Number of pairs of each clip.
    counts: Vec<i64>,
}

impl SeqFormer {
    /// Runs the network in training mode, with dropout, and matches its queries with the instances.
    ///
    /// If a clip has more instances than queries, each query is matched with one and the other instances are ignored,
    /// separately in each decoder layer. The reference assigns them in the same way.
    ///
    /// `clips` are frames `[T, 3, H, W]` in 0..255, of any size but with equal `T`. They are padded to a common size.
    ///
    /// # Errors
    ///
    /// If clips and targets do not match each other or the network, or a prediction is not finite.
    pub fn forward_train(
        &self,
        clips: &[Tensor],
        targets: &[ClipTarget],
        matcher: &HungarianMatcher,
        keep: KeepLayers,
    ) -> Result<TrainOutput, ModelError> {
        let at_least = ImageSize { height: 1, width: 1 };
        self.forward_train_padded(clips, targets, matcher, keep, at_least)
    }

    /// The same with frames padded to at least the size `at_least`, so that parts of a batch give the same results as
    /// the whole.
    ///
    /// # Errors
    ///
    /// Those of [`SeqFormer::forward_train`].
    pub fn forward_train_padded(
        &self,
        clips: &[Tensor],
        targets: &[ClipTarget],
        matcher: &HungarianMatcher,
        keep: KeepLayers,
        at_least: ImageSize,
    ) -> Result<TrainOutput, ModelError> {
        let sizes = self.check_clips(clips, targets)?;
        let padded = padded_size(largest(&[&sizes[..], &[at_least]].concat()));
        let images: Result<Vec<Tensor>, ModelError> = clips
            .iter()
            .map(|frames| crate::normalize_and_pad(frames, padded, &self.config, self.device))
            .collect();
        let images = Tensor::cat(&images?, 0);
        let layout = self.token_layout_in(&sizes, padded);
        let ClipOutput { layers: outputs, pred_logits: logits, mask_features } =
            self.forward_with(&self.query_embed.queries_of_all_groups(), &images, &layout, keep);
        let predictions = Predictions {
            logits: tch::no_grad(|| Tensor::stack(&logits, 0)),
            boxes: tch::no_grad(|| {
                Tensor::stack(
                    &outputs.iter().map(|output| &output.pred_boxes).collect::<Vec<_>>(),
                    0,
                )
            }),
        };
        let matches = matcher.match_groups(&predictions, targets, self.config.query_groups)?;
        let index = self.match_index(&matches, targets);
        let masks = self.matched_masks(&mask_features, &outputs, &index, &sizes);
        let layers = outputs.into_iter().zip(logits).zip(matches).enumerate();
        let layers = layers.map(|(layer, ((output, pred_logits), matches))| TrainLayer {
            pred_logits,
            pred_boxes: output.pred_boxes,
            pred_masks: masks.get(layer as i64),
            matches,
            query_index: index.queries.get(layer as i64),
            target_index: index.targets.get(layer as i64),
        });
        Ok(TrainOutput {
            layers: layers.collect(),
            padded_size: padded,
            query_groups: self.config.query_groups,
        })
    }

    fn check_clips(
        &self,
        clips: &[Tensor],
        targets: &[ClipTarget],
    ) -> Result<Vec<ImageSize>, ModelError> {
        let wrong = |expected: String, found: String| Err(ModelError::Frames { expected, found });
        let Some(&[num_frames, ..]) = clips.first().map(Tensor::size).as_deref() else {
            return wrong("at least one clip".to_owned(), "none".to_owned());
        };
        if targets.len() != clips.len() {
            return wrong(
                format!("a target for each of {} clips", clips.len()),
                targets.len().to_string(),
            );
        }
        let mut sizes = Vec::with_capacity(clips.len());
        for (clip, (frames, target)) in clips.iter().zip(targets).enumerate() {
            let found = frames.size();
            let Some(size) = size_of_frames(frames) else {
                return wrong("clips of [T, 3, H, W]".to_owned(), format!("{found:?}"));
            };
            if found[0] != num_frames {
                return wrong(format!("clips of {num_frames} frames each"), found[0].to_string());
            }
            let num_classes = self.config.num_classes;
            target.check(clip, &TargetShape { num_frames, num_classes, size })?;
            sizes.push(size);
        }
        Ok(sizes)
    }

    /// The indices of all layers, uploaded in one transfer.
    fn match_index(&self, matches: &[LayerMatches], targets: &[ClipTarget]) -> MatchIndex {
        let counts: Vec<i64> = matches[0].iter().map(|clip| clip.queries.len() as i64).collect();
        let total: i64 = counts.iter().sum();
        let mut flat = Vec::with_capacity(2 * matches.len() * total as usize);
        let of = |pick: fn(&ClipMatches) -> &[i64], steps: &[i64], flat: &mut Vec<i64>| {
            for layer in matches {
                let mut start = 0;
                for (clip, step) in layer.iter().zip(steps) {
                    flat.extend(pick(clip).iter().map(|index| index + start));
                    start += step;
                }
            }
        };
        let steps = vec![self.config.query_groups * self.config.num_queries; counts.len()];
        of(|clip| &clip.queries, &steps, &mut flat);
        // A clip with more instances than queries has unmatched instances. Differs: the reference's box loss requires a
        // query for each instance, and fails on such a clip.
        let steps: Vec<i64> = targets.iter().map(|target| target.num_instances() as i64).collect();
        of(|clip| &clip.targets, &steps, &mut flat);
        let both =
            upload(&Tensor::from_slice(&flat), self.device).view([2, matches.len() as i64, total]);
        MatchIndex { queries: both.get(0), targets: both.get(1), counts }
    }

    /// Mask logits of the matched queries of all layers, `[D, I, T, H / 4, W / 4]`.
    ///
    /// `features` are those of all frames, `[N * T, C / 32, H / 8, W / 8]`, and are shared by all layers.
    fn matched_masks(
        &self,
        features: &Tensor,
        outputs: &[DecoderLayerOutput],
        index: &MatchIndex,
        sizes: &[ImageSize],
    ) -> Tensor {
        let num_layers = outputs.len() as i64;
        let (frames, _, height, width) =
            features.size4().expect("features are [N * T, C / 32, h, w]");
        let num_frames = frames / sizes.len() as i64;
        let total: i64 = index.counts.iter().sum();
        if total == 0 {
            // Empty, but with a path for gradients to the mask head.
            let none = features.narrow(1, 0, 0).to_kind(Kind::Float);
            return none
                .reshape([0, num_frames, 2 * height, 2 * width])
                .unsqueeze(0)
                .expand([num_layers, -1, -1, -1, -1], false);
        }
        let (mut queries, mut points) = (Vec::new(), Vec::new());
        for (layer, output) in outputs.iter().enumerate() {
            let matched = index.queries.get(layer as i64);
            queries.push(output.instance_queries.flatten(0, 1).index_select(0, &matched)); // [I, C]
            let px = reference_points_px(&output.references, sizes); // [N, T, Q, 2]
            points.push(px.transpose(1, 2).flatten(0, 1).index_select(0, &matched)); // [I, T, 2]
        }
        let params = self.controller.forward_full(&Tensor::stack(&queries, 0)); // [D, I, parameters]
        let points = Tensor::stack(&points, 0); // [D, I, T, 2]
        let mut start = 0;
        let mut masks = Vec::new();
        for (clip, &count) in index.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let features = features.narrow(0, clip as i64 * num_frames, num_frames);
            let params = params.narrow(1, start, count).flatten(0, 1); // [D * I', parameters]
            let points = points.narrow(1, start, count).flatten(0, 1).transpose(0, 1); // [T, D * I', 2]
            let logits = self.masks(&features, &params, &points); // [D * I', T, 2h, 2w]
            masks.push(logits.reshape([num_layers, count, num_frames, 2 * height, 2 * width]));
            start += count;
        }
        Tensor::cat(&masks, 1)
    }
}

#[cfg(test)]
mod tests;
