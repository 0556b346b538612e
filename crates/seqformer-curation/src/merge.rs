//! Merging datasets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id, LISTS_OF_CATEGORIES, place_of};
use seqformer_convert::JsonOut;
use serde_json::Value;

use crate::error::{CurationError, listed};
use crate::index::{Index, skip};
use crate::output::{Output, persist, temporary};
use crate::source::Source;

/// The datasets to merge, and how.
#[derive(Debug)]
pub struct Merge {
    /// The datasets, in the order in which their videos come.
    pub inputs: Vec<MergeInput>,
    /// Classes that get another name: the old and the new one.
    pub renames: Vec<(String, String)>,
    /// The file to write.
    pub output: PathBuf,
}

/// One of the datasets.
#[derive(Debug)]
pub struct MergeInput {
    /// The dataset.
    pub source: Source,
    /// The folder that the names of its frames are relative to; without it, names stay as they are.
    pub images: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The number of videos.
    pub num_videos: usize,
    /// The number of frames.
    pub num_frames: usize,
    /// The number of objects.
    pub num_tracks: usize,
    /// The number of classes.
    pub num_classes: usize,
    /// The folder that the names of all frames are relative to, if those of the datasets are known.
    pub image_root: Option<PathBuf>,
    /// How many videos have the frames of an earlier one.
    pub num_repeated: usize,
    /// Keys beside the lists, which differ from file to file and are left out.
    pub left_out: Vec<String>,
}

/// A dataset, and how its entries change.
struct Part<'a> {
    input: &'a MergeInput,
    index: Index,
    /// The prefix of the names of its frames.
    prefix: String,
    /// The new ids of its classes.
    classes: Vec<i64>,
    /// The new id of its first video.
    first_video: i64,
}

/// Writes several datasets into one file: classes of the same name are one, and videos and objects are numbered from 1.
/// Classes keep their ids as far as these differ.
///
/// The caller has made sure that the name may be written.
///
/// # Errors
///
/// A file that is wrong or cannot be written, a folder of images that is not there, and a class to be renamed that no
/// dataset has.
pub fn merge(merge: &Merge) -> Result<Merged, CurationError> {
    let mut classes = Classes::default();
    let (prefixes, image_root) = prefixes(&merge.inputs)?;
    let mut merged = Merged { image_root, ..Merged::default() };
    let mut parts = Vec::with_capacity(merge.inputs.len());
    for (input, prefix) in merge.inputs.iter().zip(prefixes) {
        let index =
            Index::read(&input.source.path()).map_err(|error| input.source.error(error.into()))?;
        let ids = index.classes.iter().map(|class| {
            let rename = merge.renames.iter().find(|(old, _)| *old == class.name);
            let name = rename.map_or(&class.name, |(_, new)| new);
            classes.id(name, &class.id, &class.entry)
        });
        let (ids, first_video) = (ids.collect(), merged.num_videos as i64 + 1);
        merged.num_videos += index.videos.len();
        merged.num_frames += index.videos.iter().map(|video| video.length).sum::<usize>();
        parts.push(Part { input, index, prefix, classes: ids, first_video });
    }
    check_renames(&merge.renames, &parts)?;
    merged.num_classes = classes.entries.len();
    merged.num_repeated = num_repeated(&parts);
    let mut file = temporary(&merge.output)?;
    let mut out = Output::new(&mut file, &merge.output);
    out.put(|out| out.begin_list("videos"));
    for part in &parts {
        part.walk("videos", &mut out, &mut merged.left_out, Part::video)?;
    }
    out.put(|out| {
        out.end_list()?;
        out.begin_list("categories")?;
        for entry in classes.entries {
            out.raw_element(entry.into_json().as_bytes())?;
        }
        out.end_list()?;
        out.begin_list("annotations")
    });
    for part in &parts {
        let before = merged.num_tracks as i64;
        let number = |part: &Part<'_>, at: usize, text: &[u8]| part.annotation(before, at, text);
        merged.num_tracks += part.walk("annotations", &mut out, &mut Vec::new(), number)?;
    }
    out.put(JsonOut::end_list);
    out.finish()?;
    persist(file, &merge.output)?;
    Ok(merged)
}

impl Part<'_> {
    /// Writes the elements of a list, and returns how many there are.
    fn walk(
        &self,
        list: &str,
        out: &mut Output<'_>,
        left_out: &mut Vec<String>,
        change: impl Fn(&Self, usize, &[u8]) -> Result<String, AnnotationError> + Sync,
    ) -> Result<usize, CurationError> {
        let mut count = 0;
        let walk = JsonFile::open(&self.index.path).and_then(|mut file| {
            file.for_each_key(|file, key| {
                if key != list {
                    let is_list = ["videos", "categories", "annotations"].contains(&key);
                    if !is_list && !left_out.iter().any(|known| known == key) {
                        left_out.push(key.to_owned());
                    }
                    return skip(file);
                }
                if file.skip_null()? {
                    return Ok(());
                }
                file.for_each_element(
                    |at, text| change(self, at, text),
                    |text| {
                        out.put(|out| out.raw_element(text.as_bytes()));
                        count += 1;
                    },
                )
            })
        });
        walk.map_err(|error| self.input.source.error(error.into()))?;
        Ok(count)
    }

    fn wrong(&self, list: &str, (at, entry): (usize, &Entry), fault: Fault) -> AnnotationError {
        AnnotationError::wrong(&self.index.path, place_of(list, at, entry), fault)
    }

    fn parse(&self, list: &str, at: usize, text: &[u8]) -> Result<Entry, AnnotationError> {
        Entry::parse(text).map_err(|fault| self.wrong(list, (at, &Entry::default()), fault))
    }

    fn video(&self, at: usize, text: &[u8]) -> Result<String, AnnotationError> {
        let mut entry = self.parse("videos", at, text)?;
        // Errors name the video as the file does.
        for field in LISTS_OF_CATEGORIES {
            if let Some(listed) = self.index.listed_classes((at, &entry), field)? {
                entry.set(field, self.new_classes(field, &listed).into());
            }
        }
        entry.set("id", (self.first_video + at as i64).into());
        if !self.prefix.is_empty() && entry.get("file_names").is_some() {
            let names = self.index.videos[at].file_names.iter();
            let names: Vec<Value> =
                names.map(|name| format!("{}{name}", self.prefix).into()).collect();
            entry.set("file_names", names.into());
        }
        Ok(entry.into_json())
    }

    /// The new ids of classes that a list of a video names. A class that several ones become is complete, or absent, if
    /// all of them are.
    fn new_classes(&self, field: &str, listed: &[usize]) -> Vec<i64> {
        let is_any = field == "not_exhaustive_category_ids";
        let is_in = |new: &i64| {
            let mut sources = (0..self.classes.len()).filter(|&class| self.classes[class] == *new);
            let is_listed = |class: usize| listed.contains(&class);
            if is_any { sources.any(is_listed) } else { sources.all(is_listed) }
        };
        let new: BTreeSet<i64> = listed.iter().map(|&class| self.classes[class]).collect();
        new.into_iter().filter(is_in).collect()
    }

    fn annotation(&self, before: i64, at: usize, text: &[u8]) -> Result<String, AnnotationError> {
        let reference = self.index.refer(at, text)?;
        let mut entry = self.parse("annotations", at, text)?;
        entry.set("id", (before + at as i64 + 1).into());
        entry.set("video_id", (self.first_video + reference.video as i64).into());
        entry.set("category_id", self.classes[reference.class].into());
        Ok(entry.into_json())
    }
}

/// The classes of all datasets, by name.
#[derive(Debug, Default)]
struct Classes {
    entries: Vec<Entry>,
    by_name: HashMap<String, i64>,
    taken: HashSet<i64>,
}

impl Classes {
    /// Returns the id of a class: its own one if no other class has it, otherwise the next one.
    fn id(&mut self, name: &str, own: &Id, entry: &Entry) -> i64 {
        if let Some(&known) = self.by_name.get(name) {
            return known;
        }
        let next = || self.taken.iter().max().map_or(1, |last| last.saturating_add(1));
        let id = match own {
            Id::Number(own @ 0..) if !self.taken.contains(own) => *own,
            _ => next(),
        };
        self.taken.insert(id);
        self.by_name.insert(name.to_owned(), id);
        let mut entry = entry.clone();
        entry.set("id", id.into());
        entry.set("name", name.into());
        self.entries.push(entry);
        id
    }
}

/// Makes sure that some dataset has every class that is to be renamed.
fn check_renames(renames: &[(String, String)], parts: &[Part<'_>]) -> Result<(), CurationError> {
    let names =
        || parts.iter().flat_map(|part| &part.index.classes).map(|class| class.name.as_str());
    match renames.iter().find(|(old, _)| names().all(|name| name != old)) {
        None => Ok(()),
        Some((old, _)) => {
            let known = listed(names());
            Err(CurationError::UnknownClass { option: "--rename", name: old.clone(), known })
        }
    }
}

/// Counts the videos with the same frames as an earlier one.
fn num_repeated(parts: &[Part<'_>]) -> usize {
    let mut seen = HashSet::new();
    let videos =
        parts.iter().flat_map(|part| part.index.videos.iter().map(move |video| (part, video)));
    let named = videos.filter(|(_, video)| !video.file_names.is_empty());
    named.filter(|(part, video)| !seen.insert((&part.prefix, &video.file_names))).count()
}

/// Finds the prefix for the names of each dataset's frames, and the folder that they are relative to afterwards.
fn prefixes(inputs: &[MergeInput]) -> Result<(Vec<String>, Option<PathBuf>), CurationError> {
    let mut folders = Vec::new();
    for images in inputs.iter().filter_map(|input| input.images.as_ref()) {
        let folder = images.canonicalize();
        folders
            .push(folder.map_err(|source| CurationError::Images { path: images.clone(), source })?);
    }
    let around = |root: PathBuf, folder: &PathBuf| {
        let root = root.ancestors().find(|root| folder.starts_with(root)).map(Path::to_path_buf);
        root.unwrap_or_default()
    };
    let Some(first) = folders.first().cloned() else {
        return Ok((vec![String::new(); inputs.len()], None));
    };
    let root = folders.iter().fold(first, around);
    let mut folders = folders.iter();
    let mut prefix = |input: &MergeInput| {
        let folder = input.images.as_ref().and_then(|_| folders.next());
        let below =
            folder.and_then(|folder| folder.strip_prefix(&root).ok()).unwrap_or(Path::new(""));
        below.iter().flat_map(|part| [part.to_string_lossy(), "/".into()]).collect()
    };
    let prefixes = inputs.iter().map(&mut prefix).collect();
    Ok((prefixes, Some(root)))
}

#[cfg(test)]
mod tests {
    use seqformer_convert::ReadOptions;
    use serde_json::json;

    use super::*;
    use crate::testing::{dataset, read};

    /// A folder with two datasets, the second one with classes in another order.
    fn two(folder: &Path) -> [PathBuf; 2] {
        let files = ["a", "b"].map(|name| folder.join(name).join("train.json"));
        let mut second = dataset(3);
        second["categories"] = json!([{"id": 9, "name": "Fuß"}, {"id": 3, "name": "truck"}, {"id": 7, "name": "auto"}]);
        for (file, data) in files.iter().zip([dataset(2), second]) {
            std::fs::create_dir_all(file.parent().unwrap().join("猫")).unwrap();
            std::fs::write(file, data.to_string()).unwrap();
        }
        files
    }

    fn input(file: &Path, images: Option<PathBuf>) -> MergeInput {
        MergeInput { source: Source::open(file, None, &ReadOptions::default()).unwrap(), images }
    }

    #[test]
    fn classes_are_joined_by_name_and_frames_are_found_from_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let files = two(folder.path());
        let output = folder.path().join("all.json");
        let inputs =
            files.iter().map(|file| input(file, Some(file.with_file_name("猫")))).collect();
        let renames = vec![("auto".to_owned(), "car".to_owned())];
        let merged = merge(&Merge { inputs, renames, output: output.clone() }).unwrap();
        let root = folder.path().canonicalize().unwrap();
        assert_eq!((merged.num_videos, merged.num_tracks, merged.num_repeated), (5, 3 + 6, 0));
        assert_eq!((merged.image_root, merged.left_out), (Some(root), vec!["info".to_owned()]));
        let all = read(&output);
        let names: Vec<_> = { all["categories"].as_array().unwrap() }
            .iter()
            .map(|class| (class["id"].as_i64().unwrap(), class["name"].as_str().unwrap()))
            .collect();
        assert_eq!(names, [(3, "car"), (7, "Fuß"), (9, "cat"), (10, "truck")]);
        assert_eq!(all["videos"][3]["file_names"][4], "b/猫/street_1/00004.jpg");
        let ids = |list: &str| {
            all[list]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["id"].as_u64().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!((ids("videos"), ids("annotations")), ((1..=5).collect(), (1..=9).collect()));
        // The last video of the second file is the third of its videos; its objects were of 3, 7 and 9.
        let tracks = all["annotations"].as_array().unwrap();
        let last: Vec<_> = { tracks.iter() }
            .filter(|track| track["video_id"] == 5)
            .map(|track| track["category_id"].as_i64().unwrap())
            .collect();
        assert_eq!(last, [10, 3, 7]);
        assert_eq!(tracks[8]["segmentations"], dataset(3)["annotations"][5]["segmentations"]);
    }

    #[test]
    fn lists_of_complete_classes_follow_the_new_ids() {
        let folder = tempfile::tempdir().unwrap();
        let files = two(folder.path());
        let mut second = read(&files[1]);
        second["videos"][0]["exhaustive_category_ids"] = json!([9, 3]);
        second["videos"][1]["exhaustive_category_ids"] = json!([3]);
        second["videos"][2]["not_exhaustive_category_ids"] = json!([3]);
        second["videos"][2]["neg_category_ids"] = json!([]);
        std::fs::write(&files[1], second.to_string()).unwrap();
        let output = folder.path().join("all.json");
        let inputs = || files.iter().map(|file| input(file, None)).collect();
        // Both become car, whose id is 3; the id of Fuß is 7.
        let renames = ["auto", "truck"].map(|old| (old.to_owned(), "car".to_owned())).to_vec();
        merge(&Merge { inputs: inputs(), renames, output: output.clone() }).unwrap();
        let videos = &read(&output)["videos"];
        assert_eq!(videos[1].get("exhaustive_category_ids"), None);
        assert_eq!(videos[2]["exhaustive_category_ids"], json!([7]));
        assert_eq!(videos[3]["exhaustive_category_ids"], json!([]));
        assert_eq!(videos[4]["not_exhaustive_category_ids"], json!([3]));
        assert_eq!(videos[4]["neg_category_ids"], json!([]));
        second["videos"][0]["exhaustive_category_ids"] = json!([8]);
        std::fs::write(&files[1], second.to_string()).unwrap();
        let said = merge(&Merge { inputs: inputs(), renames: Vec::new(), output }).unwrap_err();
        let expected = "videos[0] (id 10): exhaustive_category_ids: expected the ids of categories";
        assert!(said.to_string().contains(expected), "{said}");
    }

    #[test]
    fn repeated_videos_are_counted_and_unknown_classes_refused() {
        let folder = tempfile::tempdir().unwrap();
        let files = two(folder.path());
        let output = folder.path().join("all.json");
        let inputs = || files.iter().map(|file| input(file, None)).collect();
        let renames = vec![("dog".to_owned(), "cat".to_owned())];
        let said = merge(&Merge { inputs: inputs(), renames, output: output.clone() })
            .unwrap_err()
            .to_string();
        assert!(said.starts_with("--rename dog: expected a class") && !output.exists(), "{said}");
        let merged = merge(&Merge { inputs: inputs(), renames: Vec::new(), output }).unwrap();
        assert_eq!((merged.num_repeated, merged.num_classes), (2, 5));
        assert_eq!(merged.image_root, None);
    }
}
