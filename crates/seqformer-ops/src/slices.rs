//! CPU tensors as slices, for kernels that do not know tensors.

use std::ffi::c_int;

use seqformer_kernels::{Bf16, Factor};
use seqformer_libtorch::{operand, operand_mut};
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn sf_is_only_owner(tensor: *const C_tensor) -> c_int;
}

/// A kernel's number type that corresponds to a tensor's kind.
pub(crate) trait TensorNumber: Factor {
    /// The kind.
    const KIND: Kind;
}

impl TensorNumber for f32 {
    const KIND: Kind = Kind::Float;
}

impl TensorNumber for Bf16 {
    const KIND: Kind = Kind::BFloat16;
}

/// The elements of a dense tensor of this kind on the CPU; `None` for any other tensor.
pub(crate) fn elements<T: TensorNumber>(tensor: &Tensor) -> Option<&[T]> {
    let fits = tensor.kind() == T::KIND && tensor.device() == Device::Cpu && tensor.is_contiguous();
    // SAFETY: a dense tensor has this many elements of its kind, which live as long as the tensor.
    fits.then(|| unsafe { operand(tensor.data_ptr().cast_const().cast::<T>(), tensor.numel()) })
}

/// The elements of a channels-last map `[N, C, H, W]` of this kind on the CPU, as `[N, H, W, C]`, if it has no other
/// references.
pub(crate) fn own_map<T: TensorNumber>(map: &mut Tensor) -> Option<&mut [T]> {
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

/// The bytes of a dense tensor of bytes on the CPU, if it has no other references.
pub(crate) fn own_bytes(tensor: &mut Tensor) -> Option<&mut [u8]> {
    let fits =
        tensor.kind() == Kind::Uint8 && tensor.device() == Device::Cpu && tensor.is_contiguous();
    // SAFETY: the tensor is alive, and the call only reads its counts.
    let is_owner = fits && unsafe { sf_is_only_owner(tensor.as_ptr()) } != 0;
    // SAFETY: a dense tensor of bytes has this many of them, and the caller has the only reference.
    is_owner.then(|| unsafe { operand_mut(tensor.data_ptr().cast::<u8>(), tensor.numel()) })
}

/// An uninitialized channels-last map `[N, C, H, W]`.
pub(crate) fn new_map<T: TensorNumber>(
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
pub(crate) fn filled<T: TensorNumber>(
    sizes: &[i64],
    fill: impl FnOnce(&mut [T]) -> Result<(), String>,
) -> Result<Tensor, String> {
    let tensor = Tensor::f_empty(sizes, (T::KIND, Device::Cpu)).map_err(|e| e.to_string())?;
    // SAFETY: a new tensor is dense, has this many elements of its kind, and nobody else refers to it.
    let elements = unsafe { operand_mut(tensor.data_ptr().cast::<T>(), tensor.numel()) };
    fill(elements)?;
    Ok(tensor)
}

/// A new channels-last map `[N, C, H, W]`, whose elements, `[N, H, W, C]`, `fill` writes.
pub(crate) fn filled_map<T: TensorNumber>(
    sizes: [i64; 4],
    fill: impl FnOnce(&mut [T]),
) -> Result<Tensor, String> {
    let map = new_map::<T>(sizes).map_err(|error| error.to_string())?;
    // SAFETY: a new map has this many elements of its kind, one after the other, and nobody else refers to it.
    fill(unsafe { operand_mut(map.data_ptr().cast::<T>(), map.numel()) });
    Ok(map)
}
