//! The values of a head in the layout of both passes.

/// The values of a head, and their gradient: a block of the channels of cell `c` is row `c * blocks + block`.
#[derive(Debug)]
pub(crate) struct HeadRows<'a, const W: usize> {
    pub(crate) values: &'a [[f32; W]],
    pub(crate) gradients: &'a mut [[f32; W]],
    pub(crate) blocks: usize,
    pub(crate) block: usize,
}
