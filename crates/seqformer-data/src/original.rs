//! Clips as the original SeqFormer repository makes them.
//!
//! References: its `datasets/ytvos.py` for videos, `datasets/coco2seq.py` for images that become
//! clips, `datasets/coco.py` for single images, and `datasets/transforms_clip.py`.
//!
//! Differs: boxes are those of the masks; the original takes those of the file for videos, and
//! leaves out the far edge's pixel for images. Where warped instances overlap, each keeps its mask.

mod frames;

use seqformer_masks::ImageSize;

use crate::mapper::{Masks, build_sample};
use crate::random::Random;
use crate::resize::torchvision_size;
use crate::still_to_clip::{SHORT_EDGES_BEFORE_CROP, warp};
use crate::{
    AbsentInstances, ClipSample, DataError, PhotometricDistort, RandomCrop, RandomFlip, ShortEdge,
    Transform, VideoRecord,
};

/// Pseudo-clips with more instances are replaced.
const MAX_INSTANCES: usize = 25;

/// Makes training clips by the original repository's rules.
///
/// Instances that are visible in no frame are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginalMapper {
    /// What the records are.
    pub source: OriginalSource,
    /// Frames per clip.
    pub num_frames: usize,
    /// The length of the short edge, drawn for each clip.
    pub short_edge: ShortEdge,
    /// Limit of the long edge in pixels.
    pub max_size: u32,
    /// Mirrors half of the clips.
    pub flip: RandomFlip,
    /// Half of the clips are resized to one of three sizes, cropped to this window, and resized
    /// again; the others are resized only.
    pub crop: Option<RandomCrop>,
}

/// What clips are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalSource {
    /// Frames of videos, whose colours change independently. Each frame of a video is an item.
    Videos,
    /// Single images: one view is the image itself, the others are warped. Colours do not change
    /// any further.
    Images,
}

impl OriginalMapper {
    /// Returns how many items of the stream a record is.
    pub fn num_items(&self, record: &VideoRecord) -> usize {
        match self.source {
            OriginalSource::Videos => record.frames.len(),
            OriginalSource::Images => 1,
        }
    }

    /// Draws the clip of item `frame` of a record.
    ///
    /// # Errors
    ///
    /// As [`ClipMapper::map`](crate::ClipMapper::map).
    pub fn map(
        &self,
        record: &VideoRecord,
        frame: usize,
        random: &mut Random,
    ) -> Result<ClipSample, DataError> {
        let num_frames = self.num_frames.max(1);
        let frames = match self.source {
            OriginalSource::Videos => frames::draw(record.frames.len(), frame, num_frames, random),
            OriginalSource::Images => vec![0; num_frames],
        };
        let steps = self.draw(record.size, random);
        let masks = Masks { absent: AbsentInstances::Drop, draws_first: true };
        build_sample(record, frames, &steps, masks)
    }

    /// Returns whether a clip is trained on; another one takes the place of the others.
    pub fn accepts(&self, clip: &ClipSample) -> bool {
        let is_pseudo_clip = self.source == OriginalSource::Images && self.num_frames > 1;
        let most = if is_pseudo_clip { MAX_INSTANCES } else { usize::MAX };
        (1..=most).contains(&clip.instances.len())
    }

    /// Draws the steps of each frame.
    fn draw(&self, size: ImageSize, random: &mut Random) -> Vec<Vec<Transform>> {
        let mut views = self.draw_views(random);
        let flip = self.flip.draw(random);
        for steps in &mut views {
            steps.extend(flip);
            if self.source == OriginalSource::Videos {
                steps.push(Transform::Photometric(PhotometricDistort::draw(random)));
            }
        }
        let placed = self.draw_sizes(size, random);
        for steps in &mut views {
            steps.extend_from_slice(&placed);
        }
        views
    }

    /// Draws how the frames differ before anything else: not at all in videos.
    fn draw_views(&self, random: &mut Random) -> Vec<Vec<Transform>> {
        let num_frames = self.num_frames.max(1);
        let mut views = vec![Vec::new(); num_frames];
        if self.source == OriginalSource::Images {
            for view in views.iter_mut().skip(1) {
                *view = warp::draw(random);
            }
            random.shuffle(&mut views);
        }
        views
    }

    /// Draws the sizes and the window that all frames share.
    fn draw_sizes(&self, size: ImageSize, random: &mut Random) -> Vec<Transform> {
        let mut steps = Vec::new();
        let mut current = size;
        if let Some(crop) = self.crop.filter(|_| random.bernoulli(0.5)) {
            let index = random.index(SHORT_EDGES_BEFORE_CROP.len());
            let whole = torchvision_size(size, SHORT_EDGES_BEFORE_CROP[index], None);
            let window = crop.draw(whole, random);
            steps.push(Transform::ResizeAsTorch(whole));
            steps.push(Transform::Crop(window));
            current = window.size;
        }
        let short_edge = self.short_edge.draw(random);
        let output = torchvision_size(current, short_edge, Some(self.max_size));
        steps.push(Transform::ResizeAsTorch(output));
        steps
    }
}

#[cfg(test)]
mod tests;
