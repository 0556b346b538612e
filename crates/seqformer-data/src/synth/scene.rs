//! One synthetic video: objects on their paths, ordered by depth.

mod motion;

use seqformer_masks::{BitMask, ImageSize};

use super::shape::Shape;
use super::texture::{Backdrop, Surface};
use crate::RgbImage;
use crate::random::Random;
use crate::trigonometry::{cos_turns, sin_turns};
use motion::Motion;

/// Minimum visible pixels of an object to be annotated in a frame.
const MIN_PIXELS: u64 = 10;
/// Maximum number of objects in a video.
const MAX_OBJECTS: u32 = 4;
/// Attempts to draw a video without too much occlusion.
const ATTEMPTS: usize = 30;
/// Minimum visible fraction of an object, over the whole video.
const MIN_VISIBLE: f64 = 0.65;

/// A video that can be drawn at any size.
#[derive(Debug)]
pub(super) struct Scene {
    backdrop: Backdrop,
    /// From back to front.
    objects: Vec<Object>,
    num_frames: usize,
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) shape: Shape,
    surface: Surface,
    motion: Motion,
}

/// A frame and the visible pixels of every object; `None` where it is not visible.
#[derive(Debug)]
pub(super) struct SceneFrame {
    pub(super) image: RgbImage,
    pub(super) masks: Vec<Option<BitMask>>,
}

/// An object at one time in a frame of some size, in pixels.
#[derive(Debug, Clone, Copy)]
struct Pose {
    center: [f64; 2],
    radius: f64,
    sine: f64,
    cosine: f64,
}

impl Pose {
    /// Returns a pixel's position in the object's unit circle.
    fn to_object(self, x: u32, y: u32) -> [f64; 2] {
        let dx = (f64::from(x) + 0.5 - self.center[0]) / self.radius;
        let dy = (f64::from(y) + 0.5 - self.center[1]) / self.radius;
        [self.cosine * dx + self.sine * dy, self.cosine * dy - self.sine * dx]
    }
}

impl Scene {
    /// Draws a video of `num_frames` frames whose objects are visible enough to be tracked.
    pub(super) fn draw(
        random: &mut Random,
        size: ImageSize,
        num_frames: usize,
        num_classes: usize,
    ) -> Self {
        let aspect = f64::from(size.width) / f64::from(size.height);
        for attempt in 0..ATTEMPTS {
            // After many attempts, draw fewer objects.
            let crowding = if attempt < ATTEMPTS / 2 { MAX_OBJECTS } else { 2 };
            let num_objects = random.between(1, crowding) as usize;
            let scene = Self::draw_once(random, num_frames, num_classes, num_objects);
            if scene.is_well_visible(aspect) {
                return scene;
            }
        }
        let mut scene = Self::draw_once(random, num_frames, num_classes, 1);
        scene.objects[0].motion = Motion::inside(random, num_frames);
        scene
    }

    fn draw_once(
        random: &mut Random,
        num_frames: usize,
        num_classes: usize,
        num_objects: usize,
    ) -> Self {
        let backdrop = Backdrop::draw(random, 0.015 * num_frames as f64);
        let mut objects: Vec<Object> = Vec::with_capacity(num_objects);
        while objects.len() < num_objects {
            // One pair in three are two objects of one class that swap positions.
            let twin = objects.last().filter(|_| objects.len() % 2 == 1);
            let twin = twin.map(|object| (object.shape, object.motion.crossing(random)));
            let (shape, motion) = match twin.filter(|_| random.bernoulli(0.35)) {
                Some(twin) => twin,
                None => (Shape::ALL[random.index(num_classes)], Motion::draw(random, num_frames)),
            };
            let surface = Surface::draw(random, backdrop.colors);
            objects.push(Object { shape, surface, motion });
        }
        random.shuffle(&mut objects);
        Self { backdrop, objects, num_frames }
    }

    pub(super) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Draws frame `frame` at `size`.
    pub(super) fn render(&self, frame: usize, size: ImageSize) -> SceneFrame {
        let time = self.time_of(frame);
        let labels = self.labels(time, size);
        let poses: Vec<Pose> = self.poses(time, size).collect();
        let unit = f64::from(size.height.min(size.width));
        let mut image = RgbImage::new(size);
        let (pixels, _none_left) = image.pixels.as_chunks_mut::<3>();
        for (index, (pixel, &label)) in pixels.iter_mut().zip(&labels).enumerate() {
            let (x, y) = (index as u32 % size.width, index as u32 / size.width);
            let color = if label == 0 {
                self.backdrop.color_at([f64::from(x) / unit, f64::from(y) / unit], time)
            } else {
                let object = usize::from(label) - 1;
                let [u, v] = poses[object].to_object(x, y);
                self.objects[object].surface.color_at(u, v)
            };
            *pixel = color.map(|value| value.clamp(0.0, 255.0) as u8);
        }
        let masks = (1..=self.objects.len()).map(|label| {
            let bytes = labels.iter().map(|&found| u8::from(usize::from(found) == label));
            let mask = BitMask::from_bytes(size, bytes.collect()).ok()?;
            (mask.area() >= MIN_PIXELS).then_some(mask)
        });
        SceneFrame { image, masks: masks.collect() }
    }

    /// Returns the time of a frame, from 0 to 1.
    fn time_of(&self, frame: usize) -> f64 {
        if self.num_frames < 2 { 0.5 } else { frame as f64 / (self.num_frames - 1) as f64 }
    }

    fn poses(&self, time: f64, size: ImageSize) -> impl Iterator<Item = Pose> {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        self.objects.iter().map(move |object| {
            let place = object.motion.at(time);
            Pose {
                center: [place.center[0] * width, place.center[1] * height],
                radius: place.radius * width.min(height),
                sine: sin_turns(place.turns),
                cosine: cos_turns(place.turns),
            }
        })
    }

    /// Returns for every pixel the number of the visible object, counted from 1; 0 for none.
    fn labels(&self, time: f64, size: ImageSize) -> Vec<u8> {
        let mut labels = vec![0; size.num_pixels() as usize];
        for (index, pose) in self.poses(time, size).enumerate() {
            self.for_each_pixel(index, pose, size, |pixel| labels[pixel] = index as u8 + 1);
        }
        labels
    }

    /// Visits the pixels of object `index`, including occluded ones.
    fn for_each_pixel(
        &self,
        index: usize,
        pose: Pose,
        size: ImageSize,
        mut visit: impl FnMut(usize),
    ) {
        let span = |center: f64, length: u32| {
            let first = (center - pose.radius).floor().max(0.0) as u32;
            let last = (center + pose.radius).ceil().max(0.0) as u32;
            first..last.min(length)
        };
        let shape = self.objects[index].shape;
        for y in span(pose.center[1], size.height) {
            for x in span(pose.center[0], size.width) {
                let [u, v] = pose.to_object(x, y);
                if shape.contains(u, v) {
                    visit(y as usize * size.width as usize + x as usize);
                }
            }
        }
    }

    /// Returns whether every object is visible in at least half of the frames, and most of it.
    fn is_well_visible(&self, aspect: f64) -> bool {
        // A small image is sufficient.
        const SHORT_EDGE: f64 = 40.0;
        let size = ImageSize {
            height: (SHORT_EDGE * (1.0 / aspect).max(1.0)) as u32,
            width: (SHORT_EDGE * aspect.max(1.0)) as u32,
        };
        let mut frames_seen = vec![0; self.objects.len()];
        let mut seen = vec![0_u32; self.objects.len()];
        let mut whole = vec![0_u32; self.objects.len()];
        for frame in 0..self.num_frames {
            let time = self.time_of(frame);
            let labels = self.labels(time, size);
            for (index, pose) in self.poses(time, size).enumerate() {
                let before = seen[index];
                self.for_each_pixel(index, pose, size, |pixel| {
                    whole[index] += 1;
                    seen[index] += u32::from(usize::from(labels[pixel]) == index + 1);
                });
                frames_seen[index] += usize::from(seen[index] > before + 5);
            }
        }
        let is_seen = |index: usize| {
            2 * frames_seen[index] >= self.num_frames
                && f64::from(seen[index]) >= MIN_VISIBLE * f64::from(whole[index])
        };
        (0..self.objects.len()).all(is_seen)
    }
}
