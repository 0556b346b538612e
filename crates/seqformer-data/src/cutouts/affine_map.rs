//! Affine maps of the plane.

use crate::trigonometry::{cos_turns, sin_turns};

/// A map `p ↦ linear · p + shift` with an inverse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AffineMap {
    /// Row by row.
    pub(super) linear: [[f64; 2]; 2],
    pub(super) shift: [f64; 2],
}

impl AffineMap {
    /// Scales by `scale` around the origin.
    pub(super) fn scaling(scale: f64) -> Self {
        Self { linear: [[scale, 0.0], [0.0, scale]], shift: [0.0; 2] }
    }

    /// Maps the point `from` to `to` and turns and stretches around it: first `shape`, then the turn.
    pub(super) fn around(from: [f64; 2], to: [f64; 2], turns: f64, shape: [[f64; 2]; 2]) -> Self {
        let (sine, cosine) = (sin_turns(turns), cos_turns(turns));
        let linear = product([[cosine, -sine], [sine, cosine]], shape);
        let moved = Self { linear, shift: [0.0; 2] }.apply(from);
        Self { linear, shift: [to[0] - moved[0], to[1] - moved[1]] }
    }

    /// Maps a point.
    pub(super) fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [[a, b], [c, d]] = self.linear;
        [a * x + b * y + self.shift[0], c * x + d * y + self.shift[1]]
    }

    /// Returns the map that applies `first` and then this one.
    pub(super) fn after(&self, first: &Self) -> Self {
        Self { linear: product(self.linear, first.linear), shift: self.apply(first.shift) }
    }

    /// Returns the inverse map.
    pub(super) fn inverse(&self) -> Self {
        let [[a, b], [c, d]] = self.linear;
        let determinant = a * d - b * c;
        let linear = [[d / determinant, -b / determinant], [-c / determinant, a / determinant]];
        let back = Self { linear, shift: [0.0; 2] }.apply(self.shift);
        Self { linear, shift: [-back[0], -back[1]] }
    }
}

fn product(left: [[f64; 2]; 2], right: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    left.map(|[a, b]| [0, 1].map(|column| a * right[0][column] + b * right[1][column]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_compose_and_invert() {
        let one = AffineMap::around([3.0, 4.0], [10.0, -2.0], 0.1, [[2.0, 0.3], [0.0, 1.5]]);
        let two = AffineMap::around([0.0, 1.0], [5.0, 5.0], 0.7, [[0.5, 0.0], [0.0, 0.5]]);
        let near = |a: [f64; 2], b: [f64; 2]| {
            assert!((a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9, "{a:?} {b:?}");
        };
        near(one.apply([3.0, 4.0]), [10.0, -2.0]);
        let point = [7.0, -3.0];
        near(two.after(&one).apply(point), two.apply(one.apply(point)));
        near(one.inverse().apply(one.apply(point)), point);
    }
}
