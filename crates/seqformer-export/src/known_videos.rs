//! What is known of videos before their results are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seqformer_annotations::YtvisFile;
use seqformer_convert::of_video;
use seqformer_masks::ImageSize;
use seqformer_video::FrameSource;

use crate::ExportError;
use crate::context::Context;

/// What is known of a video before its results are read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) size: Option<ImageSize>,
    pub(crate) length: Option<usize>,
    pub(crate) file_names: Option<Vec<String>>,
    pub(crate) source: Option<FrameSource>,
}

impl Known {
    /// A video of which only the number is known.
    pub(crate) fn by_number(id: i64) -> Self {
        let name = of_video(None, id);
        Self { name, size: None, length: None, file_names: None, source: None }
    }
}

/// Names that no other video has.
#[derive(Debug, Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn take(&mut self, name: String) -> String {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        candidates.find(|name| self.0.insert(name.clone())).unwrap_or(name)
    }
}

/// Collects what is known of the videos, by their ids.
pub(crate) fn known_videos(context: &Context<'_>) -> Result<BTreeMap<i64, Known>, ExportError> {
    let mut names = Names::default();
    if let Some(file) = context.annotations {
        return Ok(annotated(file, context.request.images.as_deref(), &mut names));
    }
    let Context { request, kind, tools, beside, .. } = context;
    let mut known = BTreeMap::new();
    for (&id, video) in &beside.videos {
        // A folder is listed for the names of its images; a film is opened where its frames or times are needed.
        let is_wanted = kind.needs_frames() || kind.is_film() || video.input.is_dir();
        let is_there = is_wanted && request.videos.is_empty() && video.input.exists();
        let source = is_there.then(|| FrameSource::open(&video.input, tools.ffmpeg)).transpose()?;
        let (size, length) = (Some(video.size), Some(video.length));
        let name = names.take(video.name.clone());
        known.insert(id, Known { name, size, length, file_names: None, source });
    }
    for (id, path) in (1..).zip(&request.videos) {
        let source = FrameSource::open(path, tools.ffmpeg)?;
        let video = known.entry(id).or_insert_with(|| {
            let name = names.take(source.name());
            Known { name, ..Known::by_number(id) }
        });
        video.source = Some(source);
    }
    for video in known.values_mut() {
        let images = video.source.as_ref().and_then(FrameSource::image_names);
        let within = |name: String| format!("{}/{name}", video.name);
        video.file_names = images.map(|images| images.into_iter().map(within).collect());
    }
    Ok(known)
}

/// Takes the videos of annotations, with their images if there is a folder of them.
fn annotated(file: &YtvisFile, images: Option<&Path>, names: &mut Names) -> BTreeMap<i64, Known> {
    let known = file.videos.iter().map(|(&id, video)| {
        let file_names: Option<Vec<String>> = video
            .file_names
            .as_ref()
            .filter(|files| files.len() == video.length)
            .map(|files| files.iter().map(ToString::to_string).collect());
        let name = names.take(of_video(file_names.as_deref(), id));
        let source = images.zip(file_names.as_ref()).map(|(folder, files)| {
            let images = files.iter().map(|file| folder.join(file)).collect();
            FrameSource::images(&folder.join(&name), images)
        });
        let (size, length) = (Some(video.size), Some(video.length));
        (id, Known { name, size, length, file_names, source })
    });
    known.collect()
}
