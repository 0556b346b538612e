//! Colours and patterns of objects and backgrounds.

use crate::random::Random;

/// Red, green and blue, from 0 to 255.
pub(super) type Color = [f64; 3];

pub(super) fn random_color(random: &mut Random) -> Color {
    [(); 3].map(|()| random.uniform(20.0..235.0))
}

/// Returns the sum of the differences of the channels.
pub(super) fn color_distance(a: Color, b: Color) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

fn mix(a: Color, b: Color, part: f64) -> Color {
    [0, 1, 2].map(|channel| a[channel] + part * (b[channel] - a[channel]))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Plain,
    Stripes,
    Checks,
    Dots,
}

/// The surface of an object, which rotates and scales with it.
#[derive(Debug, Clone)]
pub(super) struct Surface {
    pattern: Pattern,
    colors: [Color; 2],
    /// Periods across the unit circle.
    frequency: f64,
}

impl Surface {
    /// Draws a surface that contrasts with a background of the colours `around`.
    pub(super) fn draw(random: &mut Random, around: [Color; 2]) -> Self {
        let patterns = [Pattern::Plain, Pattern::Stripes, Pattern::Checks, Pattern::Dots];
        let pattern = patterns[random.index(patterns.len())];
        let mut color = random_color(random);
        for _ in 0..20 {
            if around.iter().all(|&other| color_distance(color, other) > 150.0) {
                break;
            }
            color = random_color(random);
        }
        // The second colour is darker or lighter, so that an object remains recognizable as one
        // object.
        let toward = if random.bernoulli(0.5) { [0.0; 3] } else { [255.0; 3] };
        let second = mix(color, toward, random.uniform(0.25..0.5));
        Self { pattern, colors: [color, second], frequency: random.uniform(1.5..3.5) }
    }

    pub(super) fn color_at(&self, u: f64, v: f64) -> Color {
        let (x, y) = (u * self.frequency, v * self.frequency);
        let is_odd = |value: f64| value.floor().rem_euclid(2.0) == 1.0;
        let is_second = match self.pattern {
            Pattern::Plain => false,
            Pattern::Stripes => is_odd(x),
            Pattern::Checks => is_odd(x) != is_odd(y),
            Pattern::Dots => {
                let (x, y) = (x - x.round(), y - y.round());
                x * x + y * y < 0.09
            }
        };
        // Slight light from the upper left gives the object an orientation.
        let light = 1.0 - 0.12 * (u + v);
        self.colors[usize::from(is_second)].map(|value| value * light)
    }
}

const CELLS: usize = 16;

/// A background of smooth noise that moves like a camera.
#[derive(Debug, Clone)]
pub(super) struct Backdrop {
    pub(super) colors: [Color; 2],
    /// Random values on a periodic lattice.
    lattice: Vec<f64>,
    cells_per_unit: f64,
    /// In units of the short edge.
    start: [f64; 2],
    motion: [f64; 2],
}

impl Backdrop {
    /// Draws a background whose camera moves up to `reach` within the video.
    pub(super) fn draw(random: &mut Random, reach: f64) -> Self {
        let first = random_color(random);
        let mut second = random_color(random);
        // Noise of two very different colours would look like objects.
        if color_distance(first, second) > 180.0 {
            second = mix(first, second, 0.5);
        }
        Self {
            colors: [first, second],
            lattice: (0..CELLS * CELLS).map(|_| random.uniform(0.0..1.0)).collect(),
            cells_per_unit: random.uniform(2.5..6.0),
            start: [(); 2].map(|()| random.uniform(0.0..4.0)),
            motion: [(); 2].map(|()| random.uniform(-reach..reach)),
        }
    }

    /// Returns the colour at a point given in units of the short edge, at `time` from 0 to 1.
    pub(super) fn color_at(&self, [x, y]: [f64; 2], time: f64) -> Color {
        let [x, y] = [(x, 0), (y, 1)]
            .map(|(at, axis)| at + self.start[axis] + 8.0 + time * self.motion[axis]);
        let coarse = self.noise(x * self.cells_per_unit, y * self.cells_per_unit);
        let fine = self.noise(x * self.cells_per_unit * 3.0, y * self.cells_per_unit * 3.0);
        mix(self.colors[0], self.colors[1], 0.7 * coarse + 0.3 * fine)
    }

    /// Interpolates the lattice; `x` and `y` are 0 or more.
    fn noise(&self, x: f64, y: f64) -> f64 {
        let (left, top) = (x as usize, y as usize);
        let smooth = |part: f64| part * part * (3.0 - 2.0 * part);
        let (x, y) = (smooth(x - left as f64), smooth(y - top as f64));
        let value = |row: usize, column: usize| self.lattice[row % CELLS * CELLS + column % CELLS];
        let upper = value(top, left) + x * (value(top, left + 1) - value(top, left));
        let lower = value(top + 1, left) + x * (value(top + 1, left + 1) - value(top + 1, left));
        upper + y * (lower - upper)
    }
}
