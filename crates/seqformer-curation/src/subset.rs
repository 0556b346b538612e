//! Subsets: some classes, videos and frames of a dataset.

use std::collections::BTreeSet;
use std::path::PathBuf;

use glob::Pattern;
use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{
    AnnotationError, Entry, Fault, Id, LISTS_OF_CATEGORIES, is_absent, place_of,
};
use serde_json::Value;

use crate::error::{CurationError, listed};
use crate::index::{Index, IndexedVideo, Reference, skip};
use crate::output::{List, Placed, distribute};
use crate::source::Source;

/// What is kept of a dataset.
#[derive(Debug, Clone)]
pub struct Subset {
    /// The file to write.
    pub output: PathBuf,
    /// The names of the classes; all if there is none.
    pub classes: Vec<String>,
    /// Names of videos, or patterns with `*`, `?` and `[…]`; all if there is none.
    pub videos: Vec<String>,
    /// The first of this many frames is kept, 1 or more.
    pub every: usize,
    /// Whether videos without an object are left out.
    pub drop_empty: bool,
}

/// What was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubsetCounts {
    /// The number of videos.
    pub num_videos: usize,
    /// The number of frames.
    pub num_frames: usize,
    /// The number of objects.
    pub num_tracks: usize,
    /// How many objects are seen on none of the frames that are kept, and are left out.
    pub num_unseen: usize,
    /// How many of the videos have no object.
    pub num_empty: usize,
}

/// Writes a part of a dataset into a new file.
///
/// The caller has made sure that the name may be written.
///
/// # Errors
///
/// Classes or videos that the dataset does not have, and a file that is wrong or cannot be written.
pub fn subset(source: &Source, subset: &Subset) -> Result<SubsetCounts, CurationError> {
    subset_file(source, subset).map_err(|error| source.error(error))
}

fn subset_file(source: &Source, subset: &Subset) -> Result<SubsetCounts, CurationError> {
    let index = Index::read(&source.path())?;
    let classes = classes(&index, &subset.classes)?;
    let mut videos = videos(&index, &subset.videos)?;
    let mut counts = SubsetCounts::default();
    let mut keeps = Vec::new();
    let mut with_objects = BTreeSet::new();
    let look = |at: usize, text: &[u8]| {
        let reference = index.refer(at, text)?;
        if !videos.contains(&reference.video) || !classes.contains(&reference.class) {
            return Ok(Fate::LeftOut);
        }
        let is_seen = subset.every == 1 || is_seen(&index, reference, (at, text), subset.every)?;
        Ok(if is_seen { Fate::Kept(reference.video) } else { Fate::Unseen })
    };
    JsonFile::open(&index.path)?.for_each_key(|file, key| {
        if key != "annotations" || file.skip_null()? {
            return if key == "annotations" { Ok(()) } else { skip(file) };
        }
        file.for_each_element(look, |fate| {
            keeps.push(matches!(fate, Fate::Kept(_)));
            match fate {
                Fate::Kept(video) => {
                    counts.num_tracks += 1;
                    with_objects.insert(video);
                }
                Fate::Unseen => counts.num_unseen += 1,
                Fate::LeftOut => {}
            }
        })
    })?;
    if subset.drop_empty {
        videos.retain(|video| with_objects.contains(video));
    }
    counts.num_videos = videos.len();
    counts.num_empty = videos.difference(&with_objects).count();
    let frames = |&video: &usize| index.videos[video].length.div_ceil(subset.every);
    counts.num_frames = videos.iter().map(frames).sum();
    distribute(&index.path, &[&subset.output], |list, at, text| {
        let is_kept = match list {
            List::Videos => videos.contains(&at),
            List::Categories => classes.contains(&at),
            List::Annotations => keeps[at],
        };
        if !is_kept {
            return Ok(Placed::Nowhere);
        }
        let video = match list {
            _ if subset.every == 1 => None,
            List::Videos => Some(at),
            List::Categories => None,
            List::Annotations => Some(index.refer(at, text)?.video),
        };
        let text = match video.map(|video| &index.videos[video]) {
            Some(video) => thinned(&index, video, (list, at, text), subset.every)?,
            None => text.to_vec(),
        };
        let has_all = list != List::Videos || classes.len() == index.classes.len();
        Ok(Placed::In(0, if has_all { text } else { listing(&index, &classes, (at, text))? }))
    })?;
    Ok(counts)
}

/// What happens to an object.
enum Fate {
    Kept(usize),
    Unseen,
    LeftOut,
}

/// Finds classes by their names.
fn classes(index: &Index, names: &[String]) -> Result<BTreeSet<usize>, CurationError> {
    let all = || index.classes.iter().enumerate();
    if names.is_empty() {
        return Ok(all().map(|(at, _)| at).collect());
    }
    let mut found = BTreeSet::new();
    for name in names {
        let same = all().filter(|(_, class)| class.name == *name).map(|(at, _)| at);
        let before = found.len();
        found.extend(same);
        if found.len() == before && names.iter().filter(|other| *other == name).count() == 1 {
            let known = listed(index.classes.iter().map(|class| class.name.as_str()));
            return Err(CurationError::UnknownClass {
                option: "--classes",
                name: name.clone(),
                known,
            });
        }
    }
    Ok(found)
}

/// Finds videos by names and patterns.
fn videos(index: &Index, patterns: &[String]) -> Result<BTreeSet<usize>, CurationError> {
    if patterns.is_empty() {
        return Ok((0..index.videos.len()).collect());
    }
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let none = |found: String| CurationError::NoVideo { pattern: pattern.clone(), found };
        let parsed = Pattern::new(pattern).map_err(|error| none(error.to_string()))?;
        let fits = |video: &IndexedVideo| {
            video.name == *pattern
                || parsed.matches(&video.name)
                || video.id.to_string() == *pattern
        };
        let fitting: Vec<usize> =
            (0..index.videos.len()).filter(|&video| fits(&index.videos[video])).collect();
        if fitting.is_empty() {
            let names = listed(index.videos.iter().map(|video| video.name.as_str()));
            return Err(none(format!("the videos are {names}")));
        }
        found.extend(fitting);
    }
    Ok(found)
}

/// Returns whether an object has a mask on a frame that is kept.
fn is_seen(
    index: &Index,
    reference: Reference,
    (at, text): (usize, &[u8]),
    every: usize,
) -> Result<bool, AnnotationError> {
    let wrong = |entry: &Entry, fault| {
        AnnotationError::wrong(&index.path, place_of("annotations", at, entry), fault)
    };
    let entry = Entry::parse(text).map_err(|fault| wrong(&Entry::default(), fault))?;
    let length = index.videos[reference.video].length;
    let masks = entry.get("segmentations").and_then(Value::as_array);
    let masks = masks.filter(|masks| masks.len() >= length).ok_or_else(|| {
        let expected = format!("an entry for each of the {length} frames of the video");
        let found =
            masks.map_or_else(|| "no list".to_owned(), |masks| format!("{} entries", masks.len()));
        let mend = "write null where the object is not visible";
        wrong(&entry, Fault::new("segmentations", expected, found, mend))
    })?;
    Ok(masks.iter().take(length).step_by(every).any(|mask| !is_absent(mask)))
}

/// Removes classes that are left out from the lists of a video.
fn listing(
    index: &Index,
    classes: &BTreeSet<usize>,
    (at, text): (usize, Vec<u8>),
) -> Result<Vec<u8>, AnnotationError> {
    let mut entry = Entry::parse(&text)
        .map_err(|fault| AnnotationError::wrong(&index.path, format!("videos[{at}]"), fault))?;
    let mut has_lists = false;
    for field in LISTS_OF_CATEGORIES {
        if let Some(listed) = index.listed_classes((at, &entry), field)? {
            let kept = listed.into_iter().filter(|class| classes.contains(class));
            let ids = kept.map(|class| match &index.classes[class].id {
                Id::Number(number) => Value::from(*number),
                Id::Text(text) => Value::from(&**text),
            });
            entry.set(field, ids.collect());
            has_lists = true;
        }
    }
    Ok(if has_lists { entry.into_json().into_bytes() } else { text })
}

/// Keeps the first of every `every` entries of each list that has an entry for each frame.
fn thinned(
    index: &Index,
    video: &IndexedVideo,
    (list, at, text): (List, usize, &[u8]),
    every: usize,
) -> Result<Vec<u8>, AnnotationError> {
    let name = if list == List::Videos { "videos" } else { "annotations" };
    let mut entry = Entry::parse(text)
        .map_err(|fault| AnnotationError::wrong(&index.path, format!("{name}[{at}]"), fault))?;
    for (name, values) in entry.lists_mut().filter(|(name, _)| !LISTS_OF_CATEGORIES.contains(name))
    {
        // Readers skip masks beyond the last frame.
        if values.len() == video.length || (name == "segmentations" && values.len() > video.length)
        {
            let kept = values.drain(..).take(video.length).step_by(every).collect();
            *values = kept;
        }
    }
    if entry.has("length") {
        entry.set("length", video.length.div_ceil(every).into());
    }
    Ok(entry.into_json().into_bytes())
}

#[cfg(test)]
mod tests {
    use seqformer_convert::ReadOptions;
    use serde_json::json;

    use super::*;
    use crate::testing::{dataset, read};

    fn run(change: impl FnOnce(&mut Subset)) -> (Result<SubsetCounts, CurationError>, Value) {
        run_with(&dataset(6), change)
    }

    fn run_with(
        all: &Value,
        change: impl FnOnce(&mut Subset),
    ) -> (Result<SubsetCounts, CurationError>, Value) {
        let folder = tempfile::tempdir().unwrap();
        let (file, output) = (folder.path().join("all.json"), folder.path().join("part.json"));
        std::fs::write(&file, all.to_string()).unwrap();
        let (classes, videos) = (Vec::new(), Vec::new());
        let mut wanted =
            Subset { output: output.clone(), classes, videos, every: 1, drop_empty: false };
        change(&mut wanted);
        let source = Source::open(&file, None, &ReadOptions::default()).unwrap();
        let done = subset(&source, &wanted);
        let written = if done.is_ok() { read(&output) } else { Value::Null };
        assert_eq!(output.exists(), done.is_ok());
        (done, written)
    }

    #[test]
    fn classes_and_videos_are_kept_as_they_are() {
        let all = dataset(6);
        let (done, written) = run(|subset| {
            subset.classes = vec!["Fuß".into()];
            subset.videos = vec!["street_[0-2]".into(), "14".into()];
        });
        let counts = SubsetCounts {
            num_videos: 4,
            num_frames: 20,
            num_tracks: 3,
            num_unseen: 0,
            num_empty: 1,
        };
        assert_eq!(done.unwrap(), counts);
        assert_eq!(written["categories"], json!([all["categories"][1]]));
        assert_eq!(written["videos"][3], all["videos"][4]);
        let of_class = |track: &&Value| track["category_id"] == 7 && track["video_id"] != 15;
        let expected: Vec<&Value> =
            all["annotations"].as_array().unwrap().iter().filter(of_class).collect();
        assert_eq!(written["annotations"], json!(expected));
        let (done, written) = run(|subset| {
            subset.classes = vec!["cat".into()];
            subset.drop_empty = true;
        });
        assert_eq!((done.unwrap().num_empty, written["videos"].as_array().unwrap().len()), (0, 2));
    }

    #[test]
    fn every_third_frame_keeps_names_masks_and_areas_together() {
        let (done, written) = run(|subset| subset.every = 3);
        // The first object of a video has no mask on frames 0 and 3.
        let counts = done.unwrap();
        assert_eq!((counts.num_frames, counts.num_unseen, counts.num_empty), (12, 6, 2));
        let video = &written["videos"][1];
        assert_eq!(video["file_names"], json!(["street_1/00000.jpg", "street_1/00003.jpg"]));
        assert_eq!(video["length"], 2);
        let track = &written["annotations"][0];
        assert_eq!((&track["areas"], &track["bboxes"]), (&json!([2, 2]), &json!([null, null])));
        assert_eq!(track["segmentations"][1]["counts"], json!([8, 2, 14]));
        assert_eq!(track["more"], json!(0.1));
    }

    #[test]
    fn lists_of_complete_classes_keep_the_classes_that_are_left() {
        let mut all = dataset(6);
        // As long as the video, but not a list of frames.
        all["videos"][0]["exhaustive_category_ids"] = json!([3, 9, 7, 9, 3]);
        all["videos"][1]["neg_category_ids"] = json!([7]);
        let (_, written) = run_with(&all, |subset| {
            subset.classes = vec!["car".into(), "cat".into()];
            subset.every = 3;
        });
        assert_eq!(written["videos"][0]["exhaustive_category_ids"], json!([3, 9, 9, 3]));
        assert_eq!(written["videos"][1]["neg_category_ids"], json!([]));
        assert_eq!(written["videos"][2].get("neg_category_ids"), None);
    }

    #[test]
    fn what_the_dataset_does_not_have_is_named_with_what_it_has() {
        let fails = |change: &dyn Fn(&mut Subset), expected: &str| {
            let said = run(change).0.unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        fails(
            &|subset| subset.classes = vec!["dog".into()],
            "--classes dog: expected a class of the dataset, found none of this name; it has car, Fuß, cat",
        );
        fails(&|subset| subset.videos = vec!["road*".into()], "the videos are street_0, street_1");
        fails(&|subset| subset.videos = vec!["street_[".into()], "--videos street_[");
    }
}
