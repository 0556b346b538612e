//! Rows times a panel of a matrix: what a kernel in vectors by name is given.

/// Outputs of a panel.
pub const PANEL: usize = 64;

/// Rows times a panel of a matrix.
#[derive(Debug, Clone, Copy)]
pub struct PanelProduct<'a, T> {
    /// Left factor: `height` rows, `stride` numbers apart.
    pub rows: &'a [T],
    pub stride: usize,
    pub height: usize,
    /// Right factor, `[depth, PANEL]`, its rows interleaved as the numbers need it.
    pub panel: &'a [T],
    pub bias: &'a [f32; PANEL],
}

/// What becomes of the sums of a [`PanelProduct`].
#[derive(Debug)]
pub struct PanelSums<'a, T> {
    pub out: PanelOut<'a, T>,
    /// From one row of `out` to the next.
    pub stride: usize,
    /// Whether what `out` holds is added.
    pub add: bool,
    /// Whether negative sums become zero.
    pub relu: bool,
}

/// Where sums go.
#[derive(Debug)]
pub enum PanelOut<'a, T> {
    Exact(&'a mut [f32]),
    Rounded(&'a mut [T]),
}
