//! Renders the frames of a scene.

use seqformer_masks::{BitMask, ImageSize};

use super::affine_map::AffineMap;
use super::scene::{CutoutScene, Pasted};
use crate::RgbImage;

/// Minimum visible pixels of an object to be annotated in a frame.
const MIN_PIXELS: u64 = 10;
/// Pixels that things move between the moments of which a blurred frame is the mean.
const BLUR_STEP: f64 = 1.5;
const MAX_MOMENTS: f64 = 9.0;
/// Pixels of the frame beyond which the sides of objects stay that are cut off.
const BEYOND: f64 = 2.0;
/// The least visible part of a cut-out, over all frames.
const MIN_SEEN: f64 = 0.4;

/// A frame and the visible pixels of every object; `None` where fewer than ten are visible.
#[derive(Debug, Clone, PartialEq)]
pub struct CutoutFrame {
    /// The pixels.
    pub image: RgbImage,
    /// In the order of [`CutoutScene::objects`].
    ///
    /// A cut-out has the pixels where its alpha is at least one half and that of none in front of it is. An object of
    /// the picture in the back has the pixels of its mask where no cut-out is.
    pub masks: Vec<Option<BitMask>>,
}

impl CutoutScene {
    /// Renders a frame.
    pub fn render(&self, frame: usize) -> CutoutFrame {
        let (size, time) = (self.size, frame as f64);
        let cameras = self
            .moments(time, self.backdrop.corners(), |time| self.camera.to_picture(time).inverse());
        let mut colors = vec![[0.0; 3]; size.num_pixels() as usize];
        self.backdrop.draw(&cameras, size).for_each(size, |index, color| colors[index] = color);
        // The number of the foremost cut-out of each pixel, counted from 1.
        let mut owners = vec![0_u8; colors.len()];
        for (number, pasted) in (1..).zip(&self.pasted) {
            let poses = self.moments(time, pasted.layer.corners(), |time| self.pose(pasted, time));
            let drawn = pasted.layer.draw(&poses, size);
            drawn.for_each(size, |index, [red, green, blue, alpha]| {
                if alpha > 0.0 {
                    let behind = &mut colors[index];
                    let front = [red, green, blue];
                    *behind =
                        [0, 1, 2].map(|channel| front[channel] + (1.0 - alpha) * behind[channel]);
                    if alpha >= 0.5 {
                        owners[index] = number;
                    }
                }
            });
        }
        let mut masks = Vec::with_capacity(self.residents.len() + self.pasted.len());
        for resident in &self.residents {
            let poses: Vec<AffineMap> =
                cameras.iter().map(|camera| camera.after(&resident.to_picture)).collect();
            let mut pixels = vec![0; owners.len()];
            resident.mask.draw(&poses, size).for_each(size, |index, [alpha]| {
                pixels[index] = u8::from(alpha >= 0.5 && owners[index] == 0);
            });
            masks.push(large_enough(size, pixels));
        }
        for number in (1..).take(self.pasted.len()) {
            let pixels = owners.iter().map(|&owner| u8::from(owner == number)).collect();
            masks.push(large_enough(size, pixels));
        }
        let exposure = self.exposure.at(time) as f32;
        let pixels = colors
            .iter()
            .flat_map(|color| color.map(|value| (value * exposure + 0.5).clamp(0.0, 255.0) as u8));
        CutoutFrame { image: RgbImage { size, pixels: pixels.collect() }, masks }
    }

    /// Returns whether each cut-out is visible in half of the frames, and enough of it.
    pub(super) fn is_seen(&self) -> Vec<bool> {
        /// A small image and a part of the frames are sufficient.
        const REDUCTION: u32 = 4;
        const STEP: usize = 2;
        let side = |side: u32| (side / REDUCTION).max(1);
        let size = ImageSize { height: side(self.size.height), width: side(self.size.width) };
        let reduced = AffineMap::scaling(1.0 / f64::from(REDUCTION));
        let mut whole = vec![0_u32; self.pasted.len()];
        let mut seen = whole.clone();
        let mut frames_seen = whole.clone();
        let frames = (0..self.num_frames).step_by(STEP);
        for frame in frames.clone() {
            let mut owners = vec![0_usize; size.num_pixels() as usize];
            for (index, pasted) in self.pasted.iter().enumerate() {
                let pose = reduced.after(&self.pose(pasted, frame as f64));
                pasted.layer.draw(&[pose], size).for_each(size, |pixel, [_, _, _, alpha]| {
                    if alpha >= 0.5 {
                        whole[index] += 1;
                        owners[pixel] = index + 1;
                    }
                });
            }
            for index in 0..self.pasted.len() {
                let count = owners.iter().filter(|&&owner| owner == index + 1).count() as u32;
                seen[index] += count;
                frames_seen[index] += u32::from(count > 2);
            }
        }
        let is_seen = |index: usize| {
            2 * frames_seen[index] as usize >= frames.len()
                && f64::from(seen[index]) >= MIN_SEEN * f64::from(whole[index])
        };
        (0..self.pasted.len()).map(is_seen).collect()
    }

    /// Maps a cut-out into the frame at a time.
    fn pose(&self, pasted: &Pasted, time: f64) -> AffineMap {
        let camera = self.camera.to_picture(time).inverse().after(&self.middle);
        let mut pose = camera.after(&pasted.motion.at(time, pasted.layer.size, pasted.scale));
        let corners = pasted.layer.corners().map(|corner| pose.apply(corner));
        // Clockwise from the upper left one, so these are the ends of the sides.
        let ends = [[[0, 3], [1, 2]], [[0, 1], [2, 3]]];
        let sides = [self.size.width, self.size.height].map(f64::from);
        for axis in [0, 1] {
            let [is_low, is_high] = pasted.cut.sides[axis];
            let places = |side: usize| ends[axis][side].map(|corner| corners[corner][axis]);
            if is_low {
                let excess = places(0)[0].max(places(0)[1]) + BEYOND;
                pose.shift[axis] -= excess.max(0.0);
            } else if is_high {
                let deficit = sides[axis] + BEYOND - places(1)[0].min(places(1)[1]);
                pose.shift[axis] += deficit.max(0.0);
            }
        }
        pose
    }

    /// Returns the poses of the moments of which a frame is the mean: one, or more if the corners move while the shutter
    /// is open.
    fn moments(
        &self,
        time: f64,
        corners: [[f64; 2]; 4],
        pose: impl Fn(f64) -> AffineMap,
    ) -> Vec<AffineMap> {
        if self.shutter == 0.0 {
            return vec![pose(time)];
        }
        let [first, last] = [-0.5, 0.5].map(|part| pose(time + part * self.shutter));
        let distance = corners
            .map(|corner| (first.apply(corner), last.apply(corner)))
            .map(|(a, b)| (a[0] - b[0]).abs().max((a[1] - b[1]).abs()))
            .into_iter()
            .fold(0.0, f64::max);
        let count = (distance / BLUR_STEP + 1.0).min(MAX_MOMENTS) as u32;
        let moment = |index: u32| {
            let part = (f64::from(index) + 0.5) / f64::from(count) - 0.5;
            pose(time + part * self.shutter)
        };
        (0..count).map(moment).collect()
    }
}

fn large_enough(size: ImageSize, pixels: Vec<u8>) -> Option<BitMask> {
    let mask = BitMask::from_bytes(size, pixels).ok()?;
    (mask.area() >= MIN_PIXELS).then_some(mask)
}
