//! Plans how many frames go through the network at once within a memory limit.
//!
//! The memory of the process is measured when the network is ready; the memory of frames is computed from the sizes of
//! the network. docs/performance.md compares the plan with measurements.

use seqformer::config::{BackboneConfig, SeqFormerConfig};
use seqformer::{Precision, padded_size};
use seqformer_masks::ImageSize;

use super::gpu::GpuMemory;
use super::read_ahead::FRAMES_AHEAD;
use crate::EngineError;

/// Frames of a whole video on the CPU: enough to keep all cores busy, few enough to need little memory.
pub(super) const AT_ONCE: usize = 5;
/// Stacks and buffers of threads, and scratch memory of products and convolutions.
const SLACK: u64 = 64 << 20;
/// Variation of the process's memory between runs.
const RUN_TO_RUN: u64 = 16 << 20;
/// Bytes of a track's run lengths in a frame, which grow with the outline; a ragged outline is assumed.
const CODE_BYTES: u64 = 1024;

/// The memory of one prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MemoryPlan {
    limit: Option<u64>,
    /// Whether the limit was requested; otherwise at least one frame is tried.
    is_firm: bool,
    /// Program, weights and buffers of fixed size.
    fixed: u64,
    /// A frame in the network.
    per_frame: u64,
    /// A frame that has gone through it.
    kept: u64,
}

/// The inputs of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs<'a> {
    pub(super) limit: Option<u64>,
    /// Memory of the process before the first frame, in bytes.
    pub(super) resident: u64,
    /// Memory of the GPU, if the network is on one; it then counts instead of the process's.
    pub(super) gpu: Option<GpuMemory>,
    pub(super) network: &'a SeqFormerConfig,
    pub(super) precision: Precision,
    pub(super) input: ImageSize,
    pub(super) output: ImageSize,
    /// Tracks whose run lengths are kept.
    pub(super) max_queries: i64,
    /// Frames whose features are kept for clips; `None` for a whole video.
    pub(super) clip_length: Option<usize>,
}

impl MemoryPlan {
    pub(super) fn new(needs: Needs<'_>) -> Self {
        let Needs { network, input, output, .. } = needs;
        let padded = padded_size(input);
        let pixels = padded.num_pixels();
        let queries = network.num_queries as u64;
        let dim = network.transformer.hidden_dim as u64;
        let layers = network.transformer.num_decoder_layers as u64;
        let mask_features = dim / 32 * pixels / 64 * 4;
        let codes = needs.max_queries.max(1) as u64 * CODE_BYTES;
        let reading = layers * queries * (dim + 9) * 4 + mask_features;
        let pictures = 3 * (pixels + output.num_pixels()) * (FRAMES_AHEAD as u64 + 2);
        let (readings, kept) = match needs.clip_length {
            Some(length) => ((length + AT_ONCE) as u64 * reading, codes),
            None => (reading, mask_features + 8 * queries * 4 + codes),
        };
        let (limit, fixed) = match needs.gpu {
            Some(GpuMemory { used, planned }) => (Some(planned), used + SLACK + readings),
            None => (needs.limit, needs.resident + SLACK + pictures + readings),
        };
        Self {
            limit,
            is_firm: needs.limit.is_some(),
            fixed,
            per_frame: frame_bytes(network, padded, needs.precision),
            kept,
        }
    }

    /// Without a limit.
    #[cfg(test)]
    pub(super) fn unlimited() -> Self {
        Self { limit: None, is_firm: false, fixed: 0, per_frame: 0, kept: 0 }
    }

    /// Frames that may go through the network together, at most `most`, after `done` frames.
    ///
    /// # Errors
    ///
    /// If not even one more frame fits, with the limit that it would need.
    pub(super) fn batch_size(&self, most: usize, done: usize) -> Result<usize, EngineError> {
        let most = most.max(1);
        let Some(limit) = self.limit else { return Ok(most) };
        let needed = |frames: usize| {
            let frames = frames as u64;
            self.fixed + (done as u64 + frames) * self.kept + frames * self.per_frame
        };
        let fits = |frames: &usize| needed(*frames) <= limit;
        if !self.is_firm {
            return Ok((1..=most).rev().find(fits).unwrap_or(1));
        }
        (1..=most).rev().find(fits).ok_or_else(|| EngineError::Memory {
            limit_mib: limit >> 20,
            // Rounded up, so that this limit is sufficient next time.
            needed_mib: (needed(1) + RUN_TO_RUN).div_ceil(1 << 20),
            fixed_mib: self.fixed >> 20,
            done,
        })
    }
}

/// Peak size of a frame's maps and tokens, including memory that allocators keep.
fn frame_bytes(network: &SeqFormerConfig, padded: ImageSize, precision: Precision) -> u64 {
    let pixels = padded.num_pixels() as f64;
    let outputs = network.backbone.map_sizes(padded);
    let values = outputs.map(|map| (map.size.height * map.size.width * map.channels) as f64);
    let finest = values[0];
    let in_blocks = match &network.backbone {
        // Input, shortcut and output of a block, and two maps of its own width.
        BackboneConfig::ResNet(resnet) => {
            let width = resnet.num_groups * resnet.width_per_group;
            finest * (3.0 + 2.0 * width as f64 / resnet.res2_out_channels as f64)
        }
        // Tokens, also in windows; queries, keys, values, attention output, and the wide layer of a block.
        BackboneConfig::Swin(swin) => (12.0 + swin.mlp_ratio) * finest,
    };
    let backbone = 3.0 * pixels + values.iter().sum::<f64>() + in_blocks;
    let transformer = &network.transformer;
    // Strides of 8, 16, 32 and 64.
    let tokens = pixels * (1.0 / 64.0 + 1.0 / 256.0 + 1.0 / 1024.0 + 1.0 / 4096.0);
    let encoder = tokens * (7 * transformer.hidden_dim + transformer.feedforward_dim) as f64;
    let bytes = match precision {
        Precision::F32 | Precision::Tf32 => 4.0,
        // Norms, sums and sampling locations stay in f32.
        Precision::Bf16 => 3.0,
    };
    (bytes * backbone.max(encoder)) as u64
}

/// Memory of the process in bytes, where the system reports it.
pub(super) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(limit: Option<u64>) -> MemoryPlan {
        MemoryPlan { limit, is_firm: true, fixed: 100 << 20, per_frame: 20 << 20, kept: 1 << 20 }
    }

    #[test]
    fn as_many_frames_go_together_as_the_limit_leaves_room_for() {
        let batch_size =
            |limit_mib: u64, done| plan(Some(limit_mib << 20)).batch_size(5, done).ok();
        assert_eq!(plan(None).batch_size(5, 1_000_000).ok(), Some(5));
        assert_eq!(batch_size(1000, 0), Some(5));
        assert_eq!(batch_size(205, 0), Some(5));
        assert_eq!(batch_size(204, 0), Some(4));
        assert_eq!(batch_size(121, 0), Some(1));
        assert_eq!(batch_size(120, 0), None);
        // Frames that are behind take room, too.
        assert_eq!(batch_size(205, 1), Some(4));
        assert_eq!(batch_size(205, 84), Some(1));
        assert_eq!(batch_size(205, 85), None);
    }

    #[test]
    fn the_figure_in_the_message_is_enough() {
        let error = plan(Some(50 << 20)).batch_size(5, 3).unwrap_err();
        let EngineError::Memory { limit_mib: 50, needed_mib, fixed_mib: 100, done: 3 } = error
        else {
            panic!("{error}")
        };
        assert_eq!(plan(Some(needed_mib << 20)).batch_size(5, 3).ok(), Some(1));
        // And little more than what is needed: 100 MiB, four frames to keep and one in the network.
        assert!((124..=124 + (RUN_TO_RUN >> 20)).contains(&needed_mib), "{needed_mib}");
    }

    #[test]
    fn one_frame_is_tried_where_nobody_asked_for_a_limit() {
        let plan = MemoryPlan { is_firm: false, ..plan(Some(205 << 20)) };
        assert_eq!(plan.batch_size(36, 0).ok(), Some(5));
        assert_eq!(plan.batch_size(36, 1000).ok(), Some(1));
    }
}
