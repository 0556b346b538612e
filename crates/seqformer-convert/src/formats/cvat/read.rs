//! Reading tasks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_masks::ImageSize;

use super::meta::Meta;
use super::shapes::{self, Key, WITH_AREA, WITHOUT_AREA};
use crate::builder::{Classes, Seen, TrackBuilder};
use crate::dataset::{Dataset, Occlusion, Video};
use crate::interface::{ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::xml::{Element, Node, XmlFile};
use crate::{ConvertError, Notes, pictures};

/// The format.
#[derive(Debug)]
pub(crate) struct Cvat;

impl Reader for Cvat {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let files = if input.is_dir() { find(input)? } else { vec![input.to_path_buf()] };
        let (mut classes, mut videos, mut unique) =
            (Classes::default(), Vec::new(), Unique::default());
        for path in &files {
            let task = Task { path, options, is_only: files.len() == 1 };
            let mut read = task.read(&mut classes, notes)?;
            for mut video in read.drain(..) {
                video.id = videos.len() as i64 + 1;
                video.name = unique.take(video.name);
                videos.push(video);
            }
        }
        if files.is_empty() {
            let fault = Fault::new(
                "",
                "files with the ending .xml",
                "none",
                "unpack CVAT's export, and give its folder",
            );
            return Err(ConvertError::wrong(input, "the whole folder", fault));
        }
        Ok(Dataset { categories: classes.finish(), videos })
    }
}

/// Finds all XML files below a folder.
fn find(folder: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    let mut found = pictures::list_files(folder, "xml")?;
    for path in pictures::list(folder)?.iter().filter(|path| path.is_dir()) {
        found.extend(find(path)?);
    }
    Ok(found)
}

/// One file.
struct Task<'a> {
    path: &'a Path,
    options: &'a ReadOptions,
    /// Whether there is no other file.
    is_only: bool,
}

impl Task<'_> {
    fn read(&self, classes: &mut Classes, notes: &mut Notes) -> Result<Vec<Video>, ConvertError> {
        let mut file = XmlFile::open(self.path)?;
        let mut meta = Meta::default();
        let mut images = Vec::new();
        let mut video: Option<(TrackBuilder, ImageSize, usize)> = None;
        let mut is_root = true;
        while let Some(node) = file.next()? {
            let Node::Open(element) = node else { continue };
            match element.name.as_str() {
                "annotations" if is_root => is_root = false,
                _ if is_root => {
                    let found = format!("the element {}", element.name);
                    let fault = Fault::new(
                        "",
                        "CVAT's element annotations",
                        found,
                        "name the format with --from",
                    );
                    return Err(ConvertError::wrong(self.path, "the whole file", fault));
                }
                "meta" => {
                    meta = Meta::read(&mut file)?;
                    meta.labels.iter().for_each(|label| {
                        classes.id(label);
                    });
                }
                "track" => {
                    if video.is_none() {
                        let size = self.video_size(&meta)?;
                        let place = format!("video {}", self.video_name(&meta));
                        video = Some((TrackBuilder::new(size, place), size, 0));
                    }
                    if let Some((builder, size, length)) = &mut video {
                        let last = self.read_track(
                            &mut file,
                            &element,
                            (&meta, *size),
                            classes,
                            (builder, notes),
                        )?;
                        *length = (*length).max(last);
                    }
                }
                "image" => images.push(self.read_image(&mut file, &element, classes, notes)?),
                _ => {}
            }
        }
        if is_root {
            let mend = "name the format with --from, or export the task again";
            let fault = Fault::new("", "CVAT's element annotations", "no XML element", mend);
            return Err(self.wrong("the whole file", fault));
        }
        if video.is_none() && images.is_empty() && meta.is_of_video() {
            let size = self.video_size(&meta)?;
            video = Some((TrackBuilder::new(size, "video"), size, 0));
        }
        if let Some((builder, _, last)) = video {
            let length = (meta.num_frames.unwrap_or(0) as usize).max(last);
            let name = self.video_name(&meta);
            let file_names = self.frame_files(&meta, &name, length);
            images.push(builder.into_video(0, name, file_names));
        }
        Ok(images)
    }

    /// The name of the task, otherwise that of the file or its folder.
    fn video_name(&self, meta: &Meta) -> String {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = self.path.parent().and_then(Path::file_name);
        let own = match folder {
            Some(folder) if stem == "annotations" => folder.to_string_lossy().into_owned(),
            _ => stem,
        };
        meta.name.clone().filter(|name| !name.trim().is_empty()).unwrap_or(own)
    }

    /// The images of the frames, by their numbers in the film: beside the file, as CVAT exports them, or in the folder
    /// that the user names. That may hold the images of the only task themselves.
    fn frame_files(&self, meta: &Meta, name: &str, length: usize) -> Vec<String> {
        let number = |frame: usize| meta.start as usize + frame * meta.step as usize;
        let stems = (0..length).map(|frame| format!("frame_{:06}", number(frame)));
        let beside = self.path.parent().unwrap_or(Path::new("")).join("images");
        let own = format!("{name}/");
        let mut folders = vec![(beside, own.clone())];
        if let Some(images) = &self.options.images {
            if self.is_only {
                folders.insert(0, (images.clone(), String::new()));
            }
            folders.insert(0, (images.join(name), own));
        }
        pictures::names_of_frames(&stems.collect::<Vec<_>>(), &folders, (name, "PNG"))
    }

    fn wrong(&self, place: impl Into<String>, fault: Fault) -> ConvertError {
        ConvertError::wrong(self.path, place, fault)
    }

    fn video_size(&self, meta: &Meta) -> Result<ImageSize, ConvertError> {
        meta.size(self.options.size).map_err(|fault| self.wrong("meta", fault))
    }

    fn read_image(
        &self,
        file: &mut XmlFile,
        image: &Element,
        classes: &mut Classes,
        notes: &mut Notes,
    ) -> Result<Video, ConvertError> {
        let name = image.get("name").unwrap_or_default().to_owned();
        let place = format!("image {} ({name:?})", image.get("id").unwrap_or("?"));
        let side = |key| image.count(key, 1 << 20).map_err(|fault| self.wrong(&place, fault));
        let size = ImageSize { height: side("height")?, width: side("width")? };
        size.checked().map_err(|error| self.wrong(&place, Fault::of_mask(&error)))?;
        let mut builder = TrackBuilder::new(size, place.clone());
        while let Some(node) = file.next()? {
            let element = match node {
                Node::Open(element) => element,
                Node::Close(name) if name == "image" => break,
                _ => continue,
            };
            self.skip_without_area(&element, &place, notes);
            if WITH_AREA.contains(&element.name.as_str()) {
                let wrong = |fault| self.wrong(format!("{place}: {}", element.name), fault);
                let shape = shapes::read(&element, size).map_err(wrong)?;
                let occlusion = element
                    .get("occluded")
                    .map(|_| Occlusion::from_mark(element.is_set("occluded")));
                let category_id = classes.id(element.get("label").unwrap_or_default());
                let seen = Seen::new(builder.unused_id(), 0, category_id, shape);
                builder.add(Seen { occlusion, ..seen }, notes);
            }
        }
        Ok(builder.into_video(0, names::of_image(Some(&name), 0), vec![name]))
    }

    /// Counts a shape that has no pixels.
    fn skip_without_area(&self, element: &Element, place: &str, notes: &mut Notes) {
        if WITHOUT_AREA.contains(&element.name.as_str()) {
            notes.count("lines, points, cuboids, skeletons and tags are left out", || {
                format!("{}: {place}: {}", self.path.display(), element.name)
            });
        }
    }

    /// Reads a track, and returns how many frames the video has at least.
    fn read_track(
        &self,
        file: &mut XmlFile,
        track: &Element,
        (meta, size): (&Meta, ImageSize),
        classes: &mut Classes,
        (builder, notes): (&mut TrackBuilder, &mut Notes),
    ) -> Result<usize, ConvertError> {
        let id = track.count("id", u32::MAX).map_err(|fault| self.wrong("track", fault))?;
        let place = format!("track {id}");
        let category_id = classes.id(track.get("label").unwrap_or_default());
        let mut keys = BTreeMap::new();
        while let Some(node) = file.next()? {
            let element = match node {
                Node::Open(element) => element,
                Node::Close(name) if name == "track" => break,
                _ => continue,
            };
            self.skip_without_area(&element, &place, notes);
            if !WITH_AREA.contains(&element.name.as_str()) {
                continue;
            }
            let key = self.read_key(&element, (meta, size), &place)?;
            if keys.insert(key.frame, key).is_some() {
                let number = element.get("frame").unwrap_or_default();
                let fault = Fault::new(
                    "frame",
                    "a frame that occurs once",
                    number,
                    "remove one of the shapes",
                );
                return Err(self.wrong(place, fault));
            }
        }
        let last = keys.last_key_value().map_or(0, |(&frame, _)| frame + 1);
        let length = last.max(meta.num_frames.unwrap_or(0) as usize);
        let keys: Vec<Key> = keys.into_values().collect();
        let id = i64::from(id);
        shapes::fill(&keys, length, |frame, shape, is_occluded, what| {
            if let Some(what) = what {
                notes.count(what, || format!("{place} on frame {frame}"));
            }
            let occlusion = Some(Occlusion::from_mark(is_occluded));
            let (is_crowd, is_ignored) = (false, false);
            let seen = Seen { id, frame, category_id, shape, occlusion, is_crowd, is_ignored };
            builder.add(seen, notes);
        });
        Ok(last)
    }

    fn read_key(
        &self,
        element: &Element,
        (meta, size): (&Meta, ImageSize),
        place: &str,
    ) -> Result<Key, ConvertError> {
        let number = element.get("frame").unwrap_or("?");
        let wrong =
            |fault| self.wrong(format!("{place}: {} on frame {number}", element.name), fault);
        let number_in_film = element.count("frame", u32::MAX).map_err(wrong)?;
        let frame = meta.frame(number_in_film).map_err(wrong)?;
        let is_outside = element.is_set("outside");
        let shape =
            if is_outside { None } else { Some(shapes::read(element, size).map_err(wrong)?) };
        Ok(Key { frame, shape, is_occluded: element.is_set("occluded") })
    }
}
