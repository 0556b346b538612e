//! Pseudo-clips: several views of one image in place of the frames of a video.
//!
//! Reference: VNext `projects/IDOL`, `COCO_CLIP_DatasetMapper`, and its keys
//! `INPUT.PRETRAIN_SAME_CROP` and `INPUT.CROP`.
//!
//! Differs: sizes are drawn once for all views, so that they form a clip; flip and place of the
//! crop are drawn for each view. There are as many views as a clip has frames.

use seqformer_masks::ImageSize;

use crate::mapper::build_sample;
use crate::random::Random;
use crate::{
    Augmentation, ClipSample, DataError, RandomCrop, Transform, UnseenInstances, VideoRecord,
    shortest_edge_size,
};

/// An image is resized to one of these short edges before it is cropped.
const SHORT_EDGES_BEFORE_CROP: [u32; 3] = [400, 500, 600];

/// Makes pseudo-clips of single images.
#[derive(Debug, Clone, PartialEq)]
pub struct StillMapper {
    /// Views of a clip.
    pub num_frames: usize,
    /// What may happen to a view.
    pub augmentation: Augmentation,
    /// Whether all views are the same.
    pub same_views: bool,
    /// What becomes of instances that are in no view.
    pub unseen: UnseenInstances,
}

impl StillMapper {
    /// Draws views of the first frame of a record.
    ///
    /// # Errors
    ///
    /// As [`ClipMapper::map`](crate::ClipMapper::map).
    pub fn map(&self, record: &VideoRecord, random: &mut Random) -> Result<ClipSample, DataError> {
        let steps = self.draw(record.size, random);
        build_sample(record, vec![0; steps.len()], &steps, self.unseen)
    }

    fn draw(&self, size: ImageSize, random: &mut Random) -> Vec<Vec<Transform>> {
        let views = self.num_frames.max(1);
        let Some(crop) = self.augmentation.crop.filter(|_| random.chance(0.5)) else {
            return self.draw_uncropped(size, views, random);
        };
        let index = random.index(SHORT_EDGES_BEFORE_CROP.len());
        let before_crop = shortest_edge_size(size, SHORT_EDGES_BEFORE_CROP[index], u32::MAX);
        let window = crop.draw_size(before_crop, random);
        let short_edge = self.augmentation.short_edge.draw(random);
        let after_crop = shortest_edge_size(window, short_edge, self.augmentation.max_size);
        let view = |random: &mut Random| {
            let mut steps: Vec<Transform> =
                self.augmentation.flip.draw(random).into_iter().collect();
            steps.push(Transform::Resize(before_crop));
            steps.push(Transform::Crop(RandomCrop::place(window, before_crop, random)));
            steps.push(Transform::Resize(after_crop));
            steps
        };
        self.repeat(views, random, view)
    }

    fn draw_uncropped(
        &self,
        size: ImageSize,
        views: usize,
        random: &mut Random,
    ) -> Vec<Vec<Transform>> {
        let short_edge = self.augmentation.short_edge.draw(random);
        let resized = shortest_edge_size(size, short_edge, self.augmentation.max_size);
        let view = |random: &mut Random| {
            let mut steps: Vec<Transform> =
                self.augmentation.flip.draw(random).into_iter().collect();
            steps.push(Transform::Resize(resized));
            steps
        };
        self.repeat(views, random, view)
    }

    /// Draws every view, or one for all.
    fn repeat(
        &self,
        views: usize,
        random: &mut Random,
        mut view: impl FnMut(&mut Random) -> Vec<Transform>,
    ) -> Vec<Vec<Transform>> {
        if self.same_views {
            return vec![view(random); views];
        }
        (0..views).map(|_| view(random)).collect()
    }
}

#[cfg(test)]
mod tests;
