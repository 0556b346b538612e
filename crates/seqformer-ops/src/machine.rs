//! The `Machine` that kernels receive: libtorch's threads, and block products by oneDNN.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use seqformer_kernels::products::{BlockProduct, BlockProducts, BlockShape};
use seqformer_kernels::threads::Threads;
use seqformer_kernels::{Bf16, Factor, InstructionSet, Machine, fastest_set};

unsafe extern "C" {
    fn sf_parallel_for(
        count: i64,
        grain: i64,
        body: extern "C" fn(*mut c_void, i64, i64),
        context: *mut c_void,
    );
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
}

/// The environment variable that sets the instruction set of this crate's kernels.
///
/// Its values are those of [`InstructionSet::name`]. It does not reach libtorch's own kernels, which have
/// `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA`.
pub(crate) const INSTRUCTION_SET_VARIABLE: &str = "SEQFORMER_INSTRUCTION_SET";

/// This machine, with its fastest instruction set or the one that [`INSTRUCTION_SET_VARIABLE`] names.
pub(crate) fn machine() -> Machine<'static> {
    static SET: OnceLock<InstructionSet> = OnceLock::new();
    let set = SET.get_or_init(|| {
        let name = std::env::var(INSTRUCTION_SET_VARIABLE).unwrap_or_default();
        chosen_set(&name).unwrap_or_else(|expected| {
            tracing::warn!(
                "{INSTRUCTION_SET_VARIABLE}: expected {expected}, found {name:?}; it is ignored"
            );
            fastest_set()
        })
    });
    Machine::new(&TorchThreads, &OneDnn).by(*set)
}

/// The instruction set that a value of the variable names, or the fastest one if it is empty. The error lists the values that
/// are possible here.
fn chosen_set(name: &str) -> Result<InstructionSet, String> {
    if name.is_empty() {
        return Ok(fastest_set());
    }
    InstructionSet::named(name).ok_or_else(|| {
        let names: Vec<_> = InstructionSet::available().map(InstructionSet::name).collect();
        format!("an instruction set that this machine has ({})", names.join(", "))
    })
}

/// The threads that libtorch uses inside one operation.
#[derive(Debug)]
struct TorchThreads;

// SAFETY: libtorch divides the range among its threads, each part once, and returns after the last.
unsafe impl Threads for TorchThreads {
    fn num_threads(&self) -> usize {
        usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1)
    }

    fn parallel_for(&self, count: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
        extern "C" fn call(context: *mut c_void, begin: i64, end: i64) {
            // SAFETY: the context is the reference below, alive until `sf_parallel_for` returns.
            let body = unsafe { *context.cast::<&(dyn Fn(Range<usize>) + Sync)>() };
            body(begin as usize..end as usize);
        }
        let context = (&raw const body).cast_mut().cast::<c_void>();
        // SAFETY: the shim only calls `call` with this context, and returns after the last call.
        unsafe { sf_parallel_for(count as i64, grain as i64, call, context) };
    }
}

/// The micro-kernels of oneDNN.
#[derive(Debug)]
struct OneDnn;

impl BlockProducts for OneDnn {
    fn multiply_f32(&self, product: &BlockProduct<'_, f32>, out: &mut [f32]) -> bool {
        multiply(product, out, false)
    }

    fn multiply_bf16(&self, product: &BlockProduct<'_, Bf16>, out: &mut [f32]) -> bool {
        multiply(product, out, true)
    }

    fn end_f32(&self) {
        // SAFETY: the call takes a number and may be made at any time.
        unsafe { sf_end_block_products(0) }
    }

    fn end_bf16(&self) {
        // SAFETY: as above.
        unsafe { sf_end_block_products(1) }
    }

    fn has_amx_bf16(&self) -> bool {
        has_amx_bf16()
    }
}

fn multiply<T: Factor>(product: &BlockProduct<'_, T>, out: &mut [f32], bf16: bool) -> bool {
    product.assert_fits(out);
    // SAFETY: the three blocks lie inside their slices by the assertion, and the call keeps no pointer.
    let failed = unsafe {
        sf_block_product(
            c_int::from(bf16),
            &raw const product.shape,
            product.a.as_ptr().cast(),
            product.b.as_ptr().cast(),
            out.as_mut_ptr(),
            c_int::from(product.add),
        )
    };
    failed == 0
}

/// Whether the processor has bfloat16 instructions.
pub(crate) fn has_bf16() -> bool {
    // SAFETY: the call only looks at the processor.
    unsafe { sf_has_bf16() != 0 }
}

/// Whether the processor has AMX for bfloat16.
pub(crate) fn has_amx_bf16() -> bool {
    // SAFETY: the call only looks at the processor.
    unsafe { sf_has_amx_bf16() != 0 }
}

#[cfg(test)]
mod tests;
