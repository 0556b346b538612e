//! Writes the frames of video files as images, because a training reads frames in any order.

use std::collections::BTreeSet;
use std::path::Path;

use seqformer_convert::Video;
use seqformer_video::{FfmpegLocation, FrameSource, write_jpeg};

use crate::InitError;

/// Writes the annotated frames of a video file into `folder`; returns their names, which begin with that of a folder of their
/// own, one of `taken` from then on.
pub(crate) fn extract(
    film: &Path,
    video: &Video,
    folder: &Path,
    taken: &mut BTreeSet<String>,
    ffmpeg: &FfmpegLocation,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<String>, InitError> {
    let name = folder_name(video, taken);
    let own = folder.join(&name);
    std::fs::create_dir_all(&own)
        .map_err(|source| InitError::Write { path: own.clone(), source })?;
    let source = FrameSource::open(film, ffmpeg)?;
    let mut names = Vec::new();
    for frame in source.frames()?.take(video.length) {
        let file = format!("{:05}.jpg", names.len());
        write_jpeg(&own.join(&file), &frame?.image)?;
        names.push(format!("{name}/{file}"));
        progress(1);
    }
    if names.len() < video.length {
        return Err(InitError::ShortFilm {
            path: film.to_path_buf(),
            video: video.place(),
            expected: video.length,
            found: names.len(),
        });
    }
    Ok(names)
}

/// Turns the name of a video into that of a folder that no other video has.
fn folder_name(video: &Video, taken: &mut BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = video.name.chars().map(plain).collect();
    let name = name.trim_start_matches('.');
    let mut free = if name.is_empty() { "video".to_owned() } else { name.to_owned() };
    if taken.contains(&free) {
        free = format!("{free}_{}", video.id);
    }
    taken.insert(free.clone());
    free
}
