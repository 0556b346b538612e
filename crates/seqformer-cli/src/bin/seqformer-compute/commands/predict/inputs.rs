//! The inputs of a run, each opened independently before the work.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, anyhow};
use seqformer_video::{FfmpegLocation, FrameSource};

/// Endings of files with weights, which are easily given as an input by mistake.
const WEIGHTS: [&str; 5] = ["pth", "pt", "pkl", "ckpt", "safetensors"];
/// The usual endings of video files.
const VIDEOS: [&str; 6] = ["mp4", "mov", "mkv", "avi", "webm", "m4v"];

/// One input and the names of its results.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) source: FrameSource,
    /// The video's name in results.
    pub(crate) name: String,
    /// Prefix of the names of its own files: the video's name, unless that is taken.
    pub(crate) stem: String,
}

/// An input as it was typed, and the result of opening it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) typed: String,
    pub(super) name: String,
    pub(super) source: Result<FrameSource>,
}

/// Opens all inputs. Each gets a unique name, whether it can be opened or not.
pub(super) fn open_all(paths: &[String], ffmpeg: &FfmpegLocation) -> Vec<Opened> {
    let mut names = BTreeSet::new();
    let open = |typed: &String| {
        let source = open(typed, ffmpeg);
        let plain = match &source {
            Ok(source) => source.name(),
            Err(_) => Path::new(typed)
                .file_stem()
                .map_or_else(|| "video".to_owned(), |stem| stem.to_string_lossy().into_owned()),
        };
        let numbered = (2..).map(|number| format!("{plain}_{number}"));
        let mut candidates = std::iter::once(plain.clone()).chain(numbered);
        let name = candidates.find(|name| !names.contains(name)).unwrap_or(plain);
        names.insert(name.clone());
        Opened { typed: typed.clone(), name, source }
    };
    paths.iter().map(open).collect()
}

fn open(typed: &str, ffmpeg: &FfmpegLocation) -> Result<FrameSource> {
    let path = Path::new(typed);
    if typed != "-" && !path.exists() && path.symlink_metadata().is_err() {
        return Err(anyhow!("{}", missing(typed)));
    }
    if extension(path).is_some_and(|found| WEIGHTS.contains(&found.as_str())) && path.is_file() {
        return Err(anyhow!(
            "{typed}: expected a folder of images, a video file or a GIF, found a file with weights; give it as --weights {typed}"
        ));
    }
    let source = FrameSource::open(path, ffmpeg).map_err(|error| match ending_of_videos(path) {
        Some(ending) => anyhow!(
            "{error}; to process the videos in a folder, give the files: {}/*.{ending}",
            typed.trim_end_matches('/')
        ),
        None => error.into(),
    })?;
    for note in source.notes() {
        tracing::warn!("{note}");
    }
    Ok(source)
}

/// The ending of the first video in a folder.
fn ending_of_videos(folder: &Path) -> Option<String> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).ok()?.flatten().map(|file| file.path()).collect();
    files.sort();
    let endings = files.iter().filter_map(|file| file.extension()?.to_str());
    let mut videos =
        endings.filter(|ending| VIDEOS.iter().any(|known| known.eq_ignore_ascii_case(ending)));
    videos.next().map(str::to_owned)
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// The message for an input that is not a file, such as patterns and URLs, which other programs
/// accept.
fn missing(typed: &str) -> String {
    let expected = "expected a folder of images, a video file or a GIF";
    if let Some((scheme, _)) = typed.split_once("://") {
        return format!(
            "{typed}: {expected}, found an address ({scheme}); save the video as a file first, or pipe it: ffmpeg -i \
             {typed} -f image2pipe -c:v ppm -pix_fmt rgb24 - | seqformer predict … -"
        );
    }
    if !typed.is_empty() && typed.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!(
            "{typed}: {expected}, found a number, and no file of this name; a camera can be piped: ffmpeg \
             -i CAMERA -f image2pipe -c:v ppm -pix_fmt rgb24 - | seqformer predict … -"
        );
    }
    let folder = |path: &str| match Path::new(path).parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.display().to_string(),
        _ => ".".to_owned(),
    };
    if is_number_pattern(typed) {
        let folder = folder(typed);
        return format!(
            "{typed}: {expected}, found a pattern of numbers; give the folder, {folder}: its images are read in the \
             order of their numbers"
        );
    }
    if typed.contains(['*', '?', '[']) {
        let folder = folder(typed);
        return format!(
            "{typed}: {expected}, found a pattern that no file matches; give a folder of images (such as {folder}), or \
             let the shell expand the pattern by leaving out the quotes"
        );
    }
    format!("{typed}: {expected}, found nothing: there is no such file or folder; check the name")
}

/// `%d` or `%05d`, as ffmpeg and OpenCV name sequences.
fn is_number_pattern(typed: &str) -> bool {
    typed.split('%').skip(1).any(|rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = rest.strip_prefix(['d', 'i', 'u']);
        after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests;
