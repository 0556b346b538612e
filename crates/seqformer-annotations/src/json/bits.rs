//! Bit masks with one bit for each of 64 bytes.

/// Number of bytes that are examined together.
pub(super) const BLOCK_BYTES: usize = u64::BITS as usize;

/// Collects booleans into one bit for each of 64 indices.
///
/// Written so that the compiler compares sixteen bytes at once and combines the bits of eight bytes
/// with one instruction.
#[inline]
pub(super) fn bits(is_set: impl Fn(usize) -> bool) -> u64 {
    let weights: [u8; BLOCK_BYTES] =
        std::array::from_fn(|index| if is_set(index) { 1 << (index % 8) } else { 0 });
    let (groups, _) = weights.as_chunks::<8>();
    let sum = |index: usize| groups[index].iter().fold(0_u8, |sum, &bit| sum.wrapping_add(bit));
    u64::from_le_bytes(std::array::from_fn(sum))
}

/// Returns the bytes from `offset` on; those beyond the end of `text` are the zeros of `padded`.
#[inline]
pub(super) fn block_at<'a, const N: usize>(
    text: &'a [u8],
    offset: usize,
    padded: &'a mut [u8; N],
) -> &'a [u8; N] {
    let rest = text.get(offset..).unwrap_or_default();
    // Text that need not be copied is read much faster.
    rest.first_chunk().unwrap_or_else(|| {
        padded[..rest.len()].copy_from_slice(rest);
        padded
    })
}

#[cfg(test)]
mod tests;
