//! The three transforms of F(2×2, 3×3): of a kernel, of a tile of the input, and of sums back to outputs.
//!
//! Lavin & Gray (arXiv:1509.09308), section 4.1: `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`. Positions of a tile are counted
//! row by row.

use crate::element::Element;

/// Rows and columns of the input of a tile.
pub(super) const SIDE: usize = 4;
/// Positions of a tile, each with a separate product.
pub(super) const POSITIONS: usize = SIDE * SIDE;
/// Rows and columns of the output of a tile.
pub(super) const STEP: usize = 2;
/// Outputs of a tile.
pub(super) const OUTPUTS: usize = STEP * STEP;
/// The position, in the middle of a tile, whose sum contributes exactly once to each output: a bias is added only
/// there.
pub(super) const ONCE_IN_EACH: usize = SIDE + 1;

/// `G g Gᵀ` of one kernel, in `f64`, because it is computed only once.
pub(super) fn transform_kernel(kernel: &[f32; 9]) -> [f32; POSITIONS] {
    /// `G` times a column.
    fn expand([a, b, c]: [f64; 3]) -> [f64; SIDE] {
        [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
    }
    let tap = |row: usize, column: usize| f64::from(kernel[3 * row + column]);
    let columns: [[f64; SIDE]; 3] =
        std::array::from_fn(|column| expand([tap(0, column), tap(1, column), tap(2, column)]));
    let mut out = [0.0; POSITIONS];
    for (row, out) in out.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
        *out = expand([columns[0][row], columns[1][row], columns[2][row]]).map(|x| x as f32);
    }
    out
}

/// `Bᵀ` times a column.
#[inline(always)]
fn spread([a, b, c, d]: [f32; SIDE]) -> [f32; SIDE] {
    [a - c, b + c, c - b, b - d]
}

/// `Aᵀ` times a column.
#[inline(always)]
fn gather([a, b, c, d]: [f32; SIDE]) -> [f32; STEP] {
    [a + b + c, b - c - d]
}

/// `Bᵀ d B` for some channels of a tile.
#[inline(always)]
pub(super) fn transform_input<T: Element, const W: usize>(
    pixels: &[[T; W]; POSITIONS],
    out: &mut [[f32; W]; POSITIONS],
) {
    for lane in 0..W {
        let pixel = |row: usize, column: usize| pixels[SIDE * row + column][lane].to_f32();
        let mut columns = [[0.0; SIDE]; SIDE];
        for (x, column) in columns.iter_mut().enumerate() {
            *column = spread([pixel(0, x), pixel(1, x), pixel(2, x), pixel(3, x)]);
        }
        for row in 0..SIDE {
            let row_of =
                spread([columns[0][row], columns[1][row], columns[2][row], columns[3][row]]);
            for column in 0..SIDE {
                out[SIDE * row + column][lane] = row_of[column];
            }
        }
    }
}

/// `Aᵀ m A` for some outputs of a tile.
#[inline(always)]
pub(super) fn transform_output<const W: usize>(
    sums: &[&[f32; W]; POSITIONS],
    relu: bool,
    out: &mut [[f32; W]; OUTPUTS],
) {
    for lane in 0..W {
        let sum = |row: usize, column: usize| sums[SIDE * row + column][lane];
        let mut columns = [[0.0; STEP]; SIDE];
        for (x, column) in columns.iter_mut().enumerate() {
            *column = gather([sum(0, x), sum(1, x), sum(2, x), sum(3, x)]);
        }
        for row in 0..STEP {
            let row_of =
                gather([columns[0][row], columns[1][row], columns[2][row], columns[3][row]]);
            for column in 0..STEP {
                let value = row_of[column];
                // Not `max`, which would hide NaN.
                let below = relu && value < 0.0;
                out[STEP * row + column][lane] = if below { 0.0 } else { value };
            }
        }
    }
}
