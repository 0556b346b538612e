//! Products of dense blocks by oneDNN, and tensors as slices, for kernels that are built around them.

use std::ffi::{c_int, c_void};

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

#[cfg(target_arch = "x86_64")]
use super::simd::{multiply_bf16_panel, multiply_f32_panel};
use super::{operand, operand_mut};
use crate::kernels::packed::PANEL;
use crate::kernels::weight_gradient::{Factors, weight_gradient};
use crate::kernels::{Bf16, Element, InstructionSet};

unsafe extern "C" {
    fn sf_block_product(
        bf16: c_int,
        shape: *const BlockShape,
        a: *const c_void,
        b: *const c_void,
        c: *mut f32,
        add: c_int,
    ) -> c_int;
    fn sf_end_block_products(bf16: c_int);
    fn sf_has_bf16() -> c_int;
    fn sf_has_amx_bf16() -> c_int;
    fn sf_is_only_owner(tensor: *const C_tensor) -> c_int;
}

/// Sizes of a product of blocks, as `BlockShape` in `block_product.cpp`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct BlockShape {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    pub(crate) a_stride: usize,
    pub(crate) b_stride: usize,
    pub(crate) c_stride: usize,
}

/// Rows times a panel of a matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PanelProduct<'a, T> {
    /// Left factor: `height` rows, `stride` numbers apart.
    pub(crate) rows: &'a [T],
    pub(crate) stride: usize,
    pub(crate) height: usize,
    /// Right factor, `[depth, PANEL]`, its rows interleaved as the numbers need it.
    pub(crate) panel: &'a [T],
    pub(crate) bias: &'a [f32; PANEL],
}

/// What becomes of the sums of a [`PanelProduct`].
#[derive(Debug)]
pub(crate) struct PanelSums<'a, T> {
    pub(crate) out: PanelOut<'a, T>,
    /// From one row of `out` to the next.
    pub(crate) stride: usize,
    /// Whether what `out` holds is added.
    pub(crate) add: bool,
    /// Whether negative sums become zero.
    pub(crate) relu: bool,
}

/// Where sums go.
#[derive(Debug)]
pub(crate) enum PanelOut<'a, T> {
    Exact(&'a mut [f32]),
    Rounded(&'a mut [T]),
}

/// Numbers that block products take.
pub(crate) trait Factor: Element {
    const KIND: Kind;
    /// Rows of the right factor that lie interleaved.
    const INTERLEAVED: usize;

    /// Whether kernels of our own multiply by panels at the rate of the hardware.
    fn has_panel_products(set: InstructionSet) -> bool;

    /// Multiplies by a panel, where [`Self::has_panel_products`].
    fn multiply_panel(
        set: InstructionSet,
        product: &PanelProduct<'_, Self>,
        sums: PanelSums<'_, Self>,
    );
}

impl Factor for f32 {
    const KIND: Kind = Kind::Float;
    const INTERLEAVED: usize = 1;

    #[inline(always)]
    fn has_panel_products(set: InstructionSet) -> bool {
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
    const KIND: Kind = Kind::BFloat16;
    const INTERLEAVED: usize = 2;

    /// Not where there is AMX, which is several times faster.
    #[inline(always)]
    fn has_panel_products(set: InstructionSet) -> bool {
        #[cfg(target_arch = "x86_64")]
        return set.has_avx512_bf16() && !has_amx_bf16();
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
        multiply_bf16_panel(set, product, sums);
    }
}

fn is_bf16<T: Factor>() -> c_int {
    c_int::from(T::KIND == Kind::BFloat16)
}

/// Elements from the first to the last of `rows` rows of `length`, `stride` apart.
fn span(rows: usize, length: usize, stride: usize) -> usize {
    rows.saturating_sub(1) * stride + length
}

/// `c = a b`: rows of `a` and `c` in their order, those of `b` interleaved as the numbers need it.
///
/// Returns false if this machine has no such kernel.
#[must_use]
pub(crate) fn block_product<T: Factor>(
    shape: &BlockShape,
    a: &[T],
    b: &[T],
    c: &mut [f32],
) -> bool {
    multiply(shape, a, b, c, false)
}

/// `c += a b`, otherwise as [`block_product`].
#[must_use]
pub(crate) fn add_block_product<T: Factor>(
    shape: &BlockShape,
    a: &[T],
    b: &[T],
    c: &mut [f32],
) -> bool {
    multiply(shape, a, b, c, true)
}

fn multiply<T: Factor>(shape: &BlockShape, a: &[T], b: &[T], c: &mut [f32], add: bool) -> bool {
    let BlockShape { rows, columns, depth, a_stride, b_stride, c_stride } = *shape;
    let pairs = depth.div_ceil(T::INTERLEAVED);
    assert!(rows > 0 && columns > 0 && depth > 0, "a block has elements");
    assert!(span(rows, depth, a_stride) <= a.len(), "the left factor is that large");
    let b_length = span(pairs, columns, b_stride) * T::INTERLEAVED;
    assert!(b_length <= b.len(), "the right factor is that large");
    assert!(span(rows, columns, c_stride) <= c.len(), "the product has room");
    // SAFETY: the three blocks lie inside their slices by the assertions, and the call keeps no pointer.
    let failed = unsafe {
        sf_block_product(
            is_bf16::<T>(),
            shape,
            a.as_ptr().cast(),
            b.as_ptr().cast(),
            c.as_mut_ptr(),
            c_int::from(add),
        )
    };
    failed == 0
}

/// Ends a series of products on this thread.
pub(crate) fn end_block_products<T: Factor>() {
    // SAFETY: the call takes a number and may be made at any time.
    unsafe { sf_end_block_products(is_bf16::<T>()) }
}

/// Whether the processor multiplies bfloat16 numbers itself.
pub(crate) fn has_bf16() -> bool {
    // SAFETY: the call only looks at the processor.
    unsafe { sf_has_bf16() != 0 }
}

/// Whether the processor multiplies tiles of bfloat16 numbers by AMX.
pub(crate) fn has_amx_bf16() -> bool {
    // SAFETY: the call only looks at the processor.
    unsafe { sf_has_amx_bf16() != 0 }
}

/// The elements of a dense tensor of this kind on the CPU; `None` for any other tensor.
pub(crate) fn elements<T: Factor>(tensor: &Tensor) -> Option<&[T]> {
    let fits = tensor.kind() == T::KIND && tensor.device() == Device::Cpu && tensor.is_contiguous();
    // SAFETY: a dense tensor has this many elements of its kind, which live as long as the tensor.
    fits.then(|| unsafe { operand(tensor.data_ptr().cast_const().cast::<T>(), tensor.numel()) })
}

/// The elements of a map `[N, C, H, W]` of this kind on the CPU whose channels are innermost, as `[N, H, W, C]`, if nobody else
/// refers to them.
pub(crate) fn own_map<T: Factor>(map: &mut Tensor) -> Option<&mut [T]> {
    let fits = map.dim() == 4
        && map.kind() == T::KIND
        && map.device() == Device::Cpu
        && map.permute([0, 2, 3, 1]).is_contiguous();
    // SAFETY: the tensor is alive, and the call only reads its counts.
    let is_owner = fits && unsafe { sf_is_only_owner(map.as_ptr()) } != 0;
    // SAFETY: the map has this many elements of its kind, one after the other, and the caller has the only reference.
    is_owner.then(|| unsafe { operand_mut(map.data_ptr().cast::<T>(), map.numel()) })
}

/// The elements of a dense tensor of bytes on the CPU; `None` for any other tensor.
pub(crate) fn bytes(tensor: &Tensor) -> Option<&[u8]> {
    let fits =
        tensor.kind() == Kind::Uint8 && tensor.device() == Device::Cpu && tensor.is_contiguous();
    // SAFETY: a dense tensor of bytes has this many of them, which live as long as the tensor.
    fits.then(|| unsafe { operand(tensor.data_ptr().cast_const().cast::<u8>(), tensor.numel()) })
}

/// A map `[N, C, H, W]` of any numbers whose channels are innermost.
pub(crate) fn new_map<T: Factor>(
    [batch, channels, height, width]: [i64; 4],
) -> Result<Tensor, tch::TchError> {
    let strides = [height * width * channels, 1, width * channels, channels];
    Tensor::f_empty_strided([batch, channels, height, width], strides, (T::KIND, Device::Cpu))
}

/// The elements of a dense boolean tensor on the CPU; `None` for any other tensor.
pub(crate) fn booleans(tensor: &Tensor) -> Option<&[bool]> {
    let fits =
        tensor.kind() == Kind::Bool && tensor.device() == Device::Cpu && tensor.is_contiguous();
    // SAFETY: a dense boolean tensor has this many bytes of 0 or 1, which live as long as the tensor.
    fits.then(|| unsafe { operand(tensor.data_ptr().cast_const().cast::<bool>(), tensor.numel()) })
}

/// A new tensor whose elements `fill` writes.
pub(crate) fn filled<T: Factor>(
    sizes: &[i64],
    fill: impl FnOnce(&mut [T]) -> Result<(), String>,
) -> Result<Tensor, String> {
    let tensor = Tensor::f_empty(sizes, (T::KIND, Device::Cpu)).map_err(|e| e.to_string())?;
    // SAFETY: a new tensor is dense, has this many elements of its kind, and nobody else refers to it.
    let elements = unsafe { operand_mut(tensor.data_ptr().cast::<T>(), tensor.numel()) };
    fill(elements)?;
    Ok(tensor)
}

/// A new map `[N, C, H, W]` with channels innermost, whose elements, `[N, H, W, C]`, `fill` writes.
pub(crate) fn filled_map<T: Factor>(
    sizes: [i64; 4],
    fill: impl FnOnce(&mut [T]),
) -> Result<Tensor, String> {
    let map = new_map::<T>(sizes).map_err(|error| error.to_string())?;
    // SAFETY: a new map has this many elements of its kind, one after the other, and nobody else refers to it.
    fill(unsafe { operand_mut(map.data_ptr().cast::<T>(), map.numel()) });
    Ok(map)
}

/// Writes the gradient of a weight, `[outputs, inputs]`, from `grad`, `[tokens, outputs]`, and `input`,
/// `[tokens, inputs]`. Returns 1 where a general product is as good.
pub(super) type WeightGradientKernel =
    extern "C" fn(grad: *const f32, input: *const f32, out: *mut f32, sizes: *const i64) -> c_int;

/// `sizes` are tokens, outputs and inputs.
pub(super) extern "C" fn weight_gradient_kernel(
    grad: *const f32,
    input: *const f32,
    out: *mut f32,
    sizes: *const i64,
) -> c_int {
    // SAFETY: the shim passes three sizes.
    let &[tokens, outputs, inputs] = unsafe { &*sizes.cast::<[i64; 3]>() };
    let [tokens, outputs, inputs] = [tokens as usize, outputs as usize, inputs as usize];
    // SAFETY: the shim passes dense tensors of these sizes.
    let grad = unsafe { operand(grad, tokens * outputs) };
    // SAFETY: as above.
    let input = unsafe { operand(input, tokens * inputs) };
    let factors = Factors { grad, input, tokens, outputs, inputs };
    if !factors.are_tall() {
        return 1;
    }
    // SAFETY: the shim has just allocated the result.
    let out = unsafe { operand_mut(out, outputs * inputs) };
    c_int::from(weight_gradient(&factors, out, InstructionSet::detect()).is_err())
}
