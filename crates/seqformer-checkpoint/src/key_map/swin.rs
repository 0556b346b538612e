//! Swin Transformers as published by their authors.

use super::{BACKBONE, Fate};

/// Components of a Swin Transformer without its head.
const PARTS: [&str; 7] =
    ["patch_embed.", "layers.", "absolute_pos_embed", "norm0.", "norm1.", "norm2.", "norm3."];

/// What happens to a tensor of a Swin Transformer.
pub(super) fn fate(name: &str) -> Fate {
    let name = name.strip_prefix("backbone.").unwrap_or(name);
    if name.starts_with("head.") {
        Fate::Ignored("SeqFormer has no ImageNet classifier")
    } else if name.starts_with("norm.") {
        Fate::Ignored("the normalization before the classifier; SeqFormer has one per map")
    } else if name.ends_with(".attn_mask") {
        Fate::Ignored("masks are computed for each image size")
    } else if is_part(name) {
        Fate::Named(format!("{BACKBONE}{name}"))
    } else {
        Fate::Ignored("not part of a Swin Transformer")
    }
}

/// True for names within a Swin Transformer.
pub(super) fn is_part(name: &str) -> bool {
    PARTS.iter().any(|part| name.starts_with(part))
}
