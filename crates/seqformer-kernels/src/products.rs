//! Block products: by this crate's own kernels where they reach the rate of the hardware, and by the program's library
//! otherwise.

use std::fmt::Debug;

use crate::bf16::Bf16;
use crate::element::Element;
use crate::instruction_set::InstructionSet;
use crate::panel::{PanelProduct, PanelSums};
#[cfg(target_arch = "x86_64")]
use crate::simd::{multiply_bf16_panel, multiply_f32_panel, multiply_widened_panel};

/// Products of dense blocks by the program's library.
pub trait BlockProducts: Debug + Sync {
    /// Multiplies `f32` numbers into `out`; returns false if there is no such kernel on this machine.
    #[must_use]
    fn multiply_f32(&self, product: &BlockProduct<'_, f32>, out: &mut [f32]) -> bool;

    /// Multiplies bfloat16 numbers into `out`; returns false if there is no such kernel on this machine.
    #[must_use]
    fn multiply_bf16(&self, product: &BlockProduct<'_, Bf16>, out: &mut [f32]) -> bool;

    /// Ends a series of products of `f32` numbers on this thread.
    fn end_f32(&self);

    /// Ends a series of products of bfloat16 numbers on this thread.
    fn end_bf16(&self);

    /// Whether AMX multiplies bfloat16 tiles, several times faster than otherwise.
    fn has_amx_bf16(&self) -> bool;
}

/// Sizes of a block product, in C layout.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct BlockShape {
    /// Rows of the left factor and of the product.
    pub rows: usize,
    /// Columns of the right factor and of the product.
    pub columns: usize,
    /// Columns of the left factor, rows of the right one.
    pub depth: usize,
    /// Distance between rows of the left factor.
    pub a_stride: usize,
    /// Distance between rows, or groups of interleaved rows, of the right factor, in groups of elements.
    pub b_stride: usize,
    /// Distance between rows of the product.
    pub c_stride: usize,
}

/// `c = a b`, or `c += a b`: rows of `a` and `c` in order, those of `b` interleaved as the number format requires.
#[derive(Debug, Clone, Copy)]
pub struct BlockProduct<'a, T> {
    /// The sizes.
    pub shape: BlockShape,
    /// Left factor.
    pub a: &'a [T],
    /// Right factor.
    pub b: &'a [T],
    /// Whether to add the content of the output.
    pub add: bool,
}

impl<T: Factor> BlockProduct<'_, T> {
    /// Asserts that the factors and `out` are large enough for the sizes.
    ///
    /// # Panics
    ///
    /// If they are not, or a size is zero.
    pub fn assert_fits(&self, out: &[f32]) {
        let BlockShape { rows, columns, depth, a_stride, b_stride, c_stride } = self.shape;
        let pairs = depth.div_ceil(T::INTERLEAVED);
        assert!(rows > 0 && columns > 0 && depth > 0, "a block has elements");
        assert!(span(rows, depth, a_stride) <= self.a.len(), "the left factor is that large");
        let b_length = span(pairs, columns, b_stride) * T::INTERLEAVED;
        assert!(b_length <= self.b.len(), "the right factor is that large");
        assert!(span(rows, columns, c_stride) <= out.len(), "the product has room");
    }
}

/// Number of elements from the first to the last of `rows` rows of `length`, `stride` apart.
fn span(rows: usize, length: usize, stride: usize) -> usize {
    rows.saturating_sub(1) * stride + length
}

/// Number formats of block products.
pub trait Factor: Element {
    /// Number of interleaved rows of the right factor.
    const INTERLEAVED: usize;

    /// Multiplies with the library's kernel; returns false if this machine has none.
    #[must_use]
    fn multiply(
        products: &dyn BlockProducts,
        product: &BlockProduct<'_, Self>,
        out: &mut [f32],
    ) -> bool;

    /// Ends a series of products on this thread.
    fn end_products(products: &dyn BlockProducts);

    /// Whether this crate's own panel kernels reach the rate of the hardware.
    fn has_panel_products(set: InstructionSet, products: &dyn BlockProducts) -> bool;

    /// Multiplies by a panel, if [`Self::has_panel_products`].
    fn multiply_panel(
        set: InstructionSet,
        product: &PanelProduct<'_, Self>,
        sums: PanelSums<'_, Self>,
    );
}

impl Factor for f32 {
    const INTERLEAVED: usize = 1;

    fn multiply(
        products: &dyn BlockProducts,
        product: &BlockProduct<'_, Self>,
        out: &mut [f32],
    ) -> bool {
        products.multiply_f32(product, out)
    }

    fn end_products(products: &dyn BlockProducts) {
        products.end_f32();
    }

    #[inline(always)]
    fn has_panel_products(set: InstructionSet, _products: &dyn BlockProducts) -> bool {
        #[cfg(target_arch = "x86_64")]
        return set.has_avx512();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    #[inline(always)]
    fn multiply_panel(
        set: InstructionSet,
        product: &PanelProduct<'_, Self>,
        sums: PanelSums<'_, Self>,
    ) {
        #[cfg(target_arch = "x86_64")]
        multiply_f32_panel(set, product, sums);
    }
}

impl Factor for Bf16 {
    const INTERLEAVED: usize = 2;

    fn multiply(
        products: &dyn BlockProducts,
        product: &BlockProduct<'_, Self>,
        out: &mut [f32],
    ) -> bool {
        products.multiply_bf16(product, out)
    }

    fn end_products(products: &dyn BlockProducts) {
        products.end_bf16();
    }

    /// Not with AMX, which is several times faster.
    #[inline(always)]
    fn has_panel_products(set: InstructionSet, products: &dyn BlockProducts) -> bool {
        #[cfg(target_arch = "x86_64")]
        return set.has_avx512_bf16() && !products.has_amx_bf16();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    #[inline(always)]
    fn multiply_panel(
        set: InstructionSet,
        product: &PanelProduct<'_, Self>,
        sums: PanelSums<'_, Self>,
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.multiplies_bf16_pairs() {
            multiply_bf16_panel(set, product, sums);
        } else {
            multiply_widened_panel(set, product, sums);
        }
    }
}
