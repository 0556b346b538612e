//! Backbones by name.

use seqformer_config::config::{BackboneName, ModelSection};

use crate::args::BackboneChoice;

/// The `KEY VALUE` pairs that select the backbone.
pub(super) fn pairs(choice: BackboneChoice) -> Vec<String> {
    let resnet = |depth: &str, groups: &str, width: &str, res2: &str| {
        vec![
            ("MODEL.BACKBONE.NAME", "build_resnet_backbone".to_owned()),
            ("MODEL.RESNETS.DEPTH", depth.to_owned()),
            ("MODEL.RESNETS.NUM_GROUPS", groups.to_owned()),
            ("MODEL.RESNETS.WIDTH_PER_GROUP", width.to_owned()),
            ("MODEL.RESNETS.RES2_OUT_CHANNELS", res2.to_owned()),
            ("MODEL.RESNETS.STRIDE_IN_1X1", "False".to_owned()),
        ]
    };
    let swin = |embed_dim: &str, depths: &str, num_heads: &str, window: &str, side: &str| {
        vec![
            ("MODEL.BACKBONE.NAME", "D2SwinTransformer".to_owned()),
            ("MODEL.SWIN.EMBED_DIM", embed_dim.to_owned()),
            ("MODEL.SWIN.DEPTHS", depths.to_owned()),
            ("MODEL.SWIN.NUM_HEADS", num_heads.to_owned()),
            ("MODEL.SWIN.WINDOW_SIZE", window.to_owned()),
            ("MODEL.SWIN.PRETRAIN_IMG_SIZE", side.to_owned()),
        ]
    };
    let pairs = match choice {
        BackboneChoice::R18 => resnet("18", "1", "64", "64"),
        BackboneChoice::R34 => resnet("34", "1", "64", "64"),
        BackboneChoice::R50 => resnet("50", "1", "64", "256"),
        BackboneChoice::R101 => resnet("101", "1", "64", "256"),
        BackboneChoice::R152 => resnet("152", "1", "64", "256"),
        BackboneChoice::X101 => resnet("101", "32", "8", "256"),
        BackboneChoice::SwinT => swin("96", "[2, 2, 6, 2]", "[3, 6, 12, 24]", "7", "224"),
        BackboneChoice::SwinS => swin("96", "[2, 2, 18, 2]", "[3, 6, 12, 24]", "7", "224"),
        BackboneChoice::SwinB => swin("128", "[2, 2, 18, 2]", "[4, 8, 16, 32]", "12", "384"),
        BackboneChoice::SwinL => swin("192", "[2, 2, 18, 2]", "[6, 12, 24, 48]", "12", "384"),
    };
    pairs.into_iter().flat_map(|(key, value)| [key.to_owned(), value]).collect()
}

/// The name of the backbone in papers.
pub(super) fn backbone_name(model: &ModelSection) -> String {
    let resnets = &model.resnets;
    let (depth, groups, width) = (resnets.depth, resnets.num_groups, resnets.width_per_group);
    match model.backbone.name {
        BackboneName::ResNet if groups > 1 => format!("ResNeXt-{depth} {groups}x{width}d"),
        BackboneName::ResNet => format!("ResNet-{depth}"),
        BackboneName::Swin => {
            let swin = &model.swin;
            format!("Swin of {} channels, depths {:?}", swin.embed_dim, swin.depths)
        }
    }
}
