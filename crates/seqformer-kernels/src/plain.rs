//! Threads and products from the standard library: slow and obvious, for tests of kernels without a tensor library.

use std::ops::Range;

use crate::bf16::Bf16;
use crate::machine::Machine;
use crate::products::{BlockProduct, BlockProducts, BlockShape, Factor};
use crate::threads::Threads;

/// A machine that uses only the standard library, with the highest instruction set.
pub fn machine() -> Machine<'static> {
    Machine::new(&ScopedThreads, &PlainProducts)
}

/// Two threads, started for each call.
#[derive(Debug, Clone, Copy)]
pub struct ScopedThreads;

// SAFETY: the two parts of the range are disjoint, and the scope ends when both are done.
unsafe impl Threads for ScopedThreads {
    fn num_threads(&self) -> usize {
        2
    }

    fn parallel_for(&self, count: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
        let middle = count.div_ceil(2);
        if count == 0 {
            return;
        }
        if count < 2 * grain.max(1) {
            return body(0..count);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| body(middle..count));
            body(0..middle);
        });
    }
}

/// Products in plain loops, summed in order.
#[derive(Debug, Clone, Copy)]
pub struct PlainProducts;

impl BlockProducts for PlainProducts {
    fn multiply_f32(&self, product: &BlockProduct<'_, f32>, out: &mut [f32]) -> bool {
        multiply(product, out);
        true
    }

    fn multiply_bf16(&self, product: &BlockProduct<'_, Bf16>, out: &mut [f32]) -> bool {
        multiply(product, out);
        true
    }

    fn end_f32(&self) {}

    fn end_bf16(&self) {}

    fn has_amx_bf16(&self) -> bool {
        false
    }
}

fn multiply<T: Factor>(product: &BlockProduct<'_, T>, out: &mut [f32]) {
    product.assert_fits(out);
    let BlockShape { rows, columns, depth, a_stride, b_stride, c_stride } = product.shape;
    for row in 0..rows {
        for column in 0..columns {
            let mut sum = 0.0;
            for place in 0..depth {
                let (group, lane) = (place / T::INTERLEAVED, place % T::INTERLEAVED);
                let a = product.a[row * a_stride + place].to_f32();
                let b = product.b[(group * b_stride + column) * T::INTERLEAVED + lane].to_f32();
                sum += a * b;
            }
            let to = &mut out[row * c_stride + column];
            *to = if product.add { *to + sum } else { sum };
        }
    }
}
