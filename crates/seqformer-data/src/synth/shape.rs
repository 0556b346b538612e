//! The shapes, which are the classes.

use crate::trigonometry::{cos_turns, sin_turns};

/// A shape. Shapes can be distinguished in any rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Shape {
    Circle,
    Square,
    Triangle,
    Star,
    Ring,
    Cross,
    Crescent,
    Bar,
    Arrow,
    HalfDisc,
    Corner,
    Hourglass,
}

impl Shape {
    /// All shapes, in the order in which they are used as classes.
    pub const ALL: [Self; 12] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Star,
        Self::Ring,
        Self::Cross,
        Self::Crescent,
        Self::Bar,
        Self::Arrow,
        Self::HalfDisc,
        Self::Corner,
        Self::Hourglass,
    ];

    /// Returns the name of the class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Star => "star",
            Self::Ring => "ring",
            Self::Cross => "cross",
            Self::Crescent => "crescent",
            Self::Bar => "bar",
            Self::Arrow => "arrow",
            Self::HalfDisc => "half_disc",
            Self::Corner => "corner",
            Self::Hourglass => "hourglass",
        }
    }

    /// Returns whether a point belongs to the shape, which lies within the unit circle.
    pub(super) fn contains(self, u: f64, v: f64) -> bool {
        let radius_squared = u * u + v * v;
        match self {
            _ if radius_squared > 1.0 => false,
            Self::Circle => true,
            Self::Square => u.abs().max(v.abs()) <= 0.7,
            Self::Triangle => v <= 0.5 && 0.866 * u.abs() - 0.5 * v <= 0.5,
            Self::Star => is_in_star(u, v),
            Self::Ring => radius_squared >= 0.3,
            Self::Cross => u.abs().min(v.abs()) <= 0.28,
            Self::Crescent => (u - 0.5) * (u - 0.5) + v * v >= 0.55,
            Self::Bar => v.abs() <= 0.3,
            Self::Arrow => {
                let in_shaft = u <= 0.1 && v.abs() <= 0.2;
                let in_head = u > 0.1 && v.abs() <= 0.85 * (1.0 - u);
                in_shaft || in_head
            }
            Self::HalfDisc => v >= 0.0,
            Self::Corner => u.abs().max(v.abs()) <= 0.7 && (u <= -0.2 || v >= 0.2),
            Self::Hourglass => v.abs() <= 0.8 && u.abs() <= 0.05 + 0.75 * v.abs(),
        }
    }
}

/// Five lines, each through two tips, bound a five-pointed star: the core is on the inner side of
/// all of them, and a tip on the inner side of all but one.
fn is_in_star(u: f64, v: f64) -> bool {
    let distance = cos_turns(0.2);
    let is_outside = |&line: &u8| {
        let turns = f64::from(line) / 5.0;
        u * sin_turns(turns) + v * cos_turns(turns) > distance
    };
    (0..5).filter(is_outside).count() <= 1
}
