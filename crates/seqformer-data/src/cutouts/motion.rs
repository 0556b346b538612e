//! How a cut-out moves.

use seqformer_masks::ImageSize;

use super::affine_map::AffineMap;
use super::curve::{Curve, Walk};
use super::pool::CutSides;
use crate::random::Random;
use crate::trigonometry::{cos_turns, sin_turns};

/// Frames from knot to knot of the path, and of changes of shape.
const PATH_SPACING: f64 = 7.0;
const SHAPE_SPACING: f64 = 4.0;
/// The fastest object, in short sides of the frame per frame.
const MAX_SPEED: f64 = 0.035;
/// The probability that an object stands still.
const STILL: f64 = 0.15;
/// The least number of frames in which an object enters or leaves.
const MIN_FRAMES_TO_ENTER: usize = 6;
const ENTERS: f64 = 0.25;
/// Turns of upright objects, per frame and at most.
const MAX_SPIN: f64 = 0.003;
const MAX_TURNS: f64 = 0.05;
/// Turns of objects that are cut off.
const MAX_CUT_TURNS: f64 = 0.006;
const GROWTHS: [f64; 2] = [0.75, 1.35];
const MAX_GROWTH_SPEED: f64 = 0.012;
/// Changes of the ratio of the sides, and of the shear, as those of legs and arms.
const MAX_STRETCH: f64 = 0.04;
const MAX_SHEAR: f64 = 0.06;

/// The path of an object, in pixels of the frame as the camera sees it in the middle of the video.
#[derive(Debug)]
pub(super) struct Motion {
    path: [Curve; 2],
    /// Relative to the size that was drawn.
    growth: Curve,
    turns: Curve,
    stretch: Curve,
    shear: Curve,
}

/// What a motion is drawn for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) num_frames: usize,
    pub(super) frame: ImageSize,
    /// Width and height of the object in the frame, in pixels.
    pub(super) object: [f64; 2],
    pub(super) cut: CutSides,
}

impl Setting {
    fn sides(&self) -> [f64; 2] {
        [self.frame.width, self.frame.height].map(f64::from)
    }

    fn unit(&self) -> f64 {
        f64::from(self.frame.width.min(self.frame.height))
    }

    /// Returns between which places the object's centre stays.
    fn limits(&self, axis: usize) -> [f64; 2] {
        let (side, object) = (self.sides()[axis], self.object[axis]);
        // Of what is cut off, a half to four fifths are seen.
        match self.cut.sides[axis] {
            [true, _] => [0.2 * object, 0.5 * object],
            [false, true] => [side - 0.5 * object, side - 0.2 * object],
            [false, false] => [0.1 * side, 0.9 * side],
        }
    }
}

impl Motion {
    /// Draws a motion.
    pub(super) fn draw(random: &mut Random, setting: &Setting) -> Self {
        let is_still = random.bernoulli(STILL);
        let pace = random.uniform(0.1..1.0);
        let speed = if is_still { 0.0 } else { MAX_SPEED * setting.unit() * pace * pace };
        let direction = random.uniform(0.0..1.0);
        // Most things move across rather than up and down.
        let way = [speed * cos_turns(direction), 0.6 * speed * sin_turns(direction)];
        let mut path = [0, 1].map(|axis| {
            let limits = setting.limits(axis);
            let walk = Walk {
                start: random.uniform(limits[0]..limits[1]),
                velocity: way[axis],
                noise: 0.35 * speed,
                limits,
            };
            Curve::walk(random, setting.num_frames, PATH_SPACING, walk)
        });
        let can_enter = setting.num_frames >= MIN_FRAMES_TO_ENTER && !setting.cut.any();
        if can_enter && random.bernoulli(ENTERS) {
            let is_entering = random.bernoulli(0.5);
            lead_out(&mut path, setting, is_entering);
        }
        Self::along(random, setting, path)
    }

    /// Draws a motion whose path is that of this one in the opposite direction, so that the two objects meet.
    pub(super) fn crossing(&self, random: &mut Random, setting: &Setting) -> Self {
        let near = 0.08 * setting.unit();
        let path = [0, 1].map(|axis| {
            let offset = random.uniform(-near..near);
            let mut curve = self.path[axis].clone();
            curve.knots.reverse();
            for knot in &mut curve.knots {
                *knot += offset;
            }
            curve
        });
        Self::along(random, setting, path)
    }

    fn along(random: &mut Random, setting: &Setting, path: [Curve; 2]) -> Self {
        let num_frames = setting.num_frames;
        let growth_speed = MAX_GROWTH_SPEED * random.uniform(-1.0..1.0);
        let growth = Walk {
            start: random.uniform(0.9..1.1),
            velocity: growth_speed,
            noise: 0.3 * growth_speed.abs(),
            limits: GROWTHS,
        };
        let growth = Curve::walk(random, num_frames, PATH_SPACING, growth);
        let most = if setting.cut.any() { MAX_CUT_TURNS } else { MAX_TURNS };
        let spin = (MAX_SPIN * random.uniform(-1.0..1.0)).clamp(-most, most);
        let turns = Walk {
            start: random.uniform(-0.5..0.5) * most,
            velocity: spin,
            noise: 0.4 * spin.abs(),
            limits: [-most, most],
        };
        let turns = Curve::walk(random, num_frames, PATH_SPACING, turns);
        let wobble = random.uniform(0.0..1.0);
        let stretch = Curve::around(random, num_frames, SHAPE_SPACING, 0.0, wobble * MAX_STRETCH);
        let shear = Curve::around(random, num_frames, SHAPE_SPACING, 0.0, wobble * MAX_SHEAR);
        Self { path, growth, turns, stretch, shear }
    }

    /// Maps an object of `size` pixels, of which `scale` pixels of the frame are one, into the frame at a time.
    pub(super) fn at(&self, time: f64, size: ImageSize, scale: f64) -> AffineMap {
        let scale = scale * self.growth.at(time);
        let (stretch, shear) = (self.stretch.at(time), self.shear.at(time));
        let shape = [[scale * (1.0 + stretch), scale * shear], [0.0, scale * (1.0 - stretch)]];
        let middle = [size.width, size.height].map(|side| f64::from(side) / 2.0);
        let place = [0, 1].map(|axis| self.path[axis].at(time));
        AffineMap::around(middle, place, self.turns.at(time), shape)
    }

    /// Returns the largest growth.
    pub(super) fn max_growth(&self) -> f64 {
        // A B-spline stays within its knots.
        self.growth.knots.iter().copied().fold(0.0, f64::max)
    }
}

/// Bends the first or last part of a path so that the object enters or leaves across the nearest border.
fn lead_out(path: &mut [Curve; 2], setting: &Setting, is_entering: bool) {
    let num_knots = path[0].knots.len();
    let last = num_knots - 1;
    let knot = |step: usize| if is_entering { step } else { last - step };
    let sides = setting.sides();
    // How far from a border the object is, in parts of the side.
    let distance = |axis: usize| {
        let part = path[axis].knots[knot(0)] / sides[axis];
        part.min(1.0 - part)
    };
    let axis = usize::from(distance(1) < distance(0));
    let curve = &mut path[axis];
    let is_high = curve.knots[knot(0)] > sides[axis] / 2.0;
    let margin = 0.7 * setting.object[axis] + 4.0;
    let outside = if is_high { sides[axis] + margin } else { -margin };
    // The curve reaches its end between the second and third knot from the end.
    let bent = num_knots.div_ceil(2).max(3);
    for step in 0..bent {
        let part = if step < 3 { 1.0 } else { (bent - step) as f64 / (bent - 2) as f64 };
        let place = &mut curve.knots[knot(step)];
        *place += part * (outside - *place);
    }
}
