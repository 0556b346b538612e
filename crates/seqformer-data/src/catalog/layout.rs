//! Alternative locations of the files of a built-in dataset.
//!
//! The datasets' archives unpack to other folders than the reference expects, and other programs expect yet others.

use std::path::{Path, PathBuf};

use super::DatasetSource;

/// Alternative names of a dataset's folder.
const FOLDERS: [(&str, &[&str]); 5] = [
    ("ytvis_2019", &["youtube_vis_2019", "ytvis2019", "ytvis19", "ytvis"]),
    ("ytvis_2021", &["youtube_vis_2021", "ytvis2021", "ytvis21"]),
    ("ytvis_2022", &["youtube_vis_2022", "ytvis2022", "ytvis22"]),
    ("ovis", &["OVIS"]),
    ("coco", &["COCO", "coco2017"]),
];

/// Annotation files of a split, relative to the folder of the dataset.
const JSONS: [&str; 9] = [
    "annotations/instances_{split}_sub.json",
    "annotations/instances_{split}.json",
    "annotations/{split}.json",
    "annotations/{folder}_{split}.json",
    "annotations/annotations_{split}.json",
    "annotations_{split}.json",
    "instances_{split}.json",
    "{split}.json",
    "{split}/instances.json",
];

/// Image folders of a split.
const IMAGE_ROOTS: [&str; 5] = [
    "{split}/JPEGImages",
    "{split}_all_frames/JPEGImages",
    "{split}",
    "images/{split}",
    "JPEGImages",
];

/// Replaces the paths of `source`, which are under `root`, with those of existing files; paths without an existing
/// alternative stay.
pub(super) fn locate(root: &Path, source: &mut DatasetSource) {
    if source.json.is_file() && source.image_root.is_dir() {
        return;
    }
    let Some(folder) = source.image_root.strip_prefix(root).ok().and_then(first_part) else {
        return;
    };
    let others =
        FOLDERS.iter().find(|(known, _)| *known == folder).map_or(&[][..], |(_, others)| others);
    for candidate in std::iter::once(folder.as_str()).chain(others.iter().copied()) {
        if let Some((json, image_root)) = find(root, candidate, &folder, source) {
            tracing::warn!(
                "dataset {}: using {} and {}",
                source.name,
                json.display(),
                image_root.display()
            );
            (source.json, source.image_root) = (json, image_root);
            return;
        }
    }
}

/// Searches for both in `folder`, an alternative to the dataset's folder `own`.
fn find(
    root: &Path,
    folder: &str,
    own: &str,
    source: &DatasetSource,
) -> Option<(PathBuf, PathBuf)> {
    let moved = |path: &Path| Some(root.join(folder).join(path.strip_prefix(root.join(own)).ok()?));
    let splits = splits(&source.name);
    let fill = |pattern: &str| -> Vec<PathBuf> {
        let name = |split: &&str| pattern.replace("{split}", split).replace("{folder}", folder);
        splits.iter().map(|split| root.join(folder).join(name(split))).collect()
    };
    let jsons = moved(&source.json).into_iter().chain(JSONS.iter().flat_map(|name| fill(name)));
    let image_roots =
        moved(&source.image_root).into_iter().chain(IMAGE_ROOTS.iter().flat_map(|name| fill(name)));
    let json = jsons.into_iter().find(|path| path.is_file())?;
    let image_root = image_roots.into_iter().find(|path| path.is_dir())?;
    Some((json, image_root))
}

/// The names of a dataset's split; empty for parts of a split, whose files have no other name.
fn splits(name: &str) -> &'static [&'static str] {
    match name.rsplit('_').next() {
        Some("train") if name.starts_with("coco_2017") => &["train2017"],
        Some("val") if name.starts_with("coco_2017") => &["val2017"],
        Some("train") if name.starts_with("ytvis") => &["train"],
        Some("val" | "full") => &["val", "valid"],
        Some("test") if name.starts_with("ytvis") => &["test"],
        _ => &[],
    }
}

fn first_part(path: &Path) -> Option<String> {
    Some(path.components().next()?.as_os_str().to_str()?.to_owned())
}
