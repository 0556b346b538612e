//! The camera, which moves in front of the picture in the back.

use seqformer_masks::ImageSize;

use super::affine_map::AffineMap;
use super::curve::{Curve, Walk};
use crate::random::Random;

/// Frames from knot to knot of the camera's path, and of its shake.
const PATH_SPACING: f64 = 8.0;
const SHAKE_SPACING: f64 = 2.5;
/// The fastest pan, in short sides of the frame per frame.
const MAX_PAN: f64 = 0.012;
const MAX_SHAKE: f64 = 0.006;
const MAX_ZOOM_SPEED: f64 = 0.006;
const ZOOMS: [f64; 2] = [0.8, 1.15];
const MAX_TURNS: f64 = 0.006;
/// How much of the picture, per side, is around the frame on average.
const ROOM: [f64; 2] = [1.06, 1.4];
/// Pixels between the frame and the border of the picture.
const BORDER: f64 = 1.5;

/// The path of a camera over a picture.
#[derive(Debug)]
pub(super) struct Camera {
    /// The enlarged or reduced picture.
    picture: ImageSize,
    frame: ImageSize,
    /// The place of the frame's centre in the picture, in pixels.
    path: [Curve; 2],
    shake: [Curve; 2],
    /// Pixels of the picture per pixel of the frame.
    zoom: Curve,
    turns: Curve,
}

impl Camera {
    /// Draws a path of `num_frames` frames over a picture with the sides `picture`, and the size to which the picture
    /// is resized.
    pub(super) fn draw(
        random: &mut Random,
        picture: ImageSize,
        frame: ImageSize,
        num_frames: usize,
    ) -> Self {
        let sides = [frame.width, frame.height].map(f64::from);
        let own = [picture.width, picture.height].map(f64::from);
        let room = random.uniform(ROOM[0]..ROOM[1]);
        let scale = room * (sides[0] / own[0]).max(sides[1] / own[1]);
        let [width, height] = own.map(|side| (side * scale).ceil());
        let picture = ImageSize { height: height as u32, width: width as u32 };
        let unit = sides[0].min(sides[1]);
        let speed = MAX_PAN * unit * squared(random);
        let direction = random.uniform(0.0..1.0);
        let way = AffineMap::around([0.0; 2], [0.0; 2], direction, [[speed, 0.0], [0.0, speed]])
            .apply([1.0, 0.0]);
        let path = [0, 1].map(|axis| {
            let reach = (f64::from([picture.width, picture.height][axis]) - sides[axis]) / 2.0;
            let middle = f64::from([picture.width, picture.height][axis]) / 2.0;
            let walk = Walk {
                start: middle + random.uniform(-0.8..0.8) * reach,
                velocity: way[axis],
                noise: 0.4 * speed,
                limits: [middle - reach, middle + reach],
            };
            Curve::walk(random, num_frames, PATH_SPACING, walk)
        });
        let shake = MAX_SHAKE * unit * squared(random);
        let shake = [(); 2].map(|()| Curve::around(random, num_frames, SHAKE_SPACING, 0.0, shake));
        let zoom_speed = MAX_ZOOM_SPEED * squared(random);
        let zoom = Walk {
            start: random.uniform(0.9..1.05),
            velocity: random.uniform(-1.0..1.0) * zoom_speed,
            noise: 0.3 * zoom_speed,
            limits: ZOOMS,
        };
        let zoom = Curve::walk(random, num_frames, PATH_SPACING, zoom);
        let turns = MAX_TURNS * squared(random);
        let turns = Curve::around(random, num_frames, PATH_SPACING, 0.0, turns);
        Self { picture, frame, path, shake, zoom, turns }
    }

    /// Returns the size of the picture over which the camera moves.
    pub(super) fn picture(&self) -> ImageSize {
        self.picture
    }

    /// Maps the frame at a time into the picture, all of it inside the picture.
    pub(super) fn to_picture(&self, time: f64) -> AffineMap {
        let sides = [self.frame.width, self.frame.height].map(f64::from);
        let middle = sides.map(|side| side / 2.0);
        let turns = self.turns.at(time);
        let with_zoom = |zoom: f64, center: [f64; 2]| {
            AffineMap::around(middle, center, turns, [[zoom, 0.0], [0.0, zoom]])
        };
        let picture = [self.picture.width, self.picture.height].map(f64::from);
        let room = picture.map(|side| side / 2.0 - BORDER);
        let unit = with_zoom(1.0, [0.0; 2]);
        // Half the sides of the box around the turned frame.
        let half = [0, 1].map(|axis| {
            unit.linear[axis][0].abs() * middle[0] + unit.linear[axis][1].abs() * middle[1]
        });
        let zoom = self.zoom.at(time).min(room[0] / half[0]).min(room[1] / half[1]);
        let center = [0, 1].map(|axis| {
            let wish = self.path[axis].at(time) + self.shake[axis].at(time);
            let low = half[axis] * zoom + BORDER;
            wish.clamp(low, (picture[axis] - low).max(low))
        });
        with_zoom(zoom, center)
    }
}

/// Draws a number from 0 to 1; small ones are more likely.
fn squared(random: &mut Random) -> f64 {
    let number = random.uniform(0.0..1.0);
    number * number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn the_frame_never_leaves_the_picture() {
        let frame = ImageSize { height: 60, width: 80 };
        for seed in 0..100 {
            let mut random = Random::new(seed, Purpose::Sample, 0);
            let own = ImageSize { height: random.between(20, 300), width: random.between(20, 300) };
            let camera = Camera::draw(&mut random, own, frame, 20);
            let (width, height) =
                (f64::from(camera.picture().width), f64::from(camera.picture().height));
            for step in -5..=195 {
                let map = camera.to_picture(f64::from(step) / 10.0);
                for corner in [[0.0, 0.0], [80.0, 0.0], [80.0, 60.0], [0.0, 60.0]] {
                    let [x, y] = map.apply(corner);
                    let is_inside =
                        (1.0..=width - 1.0).contains(&x) && (1.0..=height - 1.0).contains(&y);
                    assert!(is_inside, "seed {seed}, step {step}: {x} {y} in {width} {height}");
                }
            }
        }
    }
}
