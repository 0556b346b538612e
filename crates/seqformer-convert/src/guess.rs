//! Which format a file or folder is in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault};

use crate::format::Format;
use crate::label_image::{Depth, LabelImage};
use crate::xml::{Node, XmlFile};
use crate::{ConvertError, mots, pictures, png_sequences, text_file};

/// Tells the format of a file or folder by what is in it.
///
/// # Errors
///
/// A file that cannot be read, or in which no format is recognised.
pub fn guess(input: &Path) -> Result<Format, ConvertError> {
    let found = std::fs::metadata(input).map_err(|source| ConvertError::read(input, source))?;
    let guessed = if found.is_dir() { of_folder(input)? } else { of_file(input)? };
    guessed.map_err(|found| ConvertError::Unknown {
        path: input.to_path_buf(),
        found,
        known: Format::names(false),
    })
}

/// The format, or a description of what was found instead.
type Guess = Result<Format, String>;

fn of_file(path: &Path) -> Result<Guess, ConvertError> {
    let is = |ending: &str| pictures::has_ending(path, ending);
    if is("png") {
        return of_png(path);
    }
    if is("xml") {
        return of_xml(path);
    }
    if is("yaml") || is("yml") {
        return Ok(Ok(Format::Yolo));
    }
    if is("txt") {
        return of_text(path);
    }
    of_json(path)
}

/// Looks at one file of each kind.
fn of_folder(folder: &Path) -> Result<Guess, ConvertError> {
    let mut kinds = BTreeMap::new();
    sample(folder, &mut kinds, &mut 0)?;
    let (mut single, mut reason) = (None, String::new());
    for ending in ["xml", "yaml", "json", "txt", "png"] {
        let Some(path) = kinds.get(ending) else { continue };
        match of_file(path)? {
            Ok(format) if !format.is_one_file() => return Ok(Ok(format)),
            Ok(format) => single = Some((path, format)),
            Err(found) => reason = format!(", of which {} is {found}", path.display()),
        }
    }
    if let Some((path, format)) = single {
        return Ok(Err(format!(
            "a folder with {}, which is {format}: give that file",
            path.display()
        )));
    }
    let endings: Vec<String> = kinds.keys().map(|ending| format!(".{ending}")).collect();
    let found = if endings.is_empty() {
        "no files".to_owned()
    } else {
        format!("files {}", endings.join(", "))
    };
    Ok(Err(format!("a folder with {found}{reason}")))
}

/// Number of files and folders that are looked at.
const MAX_ENTRIES: usize = 20_000;

/// Finds the first file of each ending below a folder.
fn sample(
    folder: &Path,
    kinds: &mut BTreeMap<String, PathBuf>,
    seen: &mut usize,
) -> Result<(), ConvertError> {
    let entries = pictures::list(folder)?;
    *seen += entries.len();
    for path in &entries {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_beside = name == mots::LABELS || name.contains("seqmap");
        if path.is_file() && !is_beside {
            kinds.entry(ending).or_insert_with(|| path.clone());
        }
    }
    for path in entries.iter().filter(|path| path.is_dir() && !png_sequences::is_images(path)) {
        if *seen < MAX_ENTRIES {
            sample(path, kinds, seen)?;
        }
    }
    Ok(())
}

/// Looks at how a PNG stores its pixels, and at the name of its folder.
fn of_png(path: &Path) -> Result<Guess, ConvertError> {
    let is_kitti = path.parent().is_some_and(|folder| folder.ends_with("instance"));
    Ok(match LabelImage::depth(path)? {
        Some(Depth::Eight) => Ok(Format::Davis),
        Some(Depth::Sixteen) if is_kitti => Ok(Format::KittiInstances),
        Some(Depth::Sixteen) => Ok(Format::MotsPng),
        Some(Depth::Rgba) => Ok(Format::BddBitmask),
        None => Err("a colour picture".to_owned()),
    })
}

/// Looks at the first line of a text.
fn of_text(path: &Path) -> Result<Guess, ConvertError> {
    let failed = |source| ConvertError::read(path, source);
    let mut start = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_LINE).read_to_end(&mut start).map_err(failed)?;
    if let Some(found) = text_file::other_encoding(&start) {
        return Ok(Err(found.to_owned()));
    }
    let start = String::from_utf8_lossy(&start);
    let mut lines = text_file::without_mark(&start).lines();
    let line = lines.find(|line| !line.trim().is_empty()).unwrap_or("");
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let is_number = |field: &&str| field.parse::<f64>().is_ok();
    Ok(match fields[..] {
        [.., _, _, _, _, _] if fields.len() == 6 && fields[..5].iter().all(is_number) => {
            Ok(Format::MotsTxt)
        }
        [class, _, _, _, _, ..] if fields.iter().all(is_number) && class.parse::<i64>().is_ok() => {
            Ok(Format::Yolo)
        }
        // An image without objects has an empty file.
        [] => Ok(Format::Yolo),
        _ => {
            let begin: String = line.chars().take(MAX_SHOWN).collect();
            Err(format!("text that begins with {begin:?}"))
        }
    })
}

/// Characters of a text that a message shows.
const MAX_SHOWN: usize = 40;

/// Looks at the outermost element of an XML file.
fn of_xml(path: &Path) -> Result<Guess, ConvertError> {
    let mut file = XmlFile::open(path)?;
    while let Some(node) = file.next()? {
        match node {
            Node::Open(element) if element.name == "annotations" => return Ok(Ok(Format::Cvat)),
            Node::Open(element) => {
                return Ok(Err(format!("XML with the element {}", element.name)));
            }
            Node::Close(_) | Node::Text(_) => {}
        }
    }
    Ok(Err("an empty file".to_owned()))
}

/// Number of bytes in which the first line of a text is looked for.
const MAX_LINE: u64 = 1 << 16;

/// Looks at the keys of a JSON file and at the first entry of each list, until they tell the format.
fn of_json(path: &Path) -> Result<Guess, ConvertError> {
    let mut keys = Vec::new();
    let (mut found, mut is_of_results) = (None, false);
    let walk = JsonFile::open(path).and_then(|mut file| {
        if file.kind_of_next()? == "a list" {
            return file
                .parse_list(|index, text| {
                    if index > 0 {
                        return Ok(None);
                    }
                    Ok(Entry::parse(text).ok())
                })
                .map(|entries| {
                    let first = entries.into_iter().next().flatten();
                    found = first.as_ref().and_then(|entry| of_entry("", entry));
                    is_of_results = first.is_some_and(|entry| entry.has("score"));
                });
        }
        file.for_each_key(|file, key| {
            keys.push(key.to_owned());
            let of_key = match key {
                "masklet" => Some(Format::Sav),
                "imagePath" | "imageHeight" => Some(Format::Labelme),
                "_via_settings" | "_via_img_metadata" => Some(Format::Via),
                _ => None,
            };
            if of_key.is_some() {
                found = of_key;
                return Err(known(path));
            }
            if file.kind_of_next()? != "a list" {
                let mut text = Vec::new();
                file.read_value(&mut text)?;
                if Entry::parse(&text).is_ok_and(|entry| is_of_via(key, &entry)) {
                    found = Some(Format::Via);
                    return Err(known(path));
                }
                return Ok(());
            }
            // Elements behind one that tells the format are not looked at.
            let of_first = std::sync::OnceLock::new();
            file.for_each_element(
                |index, text| {
                    let entry = if index == 0 { Entry::parse(text).ok() } else { None };
                    match entry.and_then(|entry| of_entry(key, &entry)) {
                        Some(format) => {
                            of_first.get_or_init(|| format);
                            Err(known(path))
                        }
                        None => Ok(()),
                    }
                },
                |()| {},
            )
            .inspect_err(|_| found = of_first.get().copied())
        })
    });
    match (found, walk) {
        (Some(format), _) => Ok(Ok(format)),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) if is_of_results => {
            Ok(Err("the results of a model, which `seqformer results convert` takes".to_owned()))
        }
        (None, Ok(())) if keys.is_empty() => Ok(Err("a JSON list of something else".to_owned())),
        (None, Ok(())) => Ok(Err(format!("JSON with the keys {}", keys.join(", ")))),
    }
}

/// The error that ends a walk early; it is never shown.
fn known(path: &Path) -> AnnotationError {
    AnnotationError::wrong(path, "the whole file", Fault::new("", "", "", ""))
}

/// Returns whether a value is of VIA: a picture of an export of version 2, or the head of a project of version 3.
fn is_of_via(key: &str, entry: &Entry) -> bool {
    let is_picture = entry.has("filename") && entry.has("regions");
    is_picture || (key == "project" && entry.has("vid_list"))
}

/// Tells the format by the first entry of a list.
fn of_entry(list: &str, entry: &Entry) -> Option<Format> {
    match list {
        "" | "frames" if entry.has("labels") && entry.has("name") => Some(Format::Scalabel),
        "" if entry.has("data") && (entry.has("annotations") || entry.has("predictions")) => {
            Some(Format::LabelStudio)
        }
        "sequences" if entry.has("segmentations") => Some(Format::Burst),
        "shapes" if entry.has("shape_type") || entry.has("points") => Some(Format::Labelme),
        "videos" if entry.has("file_names") || entry.has("length") => Some(Format::Ytvis),
        "images" if entry.has("video_id") => Some(Format::Cocovid),
        "images" => Some(Format::Coco),
        "annotations" if entry.has("segmentations") => Some(Format::Ytvis),
        "annotations" if entry.has("instance_id") || entry.has("track_id") => Some(Format::Cocovid),
        "annotations" if entry.has("video_id") && !entry.has("image_id") => Some(Format::Ytvis),
        _ => None,
    }
}
