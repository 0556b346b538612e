//! torchvision's ResNet and ResNeXt names, in both directions.
//!
//! Source: detectron2 `tools/convert-torchvision-to-d2.py`.

use super::{BACKBONE, Fate};

/// What happens to a tensor of a torchvision file.
pub(super) fn fate(name: &str) -> Fate {
    let name = name.strip_prefix("backbone.").unwrap_or(name);
    if name.starts_with("fc.") {
        return Fate::Ignored("SeqFormer has no ImageNet classifier");
    }
    match to_detectron2(name) {
        Some(name) => Fate::Named(format!("{BACKBONE}{name}")),
        None => Fate::Ignored("not part of a ResNet"),
    }
}

/// `layer1.0.bn2.weight` → `res2.0.conv2.norm.weight`
pub(super) fn to_detectron2(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    Some(match *parts.as_slice() {
        ["conv1", part] => format!("stem.conv1.{part}"),
        ["bn1", part] => format!("stem.conv1.norm.{part}"),
        [stage, block, ref layer @ .., part] => {
            let stage: u32 = stage.strip_prefix("layer")?.parse().ok()?;
            let block: u32 = block.parse().ok()?;
            let layer = match *layer {
                ["downsample", "0"] => "shortcut".to_owned(),
                ["downsample", "1"] => "shortcut.norm".to_owned(),
                [layer] => match layer.strip_prefix("bn") {
                    Some(number) => format!("conv{number}.norm"),
                    None => layer.strip_prefix("conv").map(|number| format!("conv{number}"))?,
                },
                _ => return None,
            };
            format!("res{}.{block}.{layer}.{part}", stage.checked_add(1)?)
        }
        _ => return None,
    })
}

/// `res2.0.conv2.norm.weight` → `layer1.0.bn2.weight`
pub(super) fn from_detectron2(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    Some(match *parts.as_slice() {
        ["stem", "conv1", part] => format!("conv1.{part}"),
        ["stem", "conv1", "norm", part] => format!("bn1.{part}"),
        [stage, block, layer, ref norm @ .., part] => {
            let stage: u32 = stage.strip_prefix("res")?.parse().ok()?;
            let layer = match (layer, norm) {
                ("shortcut", []) => "downsample.0".to_owned(),
                ("shortcut", ["norm"]) => "downsample.1".to_owned(),
                (layer, []) => layer.to_owned(),
                (layer, ["norm"]) => layer.replacen("conv", "bn", 1),
                _ => return None,
            };
            format!("layer{}.{block}.{layer}.{part}", stage.checked_sub(1)?)
        }
        _ => return None,
    })
}
