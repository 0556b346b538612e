//! Where detectron2 keeps the files that its configurations name.

/// Where it keeps what it calls `detectron2://`.
const ZOO: &str = "https://dl.fbaipublicfiles.com/detectron2/";
/// Where it keeps the backbones of `catalog://`.
const CATALOG: &str = "https://dl.fbaipublicfiles.com/detectron/";

/// The address on the web of a `detectron2://` or `catalog://` file; nothing for other addresses.
///
/// Reference: detectron2 `checkpoint/catalog.py`, `model_zoo/model_zoo.py`.
pub fn zoo_address(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    match scheme {
        "detectron2" => Some(format!("{ZOO}{rest}")),
        "catalog" => Some(format!("{CATALOG}{}", catalog_file(rest))),
        _ => None,
    }
}

/// The file of an entry of detectron2's catalogue.
///
/// Reference: detectron2 `checkpoint/catalog.py`, `C2_IMAGENET_MODELS`.
fn catalog_file(entry: &str) -> String {
    let Some(name) = entry.strip_prefix("ImageNetPretrained/") else { return entry.to_owned() };
    let file = match name {
        "MSRA/R-50" => "MSRA/R-50.pkl",
        "MSRA/R-101" => "MSRA/R-101.pkl",
        "FAIR/X-101-32x8d" => "20171220/X-101-32x8d.pkl",
        "FAIR/X-101-64x4d" => "FBResNeXt/X-101-64x4d.pkl",
        "FAIR/X-152-32x8d-IN5k" => "25093814/X-152-32x8d-IN5k.pkl",
        other => other,
    };
    format!("ImageNetPretrained/{file}")
}
