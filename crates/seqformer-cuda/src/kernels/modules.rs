//! The kernels' sources, and the units in which they are compiled and loaded.

use std::path::Path;

use tch::Device;

use super::layer_checks;
use crate::nvrtc::Source;

/// Sources that are compiled together, when one of their kernels is first needed.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) source: Source,
    pub(crate) kernels: &'static [&'static str],
    /// Compares them with plain tensor operations on a device, before they are used there. Attention has a check of its
    /// own, with gradients.
    pub(crate) check: Option<Check>,
}

type Check = fn(&Path, Device) -> Result<(), String>;

macro_rules! source {
    ($name:literal) => {
        Source { name: $name, text: include_str!(concat!("../../kernels/", $name)) }
    };
}

/// What the sources include.
pub(crate) const HEADERS: [Source; 3] =
    [source!("numbers.cuh"), source!("params.h"), source!("points.cuh")];

pub(crate) static ATTENTION_FORWARD: Module = Module {
    source: source!("ms_deform_attn_forward.cu"),
    kernels: &[
        "ms_deform_attn_forward_f32_single_locations",
        "ms_deform_attn_forward_f32_single_offsets",
        "ms_deform_attn_forward_f32_wide_locations",
        "ms_deform_attn_forward_f32_wide_offsets",
        "ms_deform_attn_forward_bf16_single_locations",
        "ms_deform_attn_forward_bf16_single_offsets",
        "ms_deform_attn_forward_bf16_wide_locations",
        "ms_deform_attn_forward_bf16_wide_offsets",
    ],
    check: None,
};

pub(crate) static ATTENTION_BACKWARD: Module = Module {
    source: source!("ms_deform_attn_backward.cu"),
    kernels: &[
        "ms_deform_attn_backward_f32_single_locations",
        "ms_deform_attn_backward_f32_single_offsets",
        "ms_deform_attn_backward_f32_wide_locations",
        "ms_deform_attn_backward_f32_wide_offsets",
        "ms_deform_attn_backward_bf16_single_locations",
        "ms_deform_attn_backward_bf16_single_offsets",
        "ms_deform_attn_backward_bf16_wide_locations",
        "ms_deform_attn_backward_bf16_wide_offsets",
    ],
    check: None,
};

pub(crate) static DYNAMIC_MASKS: Module = Module {
    source: source!("dynamic_masks.cu"),
    kernels: &["dynamic_masks_f32", "dynamic_masks_bf16"],
    check: None,
};

pub(crate) static PACK_MASKS: Module =
    Module { source: source!("pack_masks.cu"), kernels: &["pack_masks"], check: None };

pub(crate) static NORMALIZE_FRAMES: Module = Module {
    source: source!("normalize_frames.cu"),
    kernels: &["normalize_frames_f32", "normalize_frames_bf16"],
    check: None,
};

pub(crate) static CONV_EPILOGUE: Module = Module {
    source: source!("conv_epilogue.cu"),
    kernels: &[
        "conv_epilogue_f32_single",
        "conv_epilogue_f32_wide",
        "conv_epilogue_bf16_single",
        "conv_epilogue_bf16_wide",
    ],
    check: Some(layer_checks::conv_epilogue),
};

pub(crate) static ADD_NORM: Module = Module {
    source: source!("add_norm.cu"),
    kernels: &["add_norm_f32", "add_norm_bf16"],
    check: Some(layer_checks::add_norm),
};
