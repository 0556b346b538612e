//! Options of every command that runs the network.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

/// How the network is run.
#[derive(Debug, Clone, Args)]
pub struct ComputeArgs {
    /// Threads that compute, and threads of ffmpeg to decode and to encode [default: OMP_NUM_THREADS, or one
    /// for each core that this process may use].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Numbers in which the network computes: f32 gives those of the reference; tf32, on GPUs alone, rounds them to 10
    /// bits before they are multiplied; bf16 takes half the memory and is faster on processors and GPUs that
    /// multiply such numbers themselves; auto is bf16 on those and f32 elsewhere.
    #[arg(long, value_name = "PRECISION", value_enum, default_value_t = PrecisionChoice::F32)]
    pub precision: PrecisionChoice,
    /// Memory that the process may take, or its tensors on a GPU, as in 2GiB or 1500MiB: fewer frames go through the
    /// network at once where that is too little for more [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_memory: Option<u64>,
}

/// The numbers that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionChoice {
    /// 32 bits.
    F32,
    /// 32 bits, rounded to 10 before products on a GPU.
    Tf32,
    /// bfloat16.
    Bf16,
    /// bfloat16 where the processor or the GPU multiplies it.
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
