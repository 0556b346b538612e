//! Videos and images of pictures with attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seqformer_annotations::Fault;
use seqformer_masks::ImageSize;
use serde_json::Value;

use super::pictures::{Picture, Project, Region, wrong};
use super::{FRAME, HEIGHT, MARKS, OBJECT, VIDEO, Via, WIDTH, YES, version2, version3};
use crate::builder::{Classes, Seen, TrackBuilder};
use crate::dataset::{Dataset, Occlusion, Video};
use crate::interface::{ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::pictures::natural;
use crate::{ConvertError, Notes};

/// Names of attributes that hold a class, the likeliest first, in lower case.
const CLASS_NAMES: [&str; 8] =
    ["class", "label", "category", "class_name", "type", "name", "species", "object_class"];
/// Names of attributes that number objects.
const OBJECT_NAMES: [&str; 6] =
    [OBJECT, "object_id", "track_id", "instance_id", "group_id", "track"];
/// The class of objects without one.
const UNNAMED: &str = "object";

impl Reader for Via {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let text = std::fs::read(input).map_err(|source| ConvertError::read(input, source))?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let whole = wrong(input, "the whole file");
        let file: Value = serde_json::from_slice(text).map_err(|error| {
            whole(Fault::new("", "JSON", error.to_string(), "save the project with VIA again"))
        })?;
        let file = file.as_object().ok_or_else(|| {
            let mend = "give a project or an export of VIA in JSON";
            whole(Fault::new("", "an object", "something else", mend))
        })?;
        let project = if file.contains_key("project") && file.contains_key("metadata") {
            version3::read(input, file, notes)?
        } else {
            version2::read(input, file)?
        };
        let meaning = Meaning::new(&project, notes);
        let mut classes = Classes::default();
        let listed = meaning.class.as_ref().and_then(|name| project.attributes.get(name));
        for name in listed.into_iter().flatten() {
            classes.id(name);
        }
        let (mut videos, mut unique) = (Vec::new(), Unique::default());
        for (name, pictures) in videos_of(project.pictures, &meaning) {
            let id = videos.len() as i64 + 1;
            let mut video =
                read_video((input, id, name), &pictures, (&meaning, options), &mut classes, notes)?;
            video.name = unique.take(video.name);
            videos.push(video);
        }
        Ok(Dataset { categories: classes.finish(), videos })
    }
}

/// What attributes of objects mean.
struct Meaning {
    class: Option<String>,
    object: Option<String>,
}

impl Meaning {
    fn new(project: &Project, notes: &mut Notes) -> Self {
        let regions = project.pictures.iter().flat_map(|picture| &picture.regions);
        let used = regions.flat_map(|region| region.attributes.keys());
        let names: BTreeSet<&String> = used.chain(project.attributes.keys()).collect();
        let named = |known: &[&str]| {
            let is = |known: &str| names.iter().find(|name| name.to_lowercase() == known);
            known.iter().find_map(|known| is(known)).map(|name| (*name).clone())
        };
        let object = named(&OBJECT_NAMES);
        let others = names
            .iter()
            .filter(|name| Some(**name) != object.as_ref() && !MARKS.contains(&name.as_str()));
        let mut others = others.map(|name| (*name).clone());
        // A single attribute is the class, whatever its name.
        let class =
            named(&CLASS_NAMES).or_else(|| others.next().filter(|_| others.next().is_none()));
        match &class {
            Some(class) => notes.say(format!("the attribute {class:?} is taken for the class")),
            None => notes.say(format!(
                "no attribute is taken for the class: all objects are of the class {UNNAMED:?}"
            )),
        }
        Self { class, object }
    }

    fn object<'a>(&self, region: &'a Region) -> Option<&'a str> {
        let number = region.attributes.get(self.object.as_ref()?)?;
        (!number.is_empty()).then_some(number.as_str())
    }
}

/// The key that a name is sorted by, and the name.
type Order = (Vec<(String, u64)>, String);

/// Groups pictures: by the video that they name, otherwise those of a folder, if an object is on two of them.
fn videos_of(pictures: Vec<Picture>, meaning: &Meaning) -> Vec<(Option<String>, Vec<Picture>)> {
    let mut groups: BTreeMap<Order, Vec<Picture>> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for picture in pictures {
        let key = match picture.attributes.get(VIDEO).filter(|video| !video.is_empty()) {
            Some(video) => {
                named.insert(video.clone());
                natural(video)
            }
            None => natural(names::folder(&picture.name)),
        };
        groups.entry(key).or_default().push(picture);
    }
    let mut videos = Vec::new();
    for ((_, name), mut pictures) in groups {
        let frame = |picture: &Picture| picture.attributes.get(FRAME)?.parse::<u64>().ok();
        pictures.sort_by_cached_key(|picture| (frame(picture), natural(&picture.name)));
        if named.contains(&name) {
            videos.push((Some(name), pictures));
        } else if is_video(&pictures, meaning) {
            videos.push((None, pictures));
        } else {
            videos.extend(pictures.into_iter().map(|picture| (None, vec![picture])));
        }
    }
    videos
}

/// Returns whether an object is on two pictures.
fn is_video(pictures: &[Picture], meaning: &Meaning) -> bool {
    let mut seen = BTreeSet::new();
    pictures.iter().any(|picture| {
        let here: BTreeSet<&str> =
            picture.regions.iter().filter_map(|region| meaning.object(region)).collect();
        let is_again = here.iter().any(|object| seen.contains(object));
        seen.extend(here);
        is_again
    })
}

fn read_video(
    (path, id, name): (&Path, i64, Option<String>),
    pictures: &[Picture],
    (meaning, options): (&Meaning, &ReadOptions),
    classes: &mut Classes,
    notes: &mut Notes,
) -> Result<Video, ConvertError> {
    let mut size = None;
    for picture in pictures {
        let found = picture_size(path, picture, options)?;
        let expected = *size.get_or_insert(found);
        if found != expected {
            let expected = format!("the size of the first frame of its video, {expected}");
            let mend =
                "frames of a video have one size: number the objects of single images anew in each";
            let fault = Fault::new("", expected, found.to_string(), mend);
            return Err(ConvertError::wrong(path, picture.place.as_str(), fault));
        }
    }
    let size = size.unwrap_or(ImageSize { height: 1, width: 1 });
    let file_names: Vec<String> = pictures.iter().map(|picture| picture.name.clone()).collect();
    let name = name.unwrap_or_else(|| match file_names.as_slice() {
        [single] => names::of_image(Some(single), id),
        several => names::of_video(Some(several), id),
    });
    let mut builder = TrackBuilder::new(size, name.clone());
    let objects = numbers(pictures, meaning);
    let mut unnumbered = objects.values().max().map_or(1, |last| last.saturating_add(1));
    for (frame, picture) in pictures.iter().enumerate() {
        for region in &picture.regions {
            let Some(shape) = region.shape.clone() else {
                notes.count("points and lines are left out", || region.place.clone());
                continue;
            };
            let id = meaning.object(region).and_then(|object| objects.get(object)).copied();
            if id.is_none() && pictures.len() > 1 {
                notes.count("objects have no number: each is an object of one frame", || {
                    region.place.clone()
                });
            }
            let id = id.unwrap_or_else(|| {
                unnumbered += 1;
                unnumbered - 1
            });
            let class = meaning.class.as_ref().and_then(|class| region.attributes.get(class));
            let class = class.filter(|class| !class.is_empty()).map_or(UNNAMED, String::as_str);
            let is = |mark: &str| region.attributes.get(mark).is_some_and(|value| value == YES);
            let [is_crowd, is_ignored, is_occluded] = MARKS.map(is);
            let seen = Seen {
                id,
                frame,
                category_id: classes.id(class),
                shape,
                occlusion: is_occluded.then_some(Occlusion::Slight),
                is_crowd,
                is_ignored,
            };
            builder.add(seen, notes);
        }
    }
    Ok(builder.into_video(id, name, file_names))
}

/// Numbers the objects of a video: as they are if all are numbers, otherwise from 1 in their order.
fn numbers<'a>(pictures: &'a [Picture], meaning: &Meaning) -> BTreeMap<&'a str, i64> {
    let regions = pictures.iter().flat_map(|picture| &picture.regions);
    let objects: BTreeSet<&str> = regions.filter_map(|region| meaning.object(region)).collect();
    let number =
        |object: &&'a str| Some((*object, object.parse::<i64>().ok().filter(|id| *id >= 0)?));
    let all: Option<BTreeMap<&str, i64>> = objects.iter().map(number).collect();
    all.unwrap_or_else(|| objects.into_iter().zip(1..).collect())
}

/// Finds the size of a picture: among its attributes, otherwise in its file.
fn picture_size(
    path: &Path,
    picture: &Picture,
    options: &ReadOptions,
) -> Result<ImageSize, ConvertError> {
    let side =
        |name: &str| picture.attributes.get(name)?.parse::<u32>().ok().filter(|side| *side > 0);
    if let (Some(height), Some(width)) = (side(HEIGHT), side(WIDTH))
        && let Ok(size) = (ImageSize { height, width }).checked()
    {
        return Ok(size);
    }
    let beside = path.parent().unwrap_or(Path::new(""));
    let folder = options.images.as_deref().unwrap_or(beside);
    let candidates = [folder.join(&picture.name)];
    options.size_of((path, &picture.place), &candidates)
}
