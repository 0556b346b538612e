//! Draws the transforms of a clip.
//!
//! Reference: VNext `data/augmentation.py` and detectron2 `RandomCrop`.
//!
//! Crops, colours and rotation are drawn for each frame; sizes and flips as [`Drawn`] says.
//!
//! Differs: frames that are smaller than the largest one of their clip are padded with black at the
//! right and at the bottom. The reference ends with an error when frames of a clip differ in size.

use seqformer_masks::ImageSize;

use crate::random::Random;
use crate::{Blend, CropWindow, Rotation, Transform, shortest_edge_size};

/// Augmentation of a training clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// The length of the short edge.
    pub short_edge: ShortEdge,
    /// How often it is drawn.
    pub short_edge_drawn: Drawn,
    /// Limit of the long edge in pixels.
    pub max_size: u32,
    /// Mirrors half of the clips or frames.
    pub flip: RandomFlip,
    /// How often it is drawn.
    pub flip_drawn: Drawn,
    /// Crops the frames of half of the clips before they are resized, each frame differently.
    pub crop: Option<RandomCrop>,
    /// Further steps, drawn per frame and always applied in the order of [`FrameStep`].
    pub frame_steps: Vec<FrameStep>,
}

/// How often something is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// Once for all frames of a clip.
    PerClip,
    /// For each frame.
    PerFrame,
}

/// How the short edge is drawn, in pixels; 0 does not resize.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShortEdge {
    /// One of these.
    Choice(Vec<u32>),
    /// Any length between the two, both included.
    Range(u32, u32),
}

/// The direction in which clips are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomFlip {
    /// Never.
    None,
    /// Swaps left and right.
    Horizontal,
    /// Swaps top and bottom.
    Vertical,
}

/// The size of a random window; height first. It is limited to the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RandomCrop {
    /// A fraction of the image.
    Relative([f64; 2]),
    /// From this fraction of the image to all of it, drawn per axis.
    RelativeRange([f64; 2]),
    /// A number of pixels.
    Absolute(ImageSize),
    /// Both sides between the two lengths in pixels, drawn per axis.
    AbsoluteRange(u32, u32),
}

/// Augmentation of a single frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameStep {
    /// A weight of 0.9 to 1.1.
    Brightness,
    /// A weight of 0.9 to 1.1.
    Contrast,
    /// A weight of 0.9 to 1.1.
    Saturation,
    /// Up to 15 degrees in either direction around a point near the centre.
    Rotation,
}

impl Augmentation {
    /// Draws the steps of each of the `num_frames` frames of a clip whose frames have `size`.
    pub fn draw(
        &self,
        size: ImageSize,
        num_frames: usize,
        random: &mut Random,
    ) -> Vec<Vec<Transform>> {
        let crop = self.crop.filter(|_| random.bernoulli(0.5));
        let short_edge = self.short_edge_drawn.once(|| self.short_edge.draw(random));
        let flip = self.flip_drawn.once(|| self.flip.draw(random));
        let draw_frame = |_frame| {
            let mut steps = Vec::new();
            let mut current = size;
            if let Some(crop) = crop {
                let window = crop.draw(current, random);
                steps.push(Transform::Crop(window));
                current = window.size;
            }
            let short_edge = short_edge.unwrap_or_else(|| self.short_edge.draw(random));
            current = shortest_edge_size(current, short_edge, self.max_size);
            steps.push(Transform::Resize(current));
            steps.extend(flip.unwrap_or_else(|| self.flip.draw(random)));
            steps.extend(self.draw_frame_steps(current, random));
            steps
        };
        let mut frames: Vec<Vec<Transform>> = (0..num_frames).map(draw_frame).collect();
        pad_to_largest(size, &mut frames);
        frames
    }

    /// Draws the final steps for a single frame of `size`.
    pub(crate) fn draw_frame_steps(&self, size: ImageSize, random: &mut Random) -> Vec<Transform> {
        let mut frame_steps = self.frame_steps.clone();
        frame_steps.sort_unstable();
        frame_steps.dedup();
        frame_steps.into_iter().map(|step| step.draw(size, random)).collect()
    }
}

impl Drawn {
    /// What is drawn for the whole clip, if it is.
    fn once<T>(self, draw: impl FnOnce() -> T) -> Option<T> {
        (self == Self::PerClip).then(draw)
    }
}

/// Pads the frames of a clip that end up smaller than others; `size` is that of the files.
fn pad_to_largest(size: ImageSize, frames: &mut [Vec<Transform>]) {
    let ends = |steps: &[Transform]| steps.iter().fold(size, |size, step| step.output_size(size));
    let sizes: Vec<ImageSize> = frames.iter().map(|steps| ends(steps)).collect();
    let largest = ImageSize {
        height: sizes.iter().map(|size| size.height).max().unwrap_or(0),
        width: sizes.iter().map(|size| size.width).max().unwrap_or(0),
    };
    for (steps, size) in frames.iter_mut().zip(sizes) {
        if size != largest {
            steps.push(Transform::Pad(largest));
        }
    }
}

impl ShortEdge {
    /// Draws a length; an empty choice does not resize.
    pub fn draw(&self, random: &mut Random) -> u32 {
        match self {
            Self::Choice(lengths) => {
                let index = random.index(lengths.len());
                lengths.get(index).copied().unwrap_or_default()
            }
            &Self::Range(smallest, largest) => random.between(smallest, largest),
        }
    }
}

impl RandomFlip {
    /// Draws a flip with probability one half.
    pub fn draw(self, random: &mut Random) -> Option<Transform> {
        match self {
            Self::None => None,
            Self::Horizontal => random.bernoulli(0.5).then_some(Transform::FlipHorizontal),
            Self::Vertical => random.bernoulli(0.5).then_some(Transform::FlipVertical),
        }
    }
}

impl RandomCrop {
    /// Draws the size and then the position of a window in an image of `size`.
    pub fn draw(self, size: ImageSize, random: &mut Random) -> CropWindow {
        let window = self.draw_size(size, random);
        Self::place(window, size, random)
    }

    /// Draws the size of a window.
    pub fn draw_size(self, size: ImageSize, random: &mut Random) -> ImageSize {
        let sides = [size.height, size.width];
        let part = |side: u32, part: f64| (f64::from(side) * part + 0.5) as u32;
        let [height, width] = [0, 1].map(|axis| {
            let side = sides[axis];
            let drawn = match self {
                Self::Relative(parts) => part(side, parts[axis]),
                Self::RelativeRange(parts) => part(side, random.uniform(parts[axis]..1.0)),
                Self::Absolute(window) => [window.height, window.width][axis],
                Self::AbsoluteRange(low, high) => random.between(side.min(low), side.min(high)),
            };
            drawn.clamp(1, side.max(1))
        });
        ImageSize { height, width }
    }

    /// Draws the position of a window of size `window` in an image of `size`.
    pub fn place(window: ImageSize, size: ImageSize, random: &mut Random) -> CropWindow {
        let y = random.between(0, size.height.saturating_sub(window.height));
        let x = random.between(0, size.width.saturating_sub(window.width));
        CropWindow { x, y, size: window }
    }
}

impl FrameStep {
    fn draw(self, size: ImageSize, random: &mut Random) -> Transform {
        let weight = |random: &mut Random| random.uniform(0.9..1.1);
        match self {
            Self::Brightness => Transform::Blend(Blend::Brightness(weight(random))),
            Self::Contrast => Transform::Blend(Blend::Contrast(weight(random))),
            Self::Saturation => Transform::Blend(Blend::Saturation(weight(random))),
            Self::Rotation => Transform::Rotate(Rotation {
                degrees: random.uniform(-15.0..15.0),
                center: [size.width, size.height]
                    .map(|side| f64::from(side) * random.uniform(0.4..0.6)),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
