//! A video of moving cut-outs, drawn from the pictures of a dataset.

use std::ops::RangeInclusive;

use seqformer_masks::ImageSize;

use super::affine_map::AffineMap;
use super::camera::Camera;
use super::curve::Curve;
use super::layer::Layer;
use super::matte::{ColorStatistics, Cutout};
use super::motion::{Motion, Setting};
use super::picture::{Resident, backdrop, mask_of, residents, statistics};
use super::pool::{CutSides, CutoutPool, ObjectIndex};
use super::scene_object::SceneObject;
use crate::mapper::read_frame;
use crate::random::Random;
use crate::{DataError, VideoRecord, resize_bilinear};

/// The size of an object in short sides of the frame: the square root of the area of its box.
const SIZES: [f64; 2] = [0.16, 0.7];
/// The most pixels of a frame that one pixel of a picture becomes, per side.
const MAX_ENLARGEMENT: f64 = 2.0;
/// The largest part of the frame's sides that an object has.
const MAX_SIDE: f64 = 0.85;
/// The probability that an object has the class of the one before, and then that it is the same cut-out.
const SAME_CLASS: f64 = 0.4;
const SAME_CUTOUT: f64 = 0.2;
/// The probability that such an object meets the one before.
const MEETS: f64 = 0.5;
/// The probability that fast things are blurred, and for which part of a frame's time the shutter is open.
const BLURRED: f64 = 0.5;
const SHUTTERS: [f64; 2] = [0.15, 0.5];
const MAX_EXPOSURE: f64 = 0.06;
const EXPOSURE_SPACING: f64 = 6.0;
/// Motions that are drawn for an object before it is left out because others hide it.
const ATTEMPTS: usize = 8;

/// What a scene is drawn for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneSettings {
    /// Number of frames.
    pub num_frames: usize,
    /// Size of the frames.
    pub size: ImageSize,
    /// Number of cut-outs, at most [`SceneSettings::MAX_OBJECTS`].
    pub objects: RangeInclusive<usize>,
}

impl SceneSettings {
    /// The most cut-outs of a scene.
    pub const MAX_OBJECTS: usize = 50;
    /// Long sides of frames have at most this ratio to short ones.
    const MAX_ASPECT: f64 = 2.0;

    /// Returns the size of frames with a short side of `short_side` pixels over a picture of size `picture`: of the
    /// same shape, with even sides.
    pub fn frame_size(picture: ImageSize, short_side: u32) -> ImageSize {
        let sides = [picture.height, picture.width].map(f64::from);
        let aspect = (sides[0].max(sides[1]) / sides[0].min(sides[1])).min(Self::MAX_ASPECT);
        let short = (short_side / 2 * 2).max(2);
        let long = ((f64::from(short) * aspect / 2.0).round() as u32).saturating_mul(2);
        if picture.height > picture.width {
            ImageSize { height: long, width: short }
        } else {
            ImageSize { height: short, width: long }
        }
    }
}

/// A video whose frames can be rendered.
#[derive(Debug)]
pub struct CutoutScene {
    pub(super) size: ImageSize,
    pub(super) num_frames: usize,
    pub(super) camera: Camera,
    /// From the frame to the picture in the middle of the video, which paths refer to.
    pub(super) middle: AffineMap,
    pub(super) backdrop: Layer<3>,
    pub(super) residents: Vec<Resident>,
    /// From back to front.
    pub(super) pasted: Vec<Pasted>,
    /// The part of a frame's time for which the shutter is open.
    pub(super) shutter: f64,
    pub(super) exposure: Curve,
}

/// An object that was cut out of another picture.
#[derive(Debug)]
pub(super) struct Pasted {
    object: SceneObject,
    pub(super) layer: Layer<4>,
    /// Pixels of the frame per pixel of the layer.
    pub(super) scale: f64,
    pub(super) cut: CutSides,
    setting: Setting,
    pub(super) motion: Motion,
}

impl CutoutScene {
    /// Draws a video over the picture `background` (counted from 0) with cut-outs of other pictures of `pool`.
    ///
    /// # Errors
    ///
    /// A picture that cannot be read or has another size than its record says.
    pub fn draw(
        records: &[VideoRecord],
        pool: &CutoutPool,
        background: usize,
        settings: &SceneSettings,
        random: &mut Random,
    ) -> Result<Self, DataError> {
        let record = &records[background];
        let (size, num_frames) = (settings.size, settings.num_frames);
        let camera = Camera::draw(random, record.size, size, num_frames);
        let shutter =
            if random.bernoulli(BLURRED) { random.uniform(SHUTTERS[0]..SHUTTERS[1]) } else { 0.0 };
        let reach = MAX_EXPOSURE * random.uniform(0.0..1.0);
        let exposure = Curve::around(random, num_frames, EXPOSURE_SPACING, 1.0, reach);
        let picture = resize_bilinear(&read_frame(record, 0)?, camera.picture());
        let mut scene = Self {
            size,
            num_frames,
            middle: camera.to_picture((num_frames as f64 - 1.0) / 2.0),
            residents: residents(record, background, camera.picture())?,
            backdrop: backdrop(&picture),
            camera,
            pasted: Vec::new(),
            shutter,
            exposure,
        };
        let colors = statistics(&picture);
        let (low, high) = (*settings.objects.start(), *settings.objects.end());
        let count = low + random.index(high.saturating_sub(low) + 1);
        for _ in 0..count.min(SceneSettings::MAX_OBJECTS) {
            if let Some(object) = scene.draw_object(records, pool, background, &colors, random)? {
                scene.pasted.push(object);
            }
        }
        random.shuffle(&mut scene.pasted);
        scene.show_hidden(random);
        Ok(scene)
    }

    /// Returns the objects: first those of the picture in the back, in their order, then the cut-outs.
    pub fn objects(&self) -> Vec<SceneObject> {
        let residents = self.residents.iter().map(|resident| resident.object);
        residents.chain(self.pasted.iter().map(|pasted| pasted.object)).collect()
    }

    /// Returns the number of cut-outs, which are the last ones of [`CutoutScene::objects`].
    pub fn num_cutouts(&self) -> usize {
        self.pasted.len()
    }

    fn draw_object(
        &self,
        records: &[VideoRecord],
        pool: &CutoutPool,
        background: usize,
        colors: &ColorStatistics,
        random: &mut Random,
    ) -> Result<Option<Pasted>, DataError> {
        let twin = self.pasted.last().filter(|_| random.bernoulli(SAME_CLASS));
        let index = match twin {
            Some(twin) if random.bernoulli(SAME_CUTOUT) => {
                Some(ObjectIndex { record: twin.object.record, track: twin.object.track })
            }
            _ => pool.draw(random, background, twin.map(|twin| twin.object.category)),
        };
        let Some(index) = index else { return Ok(None) };
        let (record, track) = (&records[index.record], &records[index.record].tracks[index.track]);
        let Some(mask) = mask_of(record, track)? else { return Ok(None) };
        let Some(mut cutout) = Cutout::of(&read_frame(record, 0)?, &mask) else {
            return Ok(None);
        };
        let mut cut = pool.cut_sides(index);
        if random.bernoulli(0.5) {
            cutout.flip();
            cut = cut.flipped();
        }
        cutout.change(&cutout.change_toward(colors));
        let whole = cutout.layer.size;
        let scale = self.draw_scale(random, whole);
        let object = [whole.width, whole.height].map(|side| scale * f64::from(side));
        let setting = Setting { num_frames: self.num_frames, frame: self.size, object, cut };
        let met = twin.filter(|twin| !cut.any() && !twin.cut.any() && random.bernoulli(MEETS));
        let motion = match met {
            Some(twin) => twin.motion.crossing(random, &setting),
            None => Motion::draw(random, &setting),
        };
        // Pixels that are never needed would be skipped by the interpolation.
        let largest = (scale * motion.max_growth()).min(1.0);
        let shrunk = |side: u32| ((f64::from(side) * largest).ceil() as u32).clamp(1, side);
        let size = ImageSize { height: shrunk(whole.height), width: shrunk(whole.width) };
        let layer = if size == whole { cutout.layer } else { cutout.layer.shrunk(size) };
        let scale = scale * f64::from(whole.width) / f64::from(size.width);
        let object = SceneObject {
            category: track.category,
            is_crowd: false,
            record: index.record,
            track: index.track,
        };
        Ok(Some(Pasted { object, layer, scale, cut, setting, motion }))
    }

    /// Draws how many pixels of the frame one pixel of a cut-out becomes, per side.
    fn draw_scale(&self, random: &mut Random, object: ImageSize) -> f64 {
        let unit = f64::from(self.size.width.min(self.size.height));
        let part = random.uniform(0.0..1.0);
        let target = unit * (SIZES[0] + (SIZES[1] - SIZES[0]) * part * part);
        let (width, height) = (f64::from(object.width), f64::from(object.height));
        let fitting = (MAX_SIDE * f64::from(self.size.width) / width)
            .min(MAX_SIDE * f64::from(self.size.height) / height);
        (target / (width * height).sqrt()).min(fitting).min(MAX_ENLARGEMENT)
    }

    /// Draws other motions for objects that are hardly seen, and leaves out those for which this does not help.
    fn show_hidden(&mut self, random: &mut Random) {
        for _ in 0..ATTEMPTS {
            let is_seen = self.is_seen();
            if !is_seen.contains(&false) {
                return;
            }
            for (pasted, is_seen) in self.pasted.iter_mut().zip(is_seen) {
                if !is_seen {
                    pasted.motion = Motion::draw(random, &pasted.setting);
                }
            }
        }
        let mut is_seen = self.is_seen().into_iter();
        self.pasted.retain(|_| is_seen.next() == Some(true));
    }
}
