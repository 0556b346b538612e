//! The models that others have published, and how their files are recognised.
//!
//! Sources: README of <https://github.com/wjf5203/SeqFormer> (commit 9427238), "Model zoo", with its `configs/*.sh` and
//! `models/seqformer.py`; `projects/SeqFormer/SeqFormer.md` of <https://github.com/wjf5203/VNext> (commit db33833).
//! **Nothing of it was verified here**: the numbers are those that the authors report, and no file behind these addresses has
//! been loaded. What is tested is that the tensors which the code of these repositories makes are recognised.

use seqformer_checkpoint::key_map::Dialect;

use crate::{Architecture, Outline};

/// Rows of the class head in the original repository for YouTube-VIS 2019.
const YTVIS_ROWS: usize = 42;
/// Rows there for COCO.
const COCO_ROWS: usize = 91;
/// Rows in VNext for YouTube-VIS 2019.
const VNEXT_ROWS: usize = 40;

/// A published model, or one that a published program trains.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// A name for it here.
    pub id: &'static str,
    /// Whose names its tensors have.
    pub dialect: Dialect,
    /// Its image network, as [`crate::Backbone`] is shown.
    pub backbone: &'static str,
    /// Rows of its class head.
    pub class_rows: usize,
    /// What it was trained on.
    pub training: &'static str,
    /// What its authors report for YouTube-VIS 2019, if they do.
    pub reported: Option<Reported>,
    /// Where its authors keep it: a page with a button to download it; nothing if it was not published.
    pub page: Option<&'static str>,
    /// The recipe of its network here.
    pub config: &'static str,
}

/// Numbers on the validation videos of YouTube-VIS 2019, in per cent, as the authors report them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reported {
    /// AP over IoU 0.5 to 0.95.
    pub ap: f64,
    /// AP at IoU 0.5.
    pub ap50: f64,
    /// AP at IoU 0.75.
    pub ap75: f64,
    /// AR with one result a video.
    pub ar1: f64,
    /// AR with ten results a video.
    pub ar10: f64,
}

const fn reported([ap, ap50, ap75, ar1, ar10]: [f64; 5]) -> Reported {
    Reported { ap, ap50, ap75, ar1, ar10 }
}

const JOINT: &str = "YouTube-VIS 2019 and COCO, from weights of COCO images";
const IMAGES: &str = "COCO images, to start a training from";
const VIDEOS: &str = "YouTube-VIS 2019";

/// A model of the original repository.
const fn original(
    id: &'static str,
    backbone: &'static str,
    (class_rows, training): (usize, &'static str),
    reported: Option<Reported>,
    (page, config): (&'static str, &'static str),
) -> Published {
    let (dialect, page) = (Dialect::Original, Some(page));
    Published { id, dialect, backbone, class_rows, training, reported, page, config }
}

/// What VNext trains; its table of results is empty, and it publishes no weights.
const fn vnext(id: &'static str, backbone: &'static str, config: &'static str) -> Published {
    Published {
        id,
        dialect: Dialect::VNext,
        backbone,
        class_rows: VNEXT_ROWS,
        training: VIDEOS,
        reported: None,
        page: None,
        config,
    }
}

const R50: &str = "ResNet-50";
const R101: &str = "ResNet-101";
const X101: &str = "ResNeXt-101 32x8d";
const SWIN_L: &str = "Swin-L, windows of 12";

/// All of them.
pub const PUBLISHED: [Published; 12] = [
    original(
        "seqformer-ablation",
        R50,
        (YTVIS_ROWS, "YouTube-VIS 2019, from weights of COCO images"),
        Some(reported([45.1, 66.9, 50.5, 45.6, 54.6])),
        (
            "https://drive.google.com/file/d/1fI8_1h_UDaZiwOupCOa4_tRPWa49uzDr/view",
            "configs/ytvis_2019/r50_ablation.yaml",
        ),
    ),
    original(
        "seqformer-r50",
        R50,
        (YTVIS_ROWS, JOINT),
        Some(reported([47.4, 69.8, 51.8, 45.5, 54.8])),
        (
            "https://drive.google.com/file/d/1ecKUrt9vNZscI4gaGCrvjRLu6rDM9wNX/view",
            "configs/joint/ytvis_2019/r50.yaml",
        ),
    ),
    original(
        "seqformer-r101",
        R101,
        (YTVIS_ROWS, JOINT),
        Some(reported([49.0, 71.1, 55.7, 46.8, 56.9])),
        (
            "https://drive.google.com/file/d/1bUaMVz5zITzKzqnQC8aM9Ul0KrQ6sKgn/view",
            "configs/joint/ytvis_2019/r101.yaml",
        ),
    ),
    original(
        "seqformer-x101",
        X101,
        (YTVIS_ROWS, JOINT),
        Some(reported([51.2, 75.3, 58.0, 46.5, 57.3])),
        (
            "https://drive.google.com/file/d/1cB9cleZWmiited6JEYVZ9P9PyfyAzy_m/view",
            "configs/joint/ytvis_2019/x101_32x8d.yaml",
        ),
    ),
    original(
        "seqformer-swin-l",
        SWIN_L,
        (YTVIS_ROWS, JOINT),
        Some(reported([59.3, 82.1, 66.4, 51.7, 64.4])),
        (
            "https://drive.google.com/file/d/1lENhEaMVhP9DylTcQFElPMVQOfKqmo0a/view",
            "configs/joint/ytvis_2019/swin_l.yaml",
        ),
    ),
    original(
        "seqformer-r50-coco",
        R50,
        (COCO_ROWS, IMAGES),
        None,
        (
            "https://drive.google.com/file/d/1aWCeak2DY5arbUzYzbsAgrUfFnVkI8qi/view",
            "configs/coco/r50.yaml",
        ),
    ),
    original(
        "seqformer-r101-coco",
        R101,
        (COCO_ROWS, IMAGES),
        None,
        (
            "https://drive.google.com/file/d/1dxPfPQiTFoN-hfyGvVxpmF2cwFYjeJgI/view",
            "configs/coco/r101.yaml",
        ),
    ),
    original(
        "seqformer-x101-coco",
        X101,
        (COCO_ROWS, IMAGES),
        None,
        (
            "https://drive.google.com/file/d/1F4Y6tGgbnK-gMG05EBlUzKDDuoX0xsw1/view",
            "configs/coco/x101_32x8d.yaml",
        ),
    ),
    original(
        "seqformer-swin-l-coco",
        SWIN_L,
        (COCO_ROWS, IMAGES),
        None,
        (
            "https://drive.google.com/file/d/19A4mgRqq6b-TTFN_ntYLQ3dQcaHYOD_p/view",
            "configs/coco/swin_l.yaml",
        ),
    ),
    vnext("vnext-r50", R50, "configs/ytvis_2019/r50.yaml"),
    vnext("vnext-r101", R101, "configs/ytvis_2019/r101.yaml"),
    vnext("vnext-swin-l", SWIN_L, "configs/ytvis_2019/swin_l.yaml"),
];

/// The published models that a file may be, by its names and shapes: those that differ in their training alone cannot be
/// told apart. Nothing for other networks.
pub fn recognise(outline: &Outline) -> Vec<&'static Published> {
    let Ok(found) = Architecture::from_tensors(outline) else { return Vec::new() };
    let is_full_size = found.hidden_dim == 256
        && found.num_queries == 300
        && (found.num_encoder_layers, found.num_decoder_layers) == (6, 6);
    let backbone = found.backbone.to_string();
    let is_it = |published: &&Published| {
        is_full_size
            && published.dialect == outline.dialect
            && published.class_rows == found.class_rows
            && published.backbone == backbone
    };
    PUBLISHED.iter().filter(is_it).collect()
}

/// The published model of this name.
pub fn published(id: &str) -> Option<&'static Published> {
    PUBLISHED.iter().find(|published| published.id == id)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use seqformer_checkpoint::key_map::vnext_name;

    use super::*;
    use crate::Backbone;

    /// A network of `published`, by the code of its repository.
    fn network(published: &Published) -> Architecture {
        let backbone = match published.backbone {
            SWIN_L => Backbone::Swin {
                embed_dim: 192,
                depths: [2, 2, 18, 2],
                num_heads: [6, 12, 24, 48],
                window_size: 12,
                mlp_dim: 768,
                qkv_bias: true,
                patch_norm: true,
                position_image_size: None,
            },
            resnet => Backbone::ResNet {
                depth: if resnet == R50 { 50 } else { 101 },
                num_groups: if resnet == X101 { 32 } else { 1 },
                width_per_group: if resnet == X101 { 8 } else { 64 },
                stem_out_channels: 64,
                res2_out_channels: 256,
            },
        };
        Architecture {
            backbone,
            hidden_dim: 256,
            num_heads: 8,
            num_levels: 4,
            num_encoder_points: 4,
            num_decoder_points: 4,
            num_encoder_layers: 6,
            num_decoder_layers: 6,
            feedforward_dim: 1024,
            num_queries: 300,
            class_rows: published.class_rows,
            num_classes: published.class_rows,
        }
    }

    #[test]
    fn each_is_recognised_and_only_its_training_is_left_open() {
        for published in &PUBLISHED {
            let shapes = network(published).shapes();
            let outline = Outline { dialect: published.dialect, shapes };
            let found: Vec<&str> = recognise(&outline).iter().map(|found| found.id).collect();
            let both = ["seqformer-ablation", "seqformer-r50"];
            if both.contains(&published.id) {
                assert_eq!(found, both);
            } else {
                assert_eq!(found, [published.id]);
            }
            let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(published.config);
            assert!(recipe.is_file(), "{}", published.config);
            assert_eq!(super::published(published.id), Some(published));
        }
    }

    #[test]
    fn other_networks_are_none_of_them() {
        let small = Architecture { num_queries: 20, ..network(&PUBLISHED[1]) };
        let outline = Outline { dialect: Dialect::Original, shapes: small.shapes() };
        assert!(recognise(&outline).is_empty());
        assert!(
            recognise(&Outline { dialect: Dialect::Torchvision, shapes: small.shapes() })
                .is_empty()
        );
        // Names of the original are in the table under those of VNext.
        let name = vnext_name(Dialect::Original, "detr.class_embed.0.bias");
        assert!(small.shapes().contains_key(&name.unwrap()));
    }
}
