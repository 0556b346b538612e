//! Rows times a panel of a matrix: the arguments of the SIMD kernels.

/// Outputs per panel.
pub const PANEL: usize = 64;

/// Rows times a panel of a matrix.
#[derive(Debug, Clone, Copy)]
pub struct PanelProduct<'a, T> {
    /// Left factor: `height` rows, `stride` elements apart.
    pub rows: &'a [T],
    pub stride: usize,
    pub height: usize,
    /// Right factor, `[depth, PANEL]`, with rows interleaved as the number format requires.
    pub panel: &'a [T],
    pub bias: &'a [f32; PANEL],
}

/// The epilogue of a [`PanelProduct`].
#[derive(Debug)]
pub struct PanelSums<'a, T> {
    pub out: PanelOut<'a, T>,
    /// Distance between rows of `out`.
    pub stride: usize,
    /// Whether to add the content of `out`.
    pub add: bool,
    /// Whether to apply ReLU.
    pub relu: bool,
}

/// The destination of sums.
#[derive(Debug)]
pub enum PanelOut<'a, T> {
    Exact(&'a mut [f32]),
    Rounded(&'a mut [T]),
}
