//! A product of rows and a panel as pointers that have been checked.

use crate::panel::{PANEL, PanelOut, PanelProduct, PanelSums};

/// A product whose pointers have been checked.
#[derive(Clone, Copy)]
pub(super) struct Work {
    /// Numbers, or pairs of numbers, of 32 bits.
    pub(super) rows: *const i32,
    /// Bytes from row to row.
    pub(super) stride: usize,
    pub(super) height: usize,
    /// `[groups, PANEL]` of 32 bits each.
    pub(super) panel: *const i32,
    pub(super) groups: usize,
    pub(super) bias: *const f32,
    pub(super) out: Out,
    /// Numbers from row to row.
    pub(super) out_stride: usize,
    pub(super) add: bool,
    pub(super) relu: bool,
}

/// Where the sums go.
#[derive(Clone, Copy)]
pub(super) enum Out {
    Exact(*mut f32),
    Rounded(*mut u16),
}

impl Work {
    /// # Panics
    ///
    /// If a factor or the output is too short.
    pub(super) fn new<T>(
        product: &PanelProduct<'_, T>,
        groups: usize,
        sums: PanelSums<'_, T>,
    ) -> Self {
        let &PanelProduct { rows, stride, height, panel, bias } = product;
        let span = |stride: usize, width: usize| height.saturating_sub(1) * stride + width;
        assert!(groups * 4 * PANEL == size_of_val(panel), "the panel has whole groups of rows");
        let depth = panel.len() / PANEL;
        assert!(height == 0 || span(stride, depth) <= rows.len(), "the left factor is that large");
        let room = match &sums.out {
            PanelOut::Exact(out) => out.len(),
            PanelOut::Rounded(out) => out.len(),
        };
        assert!(height == 0 || span(sums.stride, PANEL) <= room, "the sums have room");
        let out = match sums.out {
            PanelOut::Exact(out) => Out::Exact(out.as_mut_ptr()),
            PanelOut::Rounded(out) => Out::Rounded(out.as_mut_ptr().cast()),
        };
        Self {
            rows: rows.as_ptr().cast(),
            stride: stride * size_of::<T>(),
            height,
            panel: panel.as_ptr().cast(),
            groups,
            bias: bias.as_ptr(),
            out,
            out_stride: sums.stride,
            add: sums.add,
            relu: sums.relu,
        }
    }

    /// The same outputs of other factors, `height` rows of `groups` numbers each.
    pub(super) fn with_factors(
        &self,
        [rows, panel]: [*const f32; 2],
        stride: usize,
        [height, groups]: [usize; 2],
    ) -> Self {
        Self { rows: rows.cast(), stride, height, panel: panel.cast(), groups, ..*self }
    }
}
