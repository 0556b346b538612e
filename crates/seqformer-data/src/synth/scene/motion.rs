//! The path of an object through a video.

use crate::random::Random;
use crate::trigonometry::{cos_turns, sin_turns};

/// Diameters are 2/9 to 5/9 of the short edge.
const RADII: [f64; 2] = [1.0 / 9.0, 5.0 / 18.0];
/// Maximum movement from frame to frame, relative to the frame.
const MAX_STEP: f64 = 0.02;
/// In shorter videos no object enters or leaves.
const MIN_FRAMES_TO_ENTER: usize = 6;

/// The position of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Relative to width and height.
    pub(super) center: [f64; 2],
    /// In units of the short edge.
    pub(super) radius: f64,
    pub(super) turns: f64,
}

/// A path with a slight swing, a rotation and a change of size. Time runs from 0 to 1.
#[derive(Debug, Clone)]
pub(super) struct Motion {
    from: [f64; 2],
    to: [f64; 2],
    swing: [f64; 2],
    swing_phase: f64,
    radius: f64,
    growth: f64,
    turns: [f64; 2],
}

impl Motion {
    /// Draws a path; one in four enters or leaves.
    pub(super) fn draw(random: &mut Random, num_frames: usize) -> Self {
        let mut motion = Self::inside(random, num_frames);
        if num_frames >= MIN_FRAMES_TO_ENTER && random.bernoulli(0.25) {
            if random.bernoulli(0.5) {
                motion.from = motion.outside(motion.to, random);
            } else {
                motion.to = motion.outside(motion.from, random);
            }
        }
        motion
    }

    /// Draws a path whose centre stays in the frame.
    pub(super) fn inside(random: &mut Random, num_frames: usize) -> Self {
        let from = [(); 2].map(|()| random.uniform(0.15..0.85));
        let distance = random.uniform(0.05..0.35).min(MAX_STEP * num_frames as f64);
        let direction = random.uniform(0.0..1.0);
        let step = [distance * cos_turns(direction), distance * sin_turns(direction)];
        // A path that would lead outside is reflected at the border.
        let to = [0, 1].map(|axis| {
            let end = from[axis] + step[axis];
            let end = if (0.1..=0.9).contains(&end) { end } else { from[axis] - step[axis] };
            end.clamp(0.1, 0.9)
        });
        let radius = random.uniform(RADII[0]..RADII[1]);
        let first_turn = random.uniform(0.0..1.0);
        let speed = (0.03 * num_frames as f64).min(0.6);
        Self {
            from,
            to,
            swing: [(); 2].map(|()| random.uniform(0.0..0.04)),
            swing_phase: random.uniform(0.0..1.0),
            radius,
            growth: random.uniform(-0.25..0.35),
            turns: [first_turn, first_turn + random.uniform(-speed..speed)],
        }
    }

    /// Returns a path in the opposite direction, which crosses this one.
    pub(super) fn crossing(&self, random: &mut Random) -> Self {
        let near = |[x, y]: [f64; 2], random: &mut Random| {
            [x + random.uniform(-0.06..0.06), y + random.uniform(-0.06..0.06)]
        };
        let radius = self.radius * random.uniform(0.85..1.15);
        let turn = random.uniform(0.0..1.0);
        Self {
            from: near(self.to, random),
            to: near(self.from, random),
            swing_phase: random.uniform(0.0..1.0),
            radius: radius.clamp(RADII[0], RADII[1]),
            turns: [turn, turn + random.uniform(-0.4..0.4)],
            ..*self
        }
    }

    /// Returns a point beyond the border nearest to `place`, just far enough for the object to be invisible.
    fn outside(&self, place: [f64; 2], random: &mut Random) -> [f64; 2] {
        let margin = 0.05 + self.radius;
        let is_far = place.map(|part| part > 0.5);
        let to_border = place.map(|part| part.min(1.0 - part));
        let axis = usize::from(to_border[1] < to_border[0]);
        let mut point = place.map(|part| part + random.uniform(-0.1..0.1));
        point[axis] = if is_far[axis] { 1.0 + margin } else { -margin };
        point
    }

    pub(super) fn at(&self, time: f64) -> Place {
        let swing = sin_turns(time + self.swing_phase);
        let between = |[start, end]: [f64; 2]| start + time * (end - start);
        let center =
            [0, 1].map(|axis| between([self.from[axis], self.to[axis]]) + swing * self.swing[axis]);
        let radius = self.radius * (1.0 + self.growth * (time - 0.5));
        Place { center, radius: radius.clamp(RADII[0], RADII[1]), turns: between(self.turns) }
    }
}
