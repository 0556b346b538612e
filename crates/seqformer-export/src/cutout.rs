//! Objects cut out of their video: PNGs on transparent ground, or films on white ground.

use std::fs::File;
use std::io::BufWriter;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use seqformer_convert::Track;
use seqformer_data::RgbImage;
use seqformer_masks::Rle;
use seqformer_video::{FrameSink, VideoError};

use crate::ExportError;
use crate::found::{Export, FoundVideo, Tools};

/// Films that are written at once, each by a process of ffmpeg.
const FILMS_AT_ONCE: usize = 4;
const WHITE: u8 = 255;

/// Fills a folder for each object with PNGs of the size of the video, from the first to the last frame on which it is
/// seen; their names are the numbers of the frames.
pub(crate) fn pictures(
    export: &Export,
    found: &FoundVideo,
    folder: &Path,
    tools: &Tools<'_>,
) -> Result<(), ExportError> {
    let seen = |track: &Track| {
        let frames = track.shapes.frames().enumerate();
        let mut frames = frames.filter_map(|(frame, shape)| shape.map(|_| frame));
        let first = frames.next()?;
        Some(first..=frames.last().unwrap_or(first))
    };
    let mut objects = Vec::new();
    for track in &found.video.tracks {
        let Some(seen) = seen(track) else { continue };
        let folder = folder.join(export.object_name(track));
        std::fs::create_dir_all(&folder).map_err(|source| ExportError::write(&folder, source))?;
        objects.push((folder, seen));
    }
    let tracks: Vec<&Track> =
        found.video.tracks.iter().filter(|track| seen(track).is_some()).collect();
    for_each_frame(found, &tracks, tools, |frame, image, masks| {
        let write = |((folder, seen), mask): (&(PathBuf, RangeInclusive<usize>), &Option<Rle>)| {
            if !seen.contains(&frame) {
                return Ok(());
            }
            let path = folder.join(format!("{frame:05}.png"));
            write_png(&path, image, mask.as_ref())
                .map_err(|source| ExportError::write(&path, source))
        };
        objects.par_iter().zip(masks).try_for_each(write)
    })
}

/// Fills a folder with a film for each object, as long as the video.
pub(crate) fn films(
    export: &Export,
    found: &FoundVideo,
    folder: &Path,
    tools: &Tools<'_>,
) -> Result<(), ExportError> {
    let tracks: Vec<&Track> = found.video.tracks.iter().collect();
    for tracks in tracks.chunks(FILMS_AT_ONCE) {
        let mut films = Vec::new();
        for track in tracks {
            let path = folder.join(format!("{}.mp4", export.object_name(track)));
            let nothing = || VideoError::NothingToWrite { path: path.clone() };
            let format = found.film_format().ok_or_else(nothing)?;
            films.push(FrameSink::film(&path, format, tools.ffmpeg)?);
        }
        for_each_frame(found, tracks, tools, |_, image, masks| {
            for (film, mask) in films.iter_mut().zip(masks) {
                film.write(&on_white(image, mask.as_ref()))?;
            }
            Ok(())
        })?;
        for film in films {
            film.finish()?;
        }
    }
    Ok(())
}

/// Reads the video, and visits every frame with its number and the masks of the tracks.
fn for_each_frame(
    found: &FoundVideo,
    tracks: &[&Track],
    tools: &Tools<'_>,
    mut visit: impl FnMut(usize, &RgbImage, &[Option<Rle>]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let video = &found.video;
    let source = found.source.as_ref().filter(|source| source.can_restart()).ok_or_else(|| {
        let found = match &found.source {
            Some(_) => "a pipe, which cannot be read again".to_owned(),
            None => "none".to_owned(),
        };
        ExportError::NoFrames { place: video.place(), found }
    })?;
    let other = |expected: String, found: String| ExportError::OtherVideo {
        place: video.place(),
        expected,
        found,
        path: source.path().to_path_buf(),
    };
    let mut walks: Vec<_> = tracks.iter().map(|track| track.shapes.frames()).collect();
    let mut num_frames = 0;
    for frame in source.frames()? {
        tools.check_stop()?;
        let image = frame?.image;
        if num_frames == video.length {
            return Err(other(format!("{num_frames} frames"), "more".to_owned()));
        }
        if image.size != video.size {
            let size =
                |size: seqformer_masks::ImageSize| format!("{}x{} pixels", size.width, size.height);
            return Err(other(size(video.size), size(image.size)));
        }
        let masks: Vec<Option<Rle>> = walks
            .iter_mut()
            .map(|shapes| shapes.next().flatten().and_then(|shape| shape.draw(video.size)))
            .collect();
        visit(num_frames, &image, &masks)?;
        num_frames += 1;
    }
    if num_frames < video.length {
        return Err(other(format!("{} frames", video.length), num_frames.to_string()));
    }
    Ok(())
}

/// Writes the pixels of the mask; all others are transparent.
fn write_png(path: &Path, image: &RgbImage, mask: Option<&Rle>) -> std::io::Result<()> {
    let mut pixels = vec![0; 4 * image.size.num_pixels() as usize];
    if let Some(mask) = mask {
        let mask = mask.decode();
        let all = pixels.chunks_exact_mut(4).zip(image.pixels.chunks_exact(3)).zip(mask.as_bytes());
        for ((to, from), _) in all.filter(|(_, is_set)| **is_set != 0) {
            to.copy_from_slice(&[from[0], from[1], from[2], u8::MAX]);
        }
    }
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, image.size.width, image.size.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    Ok(writer.finish()?)
}

/// The pixels of the mask; all others are white.
fn on_white(image: &RgbImage, mask: Option<&Rle>) -> RgbImage {
    let mut pixels = vec![WHITE; image.pixels.len()];
    if let Some(mask) = mask {
        let mask = mask.decode();
        let all = pixels.chunks_exact_mut(3).zip(image.pixels.chunks_exact(3)).zip(mask.as_bytes());
        for ((to, from), _) in all.filter(|(_, is_set)| **is_set != 0) {
            to.copy_from_slice(from);
        }
    }
    RgbImage { size: image.size, pixels }
}
