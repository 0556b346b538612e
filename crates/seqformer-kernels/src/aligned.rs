//! Buffers aligned to a cache line.

use std::ops::{Deref, DerefMut};

use crate::element::Element;

/// A buffer aligned to a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    elements: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Element> Aligned<T> {
    /// `length` zeros.
    pub(crate) fn new(length: usize) -> Self {
        const LINE: usize = 64;
        let elements = vec![T::from_f32(0.0); length + LINE / size_of::<T>()];
        let start = elements.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        Self { elements, start, length }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.elements[self.start..][..self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements[self.start..][..self.length]
    }
}
