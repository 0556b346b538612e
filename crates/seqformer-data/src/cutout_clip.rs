//! Clips of moving cut-outs, composed while training runs, in place of some pseudo-clips.

use std::ops::RangeInclusive;

use seqformer_masks::{BitMask, ImageSize};

use crate::cutouts::{CutoutFrame, CutoutPool, CutoutScene, SceneObject, SceneSettings};
use crate::random::Random;
use crate::{
    AbsentInstances, ClipInstance, ClipSample, ClipSampling, DataError, InstanceFrame, StillMapper,
    Transform, VideoRecord, shortest_edge_size,
};

/// Makes clips of single images: some are composed of moving cut-outs, the others are pseudo-clips.
#[derive(Debug, Clone, PartialEq)]
pub struct CutoutMapper {
    /// Makes the pseudo-clips. Its augmentation also applies to composed clips, except for its crop, for which there is
    /// the camera; sizes and flips are drawn once for all frames.
    pub still: StillMapper,
    /// The probability that a clip is composed.
    pub probability: f64,
    /// Minimum and maximum number of cut-outs.
    pub objects: RangeInclusive<usize>,
    /// Selects the frames of a composed video, in which things move on from frame to frame.
    pub sampling: ClipSampling,
}

impl CutoutMapper {
    /// Draws a clip over or of the image `index` of `records`, counted from 0.
    ///
    /// # Errors
    ///
    /// As [`StillMapper::map`].
    pub fn map(
        &self,
        records: &[VideoRecord],
        index: usize,
        pool: &CutoutPool,
        random: &mut Random,
    ) -> Result<ClipSample, DataError> {
        let record = &records[index];
        if !pool.has_others(index) || !random.bernoulli(self.probability) {
            return self.still.map(record, random);
        }
        let augmentation = &self.still.augmentation;
        let short_edge = augmentation.short_edge.draw(random);
        let size = shortest_edge_size(record.size, short_edge, augmentation.max_size);
        let flip = augmentation.flip.draw(random);
        // As long as the frames of a clip can be apart.
        let num_frames = self.sampling.range + 1;
        let frame_indices = self.sampling.draw(num_frames, random);
        let settings = SceneSettings { num_frames, size, objects: self.objects.clone() };
        let scene = CutoutScene::draw(records, pool, index, &settings, random)?;
        let objects = scene.objects();
        let mut frames = Vec::with_capacity(frame_indices.len());
        let mut seen: Vec<Vec<InstanceFrame>> = objects.iter().map(|_| Vec::new()).collect();
        for &frame in &frame_indices {
            let mut steps: Vec<Transform> = flip.into_iter().collect();
            steps.extend(augmentation.draw_frame_steps(size, random));
            let CutoutFrame { image, masks } = scene.render(frame);
            frames.push(steps.iter().fold(image, |image, step| step.apply_image(image)));
            for ((object, masks), mask) in objects.iter().zip(&mut seen).zip(masks) {
                // As in videos, crowds have an empty slot.
                let mask = mask.filter(|_| !object.is_crowd);
                masks.push(instance_frame(mask, size, &steps));
            }
        }
        let instances = (1..).zip(objects.iter().zip(seen)).map(instance);
        let is_kept = |instance: &ClipInstance| {
            self.still.absent == AbsentInstances::Keep
                || instance.frames.iter().any(|frame| frame.is_visible)
        };
        Ok(ClipSample {
            video_id: record.id,
            frame_indices,
            frames,
            original_size: record.size,
            instances: instances.filter(is_kept).collect(),
            // Of the pasted objects all are annotated.
            exhaustive: record.exhaustive.clone(),
        })
    }
}

fn instance((id, (object, frames)): (u64, (&SceneObject, Vec<InstanceFrame>))) -> ClipInstance {
    let is_seen = frames.iter().any(|frame| frame.is_visible);
    ClipInstance { track_id: id, label: if is_seen { object.category } else { 0 }, frames }
}

fn instance_frame(mask: Option<BitMask>, size: ImageSize, steps: &[Transform]) -> InstanceFrame {
    let mask = mask.unwrap_or_else(|| BitMask::new(size));
    let mask = steps.iter().fold(mask, |mask, step| step.apply_mask(mask));
    let bbox = mask.bounding_box();
    InstanceFrame { is_visible: bbox.is_some(), bbox: bbox.unwrap_or_default(), mask }
}

#[cfg(test)]
mod tests;
