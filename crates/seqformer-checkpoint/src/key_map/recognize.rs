//! Recognizes which program's names a checkpoint has.

use std::fmt;

use crate::StateDict;

/// Prefixes of the backbone in files of detectron2: alone, in a detector, in a detector with a feature pyramid.
pub(super) const DETECTRON2_PREFIXES: [&str; 3] = ["", "backbone.", "backbone.bottom_up."];

/// The programs whose names are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// SeqFormer in the VNext repository; the names of this program.
    VNext,
    /// IDOL in the VNext repository: the same names, without the layers of box queries.
    Idol,
    /// The original SeqFormer repository.
    Original,
    /// Deformable DETR.
    DeformableDetr,
    /// A detectron2 backbone, often converted from torchvision.
    Detectron2,
    /// A backbone of Detectron 1 and Caffe2, such as `MSRA/R-50.pkl`.
    Caffe2,
    /// A torchvision ResNet or ResNeXt.
    Torchvision,
    /// A Swin Transformer trained on ImageNet.
    Swin,
    /// None of these.
    Unknown,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VNext => "SeqFormer (VNext)",
            Self::Idol => "IDOL (VNext)",
            Self::Original => "SeqFormer (original repository)",
            Self::DeformableDetr => "Deformable DETR",
            Self::Detectron2 => "detectron2 backbone",
            Self::Caffe2 => "Caffe2 backbone (MSRA, FAIR)",
            Self::Torchvision => "torchvision backbone",
            Self::Swin => "Swin Transformer backbone",
            Self::Unknown => "unknown",
        })
    }
}

impl Dialect {
    /// True for files that contain only a backbone of a SeqFormer.
    pub fn is_backbone(self) -> bool {
        matches!(self, Self::Detectron2 | Self::Caffe2 | Self::Torchvision | Self::Swin)
    }
}

/// Recognizes the program by the tensor names.
pub fn recognize(state: &StateDict) -> Dialect {
    let starts = |prefix: &str| {
        let first = state.arrays.range(prefix.to_owned()..).next();
        first.is_some_and(|(name, _)| name.starts_with(prefix))
    };
    let any = |part: &str| state.arrays.keys().any(|name| name.contains(part));
    if starts("detr.detr.") {
        let is_decoder = any("transformer.decoder.layers.");
        return if is_decoder && !any(".norm1_box.") { Dialect::Idol } else { Dialect::VNext };
    }
    if starts("detr.transformer.") || starts("detr.backbone.0.body.") {
        return Dialect::Original;
    }
    if starts("transformer.encoder.layers.") && any(".sampling_offsets.") {
        return Dialect::DeformableDetr;
    }
    if ["", "backbone."].iter().any(|prefix| {
        starts(&format!("{prefix}patch_embed.")) && starts(&format!("{prefix}layers.0.blocks.0."))
    }) {
        return Dialect::Swin;
    }
    if starts("layer1.0.conv1.") || starts("backbone.layer1.0.conv1.") {
        return Dialect::Torchvision;
    }
    if starts("res2_0_branch2a_") || starts("res2.0.branch2a.") {
        return Dialect::Caffe2;
    }
    let is_detectron2 =
        DETECTRON2_PREFIXES.iter().any(|prefix| starts(&format!("{prefix}res2.0.conv1.")));
    if is_detectron2 { Dialect::Detectron2 } else { Dialect::Unknown }
}
