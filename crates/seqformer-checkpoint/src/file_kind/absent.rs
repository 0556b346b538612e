//! Suggestions for a path that is not a checkpoint.

use std::path::{Path, PathBuf};

use crate::error::Reason;
use crate::pickle::shortened;

/// Extensions of weight files.
const ENDINGS: [&str; 8] = ["pth", "pt", "pkl", "safetensors", "bin", "ckpt", "pyth", "tar"];
/// Where detectron2's `detectron2://` points.
const ZOO: &str = "https://dl.fbaipublicfiles.com/detectron2/";
/// Where the backbones of `catalog://` are.
const CATALOG: &str = "https://dl.fbaipublicfiles.com/detectron/";
/// Maximum number of files of a folder that are examined.
const MAX_FILES: usize = 10_000;
const LISTED: usize = 4;

/// True for names with an extension of weight files.
pub(super) fn has_ending_of_weights(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// What to do about a path that does not exist.
pub(super) fn describe(path: &Path) -> Reason {
    if let Some(mend) = path.to_str().and_then(download) {
        return Reason::Address { mend };
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Reason::NotFound {
            hint: format!("; there is no folder {} either", folder.display()),
        };
    }
    let found = near(folder, path);
    let hint = if found.is_empty() {
        "; check the path".to_owned()
    } else {
        format!("; did you mean {}?", listed(&found))
    };
    Reason::NotFound { hint }
}

/// Describes a folder that was given instead of a file.
pub(super) fn describe_folder(path: &Path) -> Reason {
    let mut files: Vec<PathBuf> =
        files(path).into_iter().filter(|file| has_ending_of_weights(file)).collect();
    files.sort();
    let is_index = |file: &Path| {
        file.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.ends_with(".index.json"))
    };
    let mend = if let [file] = &files[..] {
        format!("name the checkpoint file inside it: {}", file.display())
    } else if !files.is_empty() {
        format!("name the checkpoint file inside it, such as {}", listed(&files))
    } else if self::files(path).iter().any(|file| is_index(file)) {
        "it holds the index of weights in several files, and none of these files; download them, and join them \
         into one"
            .to_owned()
    } else {
        "name the checkpoint file; there is none inside it".to_owned()
    };
    Reason::NotACheckpoint { found: "a folder".into(), mend: mend.into() }
}

/// How to get the file at a URL.
fn download(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_scheme {
        return None;
    }
    let from = match scheme {
        "detectron2" => format!("{ZOO}{rest}"),
        "catalog" => format!("{CATALOG}{}", catalog_file(rest)),
        "file" => return Some(format!("give the path alone: {}", shortened(rest))),
        _ => address.to_owned(),
    };
    Some(format!("download {} and give the path of the file", shortened(&from)))
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

/// Files in `folder` that `path` may refer to: names that differ in case, extension, or a letter or two.
fn near(folder: &Path, path: &Path) -> Vec<PathBuf> {
    let Some(wanted) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else {
        return Vec::new();
    };
    let stem = |name: &str| Path::new(name).file_stem().map(std::ffi::OsStr::to_owned);
    let mut found: Vec<(usize, PathBuf)> = Vec::new();
    for file in files(folder) {
        let Some(name) = file.file_name().map(|name| name.to_string_lossy().to_lowercase()) else {
            continue;
        };
        // One letter in four, and never all letters of a short name.
        let most = (wanted.chars().count() / 4).clamp(1, 3);
        let distance = distance(&wanted, &name);
        let same_stem = stem(&wanted) == stem(&name) && has_ending_of_weights(&file);
        if distance <= most || same_stem {
            let file = if folder == Path::new(".") && !path.starts_with(".") {
                file.file_name().map(PathBuf::from).unwrap_or(file)
            } else {
                file
            };
            found.push((distance, file));
        }
    }
    found.sort();
    found.into_iter().map(|(_, file)| file).collect()
}

/// The regular files in a folder; none if it cannot be read.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let paths = entries.take(MAX_FILES).filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.is_file()).collect()
}

fn listed(files: &[PathBuf]) -> String {
    let names: Vec<String> =
        files.iter().take(LISTED).map(|file| file.display().to_string()).collect();
    names.join(" or ")
}

/// Edit distance between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
