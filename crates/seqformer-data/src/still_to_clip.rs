//! Pseudo-clips: several views of one image in place of the frames of a video.
//!
//! References: VNext `projects/IDOL`, `COCO_CLIP_DatasetMapper`, and its keys
//! `INPUT.PRETRAIN_SAME_CROP` and `INPUT.CROP`; for [`PseudoClip::Warps`], the original SeqFormer
//! repository's `datasets/coco2seq.py`.
//!
//! Differs, for both: sizes are drawn once for all views, so that they form a clip. There are as
//! many views as a clip has frames, where the references have two and five. Colours and rotation
//! of the [`Augmentation`] are drawn for each view, as for each frame of a video.

pub(crate) mod warp;

use seqformer_masks::ImageSize;

use crate::mapper::{Masks, build_sample};
use crate::random::Random;
use crate::{
    AbsentInstances, Augmentation, ClipSample, DataError, RandomCrop, RandomFlip, Transform,
    VideoRecord, shortest_edge_size,
};

/// An image is resized to one of these short edges before it is cropped.
pub(crate) const SHORT_EDGES_BEFORE_CROP: [u32; 3] = [400, 500, 600];

/// Makes pseudo-clips of single images.
#[derive(Debug, Clone, PartialEq)]
pub struct StillMapper {
    /// Views per clip.
    pub num_frames: usize,
    /// How the views differ.
    pub pseudo_clip: PseudoClip,
    /// Further augmentation of each view.
    pub augmentation: Augmentation,
    /// Whether all views are the same: one is drawn and repeated.
    pub same_views: bool,
    /// What happens to instances that are visible in no view.
    pub absent: AbsentInstances,
}

/// How the views of a pseudo-clip differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PseudoClip {
    /// Flip and crop position are drawn for each view, as in IDOL.
    #[default]
    Crops,
    /// One view is the image itself; the others are copies with other colours, perspectives and
    /// positions, some of them blurred, in random order. Flip and crop are the same for all. This
    /// is the method of the original SeqFormer repository.
    ///
    /// Differs: overlapping instances keep their own masks, in any number; in the reference's
    /// copies the later one wins, and more than 127 overflow its numbers. Everything is drawn from
    /// the seed, not from the clock. Boxes are those of the masks at the final frame size, with
    /// their far edges one pixel further. Images with more than 25 instances are replaced by others
    /// only by [`OriginalMapper`](crate::OriginalMapper).
    Warps,
}

impl StillMapper {
    /// Draws views of the first frame of a record.
    ///
    /// # Errors
    ///
    /// As [`ClipMapper::map`](crate::ClipMapper::map).
    pub fn map(&self, record: &VideoRecord, random: &mut Random) -> Result<ClipSample, DataError> {
        let steps = self.draw(record.size, random);
        build_sample(record, vec![0; steps.len()], &steps, Masks::of(self.absent))
    }

    fn draw(&self, size: ImageSize, random: &mut Random) -> Vec<Vec<Transform>> {
        let sizes = ViewSizes::draw(&self.augmentation, size, random);
        match self.pseudo_clip {
            PseudoClip::Crops => self.draw_crops(sizes, random),
            PseudoClip::Warps => self.draw_warps(sizes, random),
        }
    }

    fn draw_crops(&self, sizes: ViewSizes, random: &mut Random) -> Vec<Vec<Transform>> {
        let view = |random: &mut Random| {
            let mut steps = sizes.place(self.augmentation.flip, random);
            steps.extend(self.augmentation.draw_frame_steps(sizes.output, random));
            steps
        };
        let num_views = self.num_frames.max(1);
        if self.same_views {
            return vec![view(random); num_views];
        }
        (0..num_views).map(|_| view(random)).collect()
    }

    fn draw_warps(&self, sizes: ViewSizes, random: &mut Random) -> Vec<Vec<Transform>> {
        let placed = sizes.place(self.augmentation.flip, random);
        let view = |mut steps: Vec<Transform>, random: &mut Random| {
            steps.extend_from_slice(&placed);
            steps.extend(self.augmentation.draw_frame_steps(sizes.output, random));
            steps
        };
        let num_views = self.num_frames.max(1);
        if self.same_views {
            return vec![view(warp::draw(random), random); num_views];
        }
        let mut views = vec![view(Vec::new(), random)];
        views.extend((1..num_views).map(|_| view(warp::draw(random), random)));
        random.shuffle(&mut views);
        views
    }
}

/// The sizes that all views of a clip pass through.
#[derive(Debug, Clone, Copy)]
struct ViewSizes {
    /// The sizes of the whole image and of its crop, if there is one.
    crop: Option<(ImageSize, ImageSize)>,
    output: ImageSize,
}

impl ViewSizes {
    /// Draws whether there is a crop, its sizes, and the length of the short edge.
    fn draw(augmentation: &Augmentation, size: ImageSize, random: &mut Random) -> Self {
        let crop = augmentation.crop.filter(|_| random.bernoulli(0.5)).map(|crop| {
            let index = random.index(SHORT_EDGES_BEFORE_CROP.len());
            let whole = shortest_edge_size(size, SHORT_EDGES_BEFORE_CROP[index], u32::MAX);
            (whole, crop.draw_size(whole, random))
        });
        let before = crop.map_or(size, |(_whole, window)| window);
        let short_edge = augmentation.short_edge.draw(random);
        Self { crop, output: shortest_edge_size(before, short_edge, augmentation.max_size) }
    }

    /// Draws the flip and the position of the crop.
    fn place(&self, flip: RandomFlip, random: &mut Random) -> Vec<Transform> {
        let mut steps: Vec<Transform> = flip.draw(random).into_iter().collect();
        if let Some((whole, window)) = self.crop {
            steps.push(Transform::Resize(whole));
            steps.push(Transform::Crop(RandomCrop::place(window, whole, random)));
        }
        steps.push(Transform::Resize(self.output));
        steps
    }
}

#[cfg(test)]
mod tests;
