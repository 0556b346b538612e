//! Polygons cut along a line (Sutherland and Hodgman).

/// Keeps the part of a polygon where `inside` is 0 or more; `inside` must be linear.
pub(super) fn clip<const N: usize>(
    vertices: &[[f64; N]],
    inside: impl Fn(&[f64; N]) -> f64,
) -> Vec<[f64; N]> {
    let mut kept = Vec::with_capacity(vertices.len() + 4);
    for (index, end) in vertices.iter().enumerate() {
        let start = &vertices[(index + vertices.len() - 1) % vertices.len()];
        let (at_start, at_end) = (inside(start), inside(end));
        if (at_start < 0.0) != (at_end < 0.0) {
            let part = at_start / (at_start - at_end);
            kept.push(std::array::from_fn(|axis| start[axis] + part * (end[axis] - start[axis])));
        }
        if at_end >= 0.0 {
            kept.push(*end);
        }
    }
    kept
}
