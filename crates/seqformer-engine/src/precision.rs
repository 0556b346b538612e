//! The precision of the network, as it is asked for and as a device has it.

use seqformer::Precision;
use seqformer_ops::precision::bf16_products_are_slow;
use tch::Device;

use crate::{EngineError, gpu_card};

/// Flags in `/proc/cpuinfo` of processors with bf16 products: AMX, AVX-512 and Arm.
const BF16_FLAGS: [&str; 3] = ["amx_bf16", "avx512_bf16", "bf16"];

/// The requested precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// float32.
    F32,
    /// float32 with TF32 products, on a GPU.
    Tf32,
    /// bfloat16.
    Bf16,
    /// bfloat16 if the CPU or GPU has fast instructions for it, otherwise float32.
    Auto,
}

impl PrecisionChoice {
    /// The precision that a network on `device` computes in.
    ///
    /// # Errors
    ///
    /// If TF32 is asked for, and the device has none.
    pub fn on(self, device: Device) -> Result<Precision, EngineError> {
        self.among(&|| Products::of(device))
    }

    fn among(self, products: &dyn Fn() -> Products) -> Result<Precision, EngineError> {
        let unsupported = |what: &str| Err(EngineError::Unsupported(what.to_owned()));
        match self {
            // Every device supports f32, so it is not queried.
            Self::F32 => Ok(Precision::F32),
            Self::Bf16 => Ok(Precision::Bf16),
            Self::Auto => {
                let has_bf16 = products().bf16 == Some(true);
                Ok(if has_bf16 { Precision::Bf16 } else { Precision::F32 })
            }
            Self::Tf32 => match products() {
                Products { is_gpu: true, bf16: Some(true) | None } => Ok(Precision::Tf32),
                Products { is_gpu: true, bf16: Some(false) } => unsupported(
                    "--precision tf32: this GPU does not support TF32, which needs compute capability 8.0; use f32",
                ),
                Products { is_gpu: false, .. } => unsupported(
                    "--precision tf32: only GPUs support TF32; use f32 or bf16 on the CPU",
                ),
            },
        }
    }
}

/// The precisions for which a device has instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Products {
    is_gpu: bool,
    /// bf16, and on a GPU also TF32, which was introduced with it; `None` for a GPU that cannot be queried.
    bf16: Option<bool>,
}

impl Products {
    fn of(device: Device) -> Self {
        match gpu_card(device) {
            Ok(Some(card)) => Self { is_gpu: true, bf16: Some(card.has_bf16()) },
            Ok(None) => Self { is_gpu: false, bf16: Some(cpu_multiplies_bf16()) },
            Err(error) => {
                tracing::warn!("the precisions that the GPU supports are unknown: {error}");
                Self { is_gpu: true, bf16: None }
            }
        }
    }
}

/// Whether the processor has instructions for bf16 products, and these are not slower than products in f32.
pub fn cpu_multiplies_bf16() -> bool {
    let has = |flags: String| flags.split_whitespace().any(|flag| BF16_FLAGS.contains(&flag));
    cpu_field(&["flags", "Features"]).is_some_and(has) && !bf16_products_are_slow()
}

/// The first value in `/proc/cpuinfo` under one of these names; `None` on other systems.
pub fn cpu_field(names: &[&str]) -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut found = fields.filter(|(name, _)| names.contains(&name.trim()));
    found.next().map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_bf16_where_it_is_multiplied_and_tf32_needs_a_gpu_that_has_it() {
        let on = |is_gpu, bf16| Products { is_gpu, bf16: Some(bf16) };
        let unknown = Products { is_gpu: true, bf16: None };
        let cases = [
            (PrecisionChoice::Auto, on(true, true), Some(Precision::Bf16)),
            (PrecisionChoice::Auto, on(true, false), Some(Precision::F32)),
            (PrecisionChoice::Auto, on(false, true), Some(Precision::Bf16)),
            (PrecisionChoice::Auto, on(false, false), Some(Precision::F32)),
            (PrecisionChoice::Tf32, on(true, true), Some(Precision::Tf32)),
            (PrecisionChoice::Tf32, on(true, false), None),
            (PrecisionChoice::Tf32, on(false, true), None),
            (PrecisionChoice::Bf16, on(false, false), Some(Precision::Bf16)),
            (PrecisionChoice::F32, on(true, true), Some(Precision::F32)),
            // Without the CUDA part of this program both still predict.
            (PrecisionChoice::Auto, unknown, Some(Precision::F32)),
            (PrecisionChoice::Tf32, unknown, Some(Precision::Tf32)),
        ];
        for (choice, products, expected) in cases {
            let found = choice.among(&|| products).ok();
            assert_eq!(found, expected, "{choice:?} on {products:?}");
        }
    }
}
