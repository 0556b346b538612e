//! The frames of annotated videos: image files in a folder, or video files from which they have yet to be taken.

use std::path::{Path, PathBuf};

use seqformer_convert::{Video, list_images};

use crate::InitError;

/// Endings of video files, in the order in which they are looked for.
const FILMS: [&str; 10] = ["mp4", "mov", "mkv", "webm", "avi", "m4v", "mpg", "mpeg", "wmv", "gif"];

/// Where the frames of a video are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Image files, one for each frame, relative to the folder.
    Images(Vec<String>),
    /// A video file.
    Film(PathBuf),
}

/// How many frames are missing in all videos.
#[derive(Debug, Default)]
struct Missing {
    frames: usize,
    total: usize,
    first: Option<PathBuf>,
}

/// Finds the frames of every video in `folder`, or in the video file that `folder` is if there is one video only.
///
/// Annotations may name image files with folders in front that are not there, or with another ending. Where they name none,
/// or none that is there, the images of the folder that is called as the video are its frames, in the order of their names.
pub(crate) fn find(folder: &Path, videos: &[Video]) -> Result<Vec<Found>, InitError> {
    let mut missing = Missing::default();
    let mut found = Vec::new();
    for video in videos {
        missing.total += video.length;
        match find_one(folder, video, videos.len() == 1)? {
            Search::Found(frames) => found.push(frames),
            Search::Missing { count, first } => {
                missing.frames += count;
                missing.first.get_or_insert(first);
            }
        }
    }
    match missing.first {
        None => Ok(found),
        Some(first) => Err(InitError::MissingFrames {
            folder: folder.to_path_buf(),
            missing: missing.frames,
            total: missing.total,
            first,
        }),
    }
}

/// How the search for the frames of one video ended.
#[derive(Debug)]
enum Search {
    Found(Found),
    /// How many frames are missing, and the first of them.
    Missing {
        count: usize,
        first: PathBuf,
    },
}

fn find_one(folder: &Path, video: &Video, is_only: bool) -> Result<Search, InitError> {
    if is_only && folder.is_file() {
        return Ok(Search::Found(Found::Film(folder.to_path_buf())));
    }
    let names = video.file_names.as_deref().unwrap_or_default();
    if let Some(search) = find_names(folder, names) {
        return Ok(search);
    }
    let own = folder.join(&video.name);
    if own.is_dir()
        && let Some(names) = images_of(&own, &video.name, video.length)?
    {
        return Ok(Search::Found(Found::Images(names)));
    }
    if is_only
        && names.is_empty()
        && let Some(names) = images_of(folder, "", video.length)?
    {
        return Ok(Search::Found(Found::Images(names)));
    }
    let stem = Path::new(&video.name).file_stem().unwrap_or_default().to_string_lossy();
    let mut films = FILMS.iter().map(|ending| folder.join(format!("{stem}.{ending}")));
    Ok(match films.find(|path| path.is_file()) {
        Some(film) => Search::Found(Found::Film(film)),
        None => Search::Missing { count: video.length, first: folder.join(&*video.frame_name(0)) },
    })
}

/// Finds the files of these names by the reading that finds most of them, or nothing if no reading finds the first.
fn find_names(folder: &Path, names: &[String]) -> Option<Search> {
    let mut nearest: Option<(usize, PathBuf)> = None;
    let first = names.first()?;
    for reading in Reading::all(first) {
        if !folder.join(reading.apply(first)).is_file() {
            continue;
        }
        let names: Vec<String> = names.iter().map(|name| reading.apply(name)).collect();
        let mut gone = names.iter().map(|name| folder.join(name)).filter(|path| !path.is_file());
        let Some(first) = gone.next() else { return Some(Search::Found(Found::Images(names))) };
        let count = 1 + gone.count();
        if nearest.as_ref().is_none_or(|(fewest, _)| count < *fewest) {
            nearest = Some((count, first));
        }
    }
    nearest.map(|(count, first)| Search::Missing { count, first })
}

/// The images of `folder`, if there are as many as the video has frames or more; names begin with `name`.
fn images_of(folder: &Path, name: &str, length: usize) -> Result<Option<Vec<String>>, InitError> {
    let images = list_images(folder)?;
    if images.len() < length {
        return Ok(None);
    }
    let file_name = |path: &PathBuf| {
        Path::new(name).join(path.file_name().unwrap_or_default()).to_string_lossy().into_owned()
    };
    Ok(Some(images.iter().take(length).map(file_name).collect()))
}

/// A way to turn file names of the annotations into names of files.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Folders in front that are left out.
    skipped: usize,
    /// The ending that takes the place of the one in the annotations.
    ending: Option<&'static str>,
}

impl Reading {
    /// All readings of a name, the most literal first.
    fn all(name: &str) -> impl Iterator<Item = Self> {
        let folders = name.split('/').count();
        let endings = [None, Some("jpg"), Some("png"), Some("jpeg"), Some("webp"), Some("bmp")];
        endings
            .into_iter()
            .flat_map(move |ending| (0..folders).map(move |skipped| Self { skipped, ending }))
    }

    fn apply(self, name: &str) -> String {
        let rest = name.splitn(self.skipped + 1, '/').last().unwrap_or(name);
        match self.ending {
            None => rest.to_owned(),
            Some(ending) => Path::new(rest).with_extension(ending).to_string_lossy().into_owned(),
        }
    }
}

/// Compares the size of the first frame with that of the annotations.
///
/// Height and width are swapped if the metadata of the picture turns it on its side.
pub(crate) fn check_size(path: &Path, video: &Video) -> Result<(), InitError> {
    let wrong = |found: String| InitError::WrongFrame {
        path: path.to_path_buf(),
        video: video.place(),
        expected: video.size.to_string(),
        found,
    };
    let found = imagesize::size(path).map_err(|error| wrong(error.to_string()))?;
    let expected = (video.size.height as usize, video.size.width as usize);
    if (found.height, found.width) != expected && (found.width, found.height) != expected {
        return Err(wrong(format!("{}x{} (height x width)", found.height, found.width)));
    }
    Ok(())
}
