//! Weights and frames by formula, so that full-size models need no weight files.
//!
//! There are two formulas, for the two sets of golden files: [`common_weights`] for `common/`, and
//! [`formula_weights`] for `formula/`. Both draw from splitmix64, seeded with the hash of the name.

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Hash of a name: FNV-1a, 64 bits.
pub fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

/// One step of splitmix64.
#[inline]
pub fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Number `index` of the sequence `seed`, in `[0, 1)`.
#[inline]
pub fn unit(seed: u64, index: u64) -> f64 {
    (splitmix64(seed.wrapping_add(index)) >> 40) as f64 / f64::from(1u32 << 24)
}

/// Number `index` of the sequence `seed`, in `[-1, 1)`.
#[inline]
pub fn signed_unit(seed: u64, index: u64) -> f64 {
    2.0 * unit(seed, index) - 1.0
}

/// The uniform distribution of one tensor's elements: `offset + scale·r` with `r` in `[-1, 1)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UniformRange {
    /// The centre.
    pub offset: f64,
    /// Half the width.
    pub scale: f64,
}

impl UniformRange {
    /// The first `count` numbers for the tensor `name`, computed in double precision, rounded once.
    pub fn numbers(self, name: &str, count: usize) -> Vec<f32> {
        let seed = fnv1a(name);
        let number = |index| (self.offset + self.scale * signed_unit(seed, index)) as f32;
        (0..count as u64).map(number).collect()
    }
}

/// The name that `common/` hashes: the decoder's box heads go by their shared short name.
pub fn common_name(name: &str) -> String {
    if name.contains("transformer.decoder.bbox_embed.") {
        name.replacen("transformer.decoder.", "", 1)
    } else {
        name.to_owned()
    }
}

/// The tensor `name` of the golden files in `common/`.
///
/// # Panics
///
/// Panics if a size of `shape` is negative, as do the other functions that take a shape.
pub fn common_weights(name: &str, shape: &[i64]) -> Vec<f32> {
    let name = common_name(name);
    common_range(&name, shape).numbers(&name, num_elements(shape))
}

/// The first `count` numbers in `[-1, 1)` for an input called `name`, such as `swin_input_a`.
pub fn common_noise(name: &str, count: usize) -> Vec<f32> {
    UniformRange { offset: 0.0, scale: 1.0 }.numbers(name, count)
}

/// The distribution of the tensor with the hashed name `name`; the first matching rule counts.
pub fn common_range(name: &str, shape: &[i64]) -> UniformRange {
    let range = |offset, scale| UniformRange { offset, scale };
    let is_vector = shape.len() == 1;
    if name.ends_with("running_var") {
        range(1.0, 0.5)
    } else if name.ends_with("running_mean") {
        range(0.0, 0.1)
    } else if name.ends_with("conv3.norm.weight") {
        range(0.4, 0.1)
    } else if name.ends_with("sampling_offsets.bias") {
        range(0.0, 2.0)
    } else if name.contains(".class_embed.") && name.ends_with("bias") {
        range(-2.5, 1.0)
    } else if name.ends_with("relative_position_bias_table") {
        range(0.0, 0.5)
    } else if name.ends_with("query_embed.weight") || name.ends_with("level_embed") {
        range(0.0, 1.7)
    } else if is_vector && name.ends_with("weight") {
        range(1.0, 0.2)
    } else if is_vector {
        range(0.0, 0.1)
    } else {
        range(0.0, common_gain(name, shape.len()) * (3.0 / fan_in(shape)).sqrt())
    }
}

/// The gain of a weight matrix or kernel; the last matching rule counts.
fn common_gain(name: &str, rank: usize) -> f64 {
    let mut gain = 1.0;
    if name.contains(".backbone.") && rank == 4 {
        gain = 2f64.sqrt();
    }
    if name.contains(".controller.layers.2.") {
        gain = 0.3;
    }
    if name.contains("cross_attn")
        && (name.contains("_proj.weight") || name.contains("_proj_box.weight"))
    {
        gain = 2.0;
    }
    if name.contains(".bbox_embed.") {
        gain = if name.contains(".layers.2.") { 0.5 } else { 1.5 };
    }
    if name.contains(".mask_head.") {
        gain = 2.0;
    }
    gain
}

/// The input frames of `common/`: `[T, 3, H, W]`, RGB.
pub fn common_frames(num_frames: usize, height: usize, width: usize) -> Vec<u8> {
    let mut frames = Vec::with_capacity(num_frames * 3 * height * width);
    for t in 0..num_frames {
        for c in 0..3 {
            for y in 0..height {
                let row = y * (4 - c) + 9 * t * (c + 1);
                frames.extend((0..width).map(|x| (x * (2 + c) + row + x * y / 16) as u8));
            }
        }
    }
    frames
}

/// The tensor `name` of the golden files in `formula/`.
///
/// The shared box heads go by their `transformer.decoder.bbox_embed` names.
pub fn formula_weights(name: &str, shape: &[i64]) -> Vec<f32> {
    let seed = fnv1a(name);
    let r = |index| signed_unit(seed, index);
    let count = num_elements(shape) as u64;
    let fill = |value: &dyn Fn(u64) -> f64| (0..count).map(|i| value(i) as f32).collect();
    let is_vector = shape.len() == 1;
    if name.ends_with("running_var") {
        fill(&|i| 1.0 + 0.1 * (r(i) + 1.0))
    } else if name.ends_with("running_mean") {
        fill(&|i| 0.1 * r(i))
    } else if is_vector && name.ends_with(".weight") {
        fill(&|i| 1.0 + 0.1 * r(i))
    } else if is_vector {
        fill(&|i| 0.1 * r(i))
    } else if name.ends_with("level_embed") || name.ends_with("query_embed.weight") {
        fill(&r)
    } else if name.contains("relative_position_bias_table") {
        fill(&|i| 0.5 * r(i))
    } else {
        let scale = (3.0 / fan_in(shape)).sqrt();
        (0..count).map(|i| (r(i) * scale) as f32).collect()
    }
}

/// Pixels of the golden files in `formula/`.
pub fn formula_pixels(seed: u64, count: usize) -> Vec<u8> {
    (0..count as u64).map(|index| (splitmix64(seed.wrapping_add(index)) >> 56) as u8).collect()
}

/// Where value `k` of a tensor summary of `formula/` stands in a tensor of `num_elements`.
pub fn summary_index(k: usize, num_elements: usize) -> usize {
    let position = (k as u64).wrapping_mul(2_654_435_761).wrapping_add(12_345);
    (position % num_elements as u64) as usize
}

fn num_elements(shape: &[i64]) -> usize {
    let sizes = shape.iter().map(|&size| usize::try_from(size).expect("a size is negative"));
    sizes.product()
}

/// The product of all dimensions but the first.
fn fan_in(shape: &[i64]) -> f64 {
    num_elements(shape.get(1..).unwrap_or_default()) as f64
}

#[cfg(test)]
mod tests;
