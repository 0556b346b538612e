//! Weight matrices packed for block products, and the epilogues of these products.

use std::ops::Range;

use crate::aligned::Aligned;
use crate::blocks::{Block, NoProduct, ROWS};
use crate::element::finish;
use crate::machine::Machine;
use crate::panel::{PANEL, PanelOut, PanelProduct, PanelSums};
use crate::products::{BlockProduct, BlockShape, Factor};

/// A weight matrix `[outputs, inputs]` in panels of outputs, the last one padded with zeros.
#[derive(Debug)]
pub struct Packed<T> {
    /// `[panels, inputs, PANEL]`, with pairs of inputs interleaved if the number format requires it.
    panels: Aligned<T>,
    /// `[panels * PANEL]`
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl<T: Factor> Packed<T> {
    /// Packs `weight`, `[outputs, inputs]`, and `bias`, `[outputs]`; `inputs` is even.
    pub fn new(weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weight.len() / outputs.max(1);
        let num_panels = outputs.div_ceil(PANEL);
        let mut panels = Aligned::<T>::new(num_panels * inputs * PANEL);
        for (output, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let panel = &mut panels[output / PANEL * inputs * PANEL..][..inputs * PANEL];
            for (input, &value) in row.iter().enumerate() {
                let (group, lane) = (input / T::INTERLEAVED, input % T::INTERLEAVED);
                let column = group * PANEL + output % PANEL;
                panel[column * T::INTERLEAVED + lane] = T::from_f32(value);
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(num_panels * PANEL, 0.0);
        Self { panels, bias: padded, inputs, outputs }
    }

    /// Columns of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Rows of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The number of panels.
    pub fn num_panels(&self) -> usize {
        self.bias.len() / PANEL
    }

    /// Whether this machine has a kernel for the product.
    pub fn can_multiply(&self, machine: &Machine<'_>) -> bool {
        let rows = vec![T::from_f32(0.0); ROWS * self.inputs];
        let block = Block { first: 0, rows: ROWS, height: ROWS };
        let left = Left { rows: &rows, stride: self.inputs, block, machine };
        self.multiply(0, 0..self.inputs, &left, &mut [0.0; ROWS * PANEL]).is_ok()
    }

    /// Columns of panel `number`.
    #[inline(always)]
    pub fn columns(&self, number: usize) -> Range<usize> {
        number * PANEL..self.outputs.min((number + 1) * PANEL)
    }

    /// Sets `sums` to the block times panel `number` plus its bias, `[rows, PANEL]`, with optional ReLU.
    ///
    /// # Errors
    ///
    /// If this machine has no kernel for the products.
    #[inline(always)]
    pub fn sum(
        &self,
        number: usize,
        left: &Left<'_, T>,
        relu: bool,
        sums: &mut [f32],
    ) -> Result<(), NoProduct> {
        let out = PanelOut::Exact(&mut *sums);
        let own = PanelSums { out, stride: PANEL, add: false, relu };
        if self.multiply_ourselves(number, 0..self.inputs, left, own) {
            return Ok(());
        }
        self.multiply(number, 0..self.inputs, left, sums)?;
        let bias = self.bias(number);
        for sums in &mut sums.as_chunks_mut::<PANEL>().0[..left.block.rows] {
            finish(sums, bias, relu);
        }
        Ok(())
    }

    /// Writes the result of [`Self::sum`], without `relu`, to rows of `to`, without the padding columns.
    ///
    /// # Errors
    ///
    /// If this machine has no kernel for the products.
    #[inline(always)]
    pub fn write(
        &self,
        number: usize,
        left: &Left<'_, T>,
        sums: &mut [f32],
        to: &mut Rows<'_, f32>,
    ) -> Result<(), NoProduct> {
        let out = PanelOut::Exact(&mut *to.numbers);
        let own = PanelSums { out, stride: to.stride, add: false, relu: false };
        if self.multiply_ourselves(number, 0..self.inputs, left, own) {
            return Ok(());
        }
        let columns = self.columns(number).len();
        self.sum(number, left, false, sums)?;
        for (row, sums) in sums.as_chunks::<PANEL>().0[..left.block.rows].iter().enumerate() {
            to.numbers[row * to.stride..][..columns].copy_from_slice(&sums[..columns]);
        }
        Ok(())
    }

    /// Writes the rounded result of [`Self::sum`] to rows of `to`, without the padding columns.
    ///
    /// # Errors
    ///
    /// If this machine has no kernel for the products.
    #[inline(always)]
    pub fn round(
        &self,
        number: usize,
        left: &Left<'_, T>,
        relu: bool,
        sums: &mut [f32],
        to: &mut Rows<'_, T>,
    ) -> Result<(), NoProduct> {
        let out = PanelOut::Rounded(&mut *to.numbers);
        let own = PanelSums { out, stride: to.stride, add: false, relu };
        if self.multiply_ourselves(number, 0..self.inputs, left, own) {
            return Ok(());
        }
        let columns = self.columns(number).len();
        self.multiply(number, 0..self.inputs, left, sums)?;
        let sums = sums.as_chunks_mut::<PANEL>().0;
        for (row, sums) in sums[..left.block.rows].iter_mut().enumerate() {
            let to = &mut to.numbers[row * to.stride..][..columns];
            T::round_sums(left.machine.set, sums, self.bias(number), relu, to);
        }
        Ok(())
    }

    /// Adds the block times panel `number` to rows of `to`, for the given `inputs` only, which the rows of `left`
    /// contain. The bias is added with the first of them.
    ///
    /// # Errors
    ///
    /// If this machine has no kernel for the products.
    #[inline(always)]
    pub fn add(
        &self,
        number: usize,
        inputs: Range<usize>,
        left: &Left<'_, T>,
        sums: &mut [f32],
        to: &mut Rows<'_, f32>,
    ) -> Result<(), NoProduct> {
        let out = PanelOut::Exact(&mut *to.numbers);
        let own = PanelSums { out, stride: to.stride, add: true, relu: false };
        if self.multiply_ourselves(number, inputs.clone(), left, own) {
            return Ok(());
        }
        let columns = self.columns(number).len();
        let bias = self.bias_with(number, &inputs);
        self.multiply(number, inputs, left, sums)?;
        for (row, sums) in sums.as_chunks::<PANEL>().0[..left.block.rows].iter().enumerate() {
            let to = &mut to.numbers[row * to.stride..][..columns];
            for ((to, sum), bias) in to.iter_mut().zip(sums).zip(bias) {
                *to += sum + bias;
            }
        }
        Ok(())
    }

    /// Computes the product for some inputs with this crate's own kernel; false if there is none, or if the padding of
    /// the panel would overwrite other columns.
    #[inline(always)]
    #[must_use]
    pub fn multiply_ourselves(
        &self,
        number: usize,
        inputs: Range<usize>,
        left: &Left<'_, T>,
        sums: PanelSums<'_, T>,
    ) -> bool {
        let has_room = self.columns(number).len() == PANEL || sums.stride == PANEL;
        if !has_room || !T::has_panel_products(left.machine.set, left.machine.products) {
            return false;
        }
        let &Left { rows, stride, block, machine } = left;
        let bias = self.bias_with(number, &inputs);
        let panel = self.panel(number, inputs);
        let product = PanelProduct { rows, stride, height: block.rows, panel, bias };
        T::multiply_panel(machine.set, &product, sums);
        true
    }

    /// Multiplies with the program's block products, without the bias.
    #[inline(always)]
    fn multiply(
        &self,
        number: usize,
        inputs: Range<usize>,
        left: &Left<'_, T>,
        sums: &mut [f32],
    ) -> Result<(), NoProduct> {
        let shape = BlockShape {
            rows: left.block.height,
            columns: PANEL,
            depth: inputs.len(),
            a_stride: left.stride,
            b_stride: PANEL,
            c_stride: PANEL,
        };
        let b = self.panel(number, inputs);
        let product = BlockProduct { shape, a: left.rows, b, add: false };
        if T::multiply(left.machine.products, &product, sums) { Ok(()) } else { Err(NoProduct) }
    }

    /// Some inputs of panel `number`.
    #[inline(always)]
    fn panel(&self, number: usize, inputs: Range<usize>) -> &[T] {
        &self.panels[(number * self.inputs + inputs.start) * PANEL..][..inputs.len() * PANEL]
    }

    /// The bias to add for some inputs of panel `number`: with the first of them.
    #[inline(always)]
    fn bias_with(&self, number: usize, inputs: &Range<usize>) -> &[f32; PANEL] {
        if inputs.start == 0 { self.bias(number) } else { &[0.0; PANEL] }
    }

    /// The bias of panel `number`.
    #[inline(always)]
    fn bias(&self, number: usize) -> &[f32; PANEL] {
        &self.bias.as_chunks::<PANEL>().0[number]
    }
}

/// The left factor of a product with a panel.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a, T> {
    /// Starting at the first row of the block.
    pub rows: &'a [T],
    /// Distance between rows.
    pub stride: usize,
    /// The block of rows.
    pub block: Block,
    /// What multiplies.
    pub machine: &'a Machine<'a>,
}

/// Rows that receive the result of a product.
#[derive(Debug)]
pub struct Rows<'a, T> {
    /// Starting at the first column of the panel in the first row.
    pub numbers: &'a mut [T],
    /// Distance between rows.
    pub stride: usize,
}

#[cfg(test)]
mod tests;
