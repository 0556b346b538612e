//! Sine and cosine by additions and multiplications only, because those of systems differ.

use std::f64::consts::TAU;

/// Returns the sine of an angle in turns, to 1e-7.
pub(crate) fn sin_turns(turns: f64) -> f64 {
    let nearest = turns - turns.round();
    // Reduce to the quarter turns around 0, where the series converges fast.
    let folded = match nearest {
        right if right > 0.25 => 0.5 - right,
        left if left < -0.25 => -0.5 - left,
        middle => middle,
    };
    let angle = folded * TAU;
    let square = angle * angle;
    let term = |factor: f64, rest: f64| 1.0 - square / factor * rest;
    let series = term(6.0, term(20.0, term(42.0, term(72.0, term(110.0, 1.0)))));
    angle * series
}

/// Returns the cosine of an angle in turns, to 1e-7.
pub(crate) fn cos_turns(turns: f64) -> f64 {
    sin_turns(turns + 0.25)
}
