//! Options of every command that runs the network.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

/// Threads, precision and memory of the network.
#[derive(Debug, Clone, Args)]
pub struct ComputeArgs {
    /// Threads for computation, and for ffmpeg to decode and to encode [default: OMP_NUM_THREADS, or one per
    /// core that this process may use].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Precision of the network. f32 gives the reference's numbers. tf32, on GPUs only, rounds factors to 10 bits of
    /// mantissa. bf16 halves memory and is faster on CPUs and GPUs with fast bfloat16 instructions. auto is bf16 on those,
    /// and f32 elsewhere.
    #[arg(long, value_name = "PRECISION", value_enum, default_value_t = PrecisionChoice::F32)]
    pub precision: PrecisionChoice,
    /// Limit on the memory of the process, or of its tensors on a GPU, such as 2GiB or 1500MiB. Fewer frames go through
    /// the network at once to stay within it [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_memory: Option<u64>,
}

/// The requested precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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

/// Reads a number of bytes with a unit: `2GiB`, `1500 MiB`, `2G`, `2GB` or plain bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "ki" | "kib" => 1024.0,
        "m" | "mi" | "mib" => 1024.0 * 1024.0,
        "g" | "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err("expected a size such as 2GiB, 1500MiB or 2GB".to_owned()),
    };
    match number.parse::<f64>() {
        Ok(number) if number * scale >= 1.0 && number * scale < 1e18 => Ok((number * scale) as u64),
        _ => Err("expected a size such as 2GiB, 1500MiB or 2GB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_or_decimal_units() {
        let cases = [
            ("2GiB", Some(2 << 30)),
            ("2g", Some(2 << 30)),
            ("1500 MiB", Some(1500 << 20)),
            ("1.5GB", Some(1_500_000_000)),
            ("4096", Some(4096)),
            ("0", None),
            ("-1GiB", None),
            ("GiB", None),
            ("2 elephants", None),
            ("1e30GiB", None),
            ("1.2.3GiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
    }
}
