//! Smooth random curves over the frames of a video.

use crate::random::Random;

/// A quantity over time: a uniform cubic B-spline, whose first two derivatives are continuous.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub(super) knots: Vec<f64>,
    /// Frames from knot to knot.
    spacing: f64,
}

/// How a quantity wanders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    pub(super) start: f64,
    /// Change per frame at the start.
    pub(super) velocity: f64,
    /// Standard deviation by which the change per frame varies from knot to knot.
    pub(super) noise: f64,
    /// Where it is reflected.
    pub(super) limits: [f64; 2],
}

/// How much of its velocity a walk keeps from knot to knot.
const MOMENTUM: f64 = 0.8;

impl Curve {
    /// Draws a damped random walk over `num_frames` frames.
    pub(super) fn walk(random: &mut Random, num_frames: usize, spacing: f64, walk: Walk) -> Self {
        let [low, high] = walk.limits;
        let mut velocity = walk.velocity;
        let mut place = walk.start - spacing * velocity;
        let mut knots = Vec::with_capacity(num_knots(num_frames, spacing));
        for _ in 0..num_knots(num_frames, spacing) {
            knots.push(place);
            velocity = MOMENTUM * velocity
                + (1.0 - MOMENTUM) * walk.velocity
                + walk.noise * random.normal();
            place += spacing * velocity;
            if place < low || place > high {
                velocity = -velocity;
                let border = place.clamp(low, high);
                place = (2.0 * border - place).clamp(low, high);
            }
        }
        Self { knots, spacing }
    }

    /// Draws values that vary around `mean` from knot to knot, by at most `reach`.
    pub(super) fn around(
        random: &mut Random,
        num_frames: usize,
        spacing: f64,
        mean: f64,
        reach: f64,
    ) -> Self {
        let knots = (0..num_knots(num_frames, spacing))
            .map(|_| mean + random.uniform(-reach..reach))
            .collect();
        Self { knots, spacing }
    }

    /// Returns the value at a time in frames, from half a frame before the first one to half a frame behind the last.
    pub(super) fn at(&self, time: f64) -> f64 {
        let place = ((time + 1.0) / self.spacing).max(0.0);
        let first = (place as usize).min(self.knots.len() - 4);
        let u = place - first as f64;
        let [a, b, c, d] = [0, 1, 2, 3].map(|knot| self.knots[first + knot]);
        let v = 1.0 - u;
        let inner = |u: f64| u * u * (3.0 * u - 6.0) + 4.0;
        (v * v * v * a + inner(u) * b + inner(v) * c + u * u * u * d) / 6.0
    }
}

/// The number of knots of curves over `num_frames` frames.
fn num_knots(num_frames: usize, spacing: f64) -> usize {
    ((num_frames as f64 + 1.0) / spacing) as usize + 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn curves_are_smooth_and_stay_within_their_limits() {
        let mut random = Random::new(1, Purpose::Sample, 0);
        for _ in 0..50 {
            let walk = Walk { start: 5.0, velocity: 1.0, noise: 0.5, limits: [0.0, 10.0] };
            let curve = Curve::walk(&mut random, 30, 6.0, walk);
            let values: Vec<f64> =
                (0..300).map(|step| curve.at(f64::from(step) / 10.0 - 0.5)).collect();
            assert!(values[5..].iter().all(|value| (-0.5..10.5).contains(value)), "{values:?}");
            // A tenth of a frame changes it by little, and the change by much less.
            let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.iter().all(|step| step.abs() < 0.5), "{steps:?}");
            assert!(steps.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.05), "{steps:?}");
        }
    }

    #[test]
    fn a_walk_without_noise_is_a_straight_line() {
        let mut random = Random::new(1, Purpose::Sample, 0);
        let walk = Walk { start: 2.0, velocity: 0.5, noise: 0.0, limits: [-100.0, 100.0] };
        let curve = Curve::walk(&mut random, 20, 4.0, walk);
        for frame in 0..20 {
            let time = f64::from(frame);
            assert!((curve.at(time) - curve.at(0.0) - 0.5 * time).abs() < 1e-9, "{frame}");
        }
    }
}
