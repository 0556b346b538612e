//! MOTS and KITTI-MOTS as text: a file for each video, a line for each object on a frame.
//!
//! A line is `frame id class height width rle`, with COCO's text for the run lengths. How many frames a video has stands
//! in a `seqmap` file, as the evaluation of KITTI-MOTS has it: `0002 empty 000000 000233`.
//!
//! Reference: "MOTS: Multi-Object Tracking and Segmentation", `mots_tools`; TrackEval `kitti_mots.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_masks::{ImageSize, Rle};

use crate::builder::TrackBuilder;
use crate::dataset::{Dataset, Shape};
use crate::frames::{Held, count_marks, for_each_frame, mask_of};
use crate::interface::{FolderWriter, ReadOptions, Reader};
use crate::mots::{self, Code, Codes};
use crate::{ConvertError, Notes, names, pictures, text_file};

/// The format.
#[derive(Debug)]
pub(crate) struct MotsTxt;

/// The file with the lengths of videos.
const SEQMAP: &str = "evaluate_mots.seqmap";
/// No video has more frames: a larger number is a mistake.
const MAX_FRAMES: u32 = 1 << 20;

/// One line.
#[derive(Debug)]
struct Line {
    frame: u32,
    value: u32,
    mask: Rle,
}

impl Line {
    fn parse(line: &str) -> Result<Self, Fault> {
        const EXPECTED: &str = "frame id class height width rle, with spaces in between";
        let mend = "write the line again";
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [frame, id, class, height, width, rle] = fields[..] else {
            return Err(Fault::new("", EXPECTED, format!("{} fields", fields.len()), mend));
        };
        let number = |name: &str, text: &str, max: u32| {
            let number = text.parse::<u32>().ok().filter(|&number| number <= max);
            let expected = format!("a whole number from 0 to {max}");
            number.ok_or_else(|| Fault::new(name, expected, format!("{text:?}"), mend))
        };
        let value = number("id", id, u32::from(u16::MAX))?;
        let class = number("class", class, u32::from(u16::MAX))?;
        if i64::from(class) != Code::from_value(value).category_id {
            let expected = format!("the class of object {value}, {}", value / 1000);
            return Err(Fault::new(
                "class",
                expected,
                class.to_string(),
                "an id is the class times 1000, plus the object",
            ));
        }
        let (height, width) =
            (number("height", height, u32::MAX)?, number("width", width, u32::MAX)?);
        let size = ImageSize { height, width };
        let mask = Rle::parse_compressed(size, rle)
            .map_err(|error| Fault::of_mask(&error).within("rle"))?;
        Ok(Self { frame: number("frame", frame, MAX_FRAMES)?, value, mask })
    }
}

/// Reads the lines of a video, with the size that all of them have.
fn read_lines(path: &Path) -> Result<(Option<ImageSize>, Vec<Line>), ConvertError> {
    let text = text_file::read(path)?;
    let (mut size, mut lines) = (None, Vec::new());
    for (index, text) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |fault| ConvertError::wrong(path, format!("line {}", index + 1), fault);
        let line = Line::parse(text).map_err(wrong)?;
        let expected = *size.get_or_insert(line.mask.size());
        if line.mask.size() != expected {
            let fault = Fault::new(
                "height, width",
                format!("that of the lines before, {expected}"),
                line.mask.size().to_string(),
                "all frames of a video have one size",
            );
            return Err(wrong(fault));
        }
        lines.push(line);
    }
    Ok((size, lines))
}

/// Reads the lengths of videos from all `seqmap` files of a folder.
fn read_lengths(folder: &Path) -> Result<BTreeMap<String, usize>, ConvertError> {
    let mut lengths = BTreeMap::new();
    for path in pictures::list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.contains("seqmap") || !path.is_file() {
            continue;
        }
        let text = text_file::read(&path)?;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let mut fields = line.trim_end().rsplitn(4, ' ');
            let length = fields.next().and_then(|length| length.parse::<u32>().ok());
            let name = fields.nth(2);
            let known = name.zip(length.filter(|&length| length <= MAX_FRAMES));
            let (name, length) = known.ok_or_else(|| {
                let expected = "a video as: name empty 000000 length";
                let fault = Fault::new("", expected, format!("{line:?}"), "write the line again");
                ConvertError::wrong(&path, format!("line {}", index + 1), fault)
            })?;
            lengths.insert(name.to_owned(), length as usize);
        }
    }
    Ok(lengths)
}

/// The files of videos: all below a folder, by their names without ending.
fn find(input: &Path) -> Result<Vec<(String, PathBuf)>, ConvertError> {
    fn walk(
        folder: &Path,
        name: &str,
        found: &mut Vec<(String, PathBuf)>,
    ) -> Result<(), ConvertError> {
        for path in pictures::list(folder)? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let inner = if name.is_empty() { stem } else { format!("{name}/{stem}") };
            if path.is_dir() {
                walk(&path, &inner, found)?;
            } else if pictures::has_ending(&path, "txt") && !path.ends_with(mots::LABELS) {
                found.push((inner, path));
            }
        }
        Ok(())
    }
    if input.is_file() {
        let stem = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(stem, input.to_path_buf())]);
    }
    let mut found = Vec::new();
    walk(input, "", &mut found)?;
    Ok(found)
}

impl Reader for MotsTxt {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let folder = if input.is_file() { input.parent().unwrap_or(input) } else { input };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let (names, lengths) = (mots::read_labels(&[folder])?, read_lengths(folder)?);
        let mut read = Vec::new();
        for (name, path) in find(input)? {
            read.push((name, read_lines(&path)?));
        }
        if read.is_empty() {
            let fault = Fault::new(
                "",
                "files NAME.txt, one a video",
                "none",
                "give the folder that holds them",
            );
            return Err(ConvertError::wrong(input, "the whole folder", fault));
        }
        let values = |lines: &[Line]| lines.iter().map(|line| line.value).collect::<BTreeSet<_>>();
        let keeps_instances =
            mots::keeps_instances(read.iter().map(|(_, (_, lines))| values(lines)));
        let codes =
            read.iter().flat_map(|(_, (_, lines))| lines).map(|line| Code::from_value(line.value));
        let seen = codes.filter(|code| !code.is_ignored).map(|code| code.category_id).collect();
        let categories = mots::categories(names, &seen);
        let any_category = categories.first().map(|category| category.id);
        let mut videos = Vec::new();
        for ((name, (size, lines)), id) in read.into_iter().zip(1..) {
            let Some(size) = size.or(options.size) else {
                notes.count(
                    "videos have no line and so no size: they are left out (give --size)",
                    || name.clone(),
                );
                continue;
            };
            let last = lines.iter().map(|line| line.frame as usize + 1).max().unwrap_or(0);
            let length = lengths.get(&name).copied().unwrap_or(0).max(last);
            let mut builder = TrackBuilder::new(size, format!("video {id} ({name})"));
            for Line { frame, value, mask } in lines {
                let shape = Shape::Mask(mask);
                match mots::seen(value, (frame as usize, shape), keeps_instances, any_category) {
                    Some(seen) => builder.add(seen, notes),
                    None => notes.say(mots::NO_CLASS),
                }
            }
            let file_names = (0..length).map(|frame| format!("{name}/{frame:06}.png")).collect();
            videos.push(builder.into_video(id, name, file_names));
        }
        if videos.is_empty() {
            let mend =
                "name the size of the frames with --size WIDTHxHEIGHT, or the format with --from";
            let fault = Fault::new("", "a line of a video", "none", mend);
            return Err(ConvertError::wrong(input, "the whole file", fault));
        }
        Ok(Dataset { categories, videos })
    }
}

impl FolderWriter for MotsTxt {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let write = |name: &Path, text: &str| {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)
                .map_err(|source| ConvertError::write(parent, source))?;
            std::fs::write(&path, text).map_err(|source| ConvertError::write(&path, source))
        };
        notes.say("MOTS numbers frames from 0: the names of image files are lost");
        let codes = Codes::new(dataset, notes);
        write(Path::new(mots::LABELS), &codes.labels)?;
        let mut lengths = String::new();
        for video in &dataset.videos {
            count_marks(video, Held { ignored: true, ..Held::default() }, notes);
            let inside = names::inside(&video.name)
                .map_err(|fault| ConvertError::Name { place: video.place(), fault })?;
            let values = codes.of_video(video, notes);
            let mut text = String::new();
            let ImageSize { height, width } = video.size;
            for_each_frame(video, |frame, seen| {
                for (track, shape) in seen {
                    let Some(value) = values.get(&track.id) else { continue };
                    let Some(mask) = mask_of(shape, (video, track, frame), notes) else { continue };
                    let (class, rle) = (value / 1000, mask.to_compressed());
                    // Writing to a string cannot fail.
                    let _written = writeln!(text, "{frame} {value} {class} {height} {width} {rle}");
                }
                Ok(())
            })?;
            let mut name = inside.clone().into_os_string();
            name.push(".txt");
            write(Path::new(&name), &text)?;
            let _written =
                writeln!(lengths, "{} empty 000000 {:06}", inside.display(), video.length);
        }
        write(Path::new(SEQMAP), &lengths)
    }
}

#[cfg(test)]
mod tests {
    //! MOTS as text there and back, and lines that are wrong.

    use proptest::prelude::*;
    use tempfile::tempdir;

    use crate::testing::{Keeps, datasets, plain, read, there_and_back};
    use crate::{Conversion, Format, convert};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn numbers_classes_lengths_and_every_pixel_come_back(
            made in datasets(Keeps { overlap: true, max_id: 999, marks: false })
        ) {
            let mut made = made;
            // A video without objects has no size in this format.
            made.videos.retain(|video| !video.tracks.is_empty());
            prop_assume!(!made.videos.is_empty());
            let folder = tempdir().unwrap();
            let (back, notes) = there_and_back(&made, Format::MotsTxt, folder.path());
            prop_assert_eq!(notes, ["MOTS numbers frames from 0: the names of image files are lost"]);
            prop_assert_eq!(plain(&back), plain(&made));
            prop_assert_eq!(back.categories, made.categories);
        }
    }

    #[test]
    fn lines_that_are_wrong_are_named() {
        let folder = tempdir().unwrap();
        let check = |line: &str, expected: &str| {
            let path = folder.path().join("0002.txt");
            std::fs::write(&path, format!("0 2001 2 2 3 06\n\n{line}\n")).unwrap();
            let output = folder.path().join("out.json");
            let conversion = Conversion {
                from: Some(Format::MotsTxt),
                ..Conversion::new(&path, Format::Ytvis, &output)
            };
            let said = convert(&conversion).unwrap_err().to_string();
            assert!(said.contains("line 3") && said.contains(expected), "{line:?}: {said}");
        };
        check("1 2001 2 2 3", "5 fields");
        check("1 2001 1 2 3 06", "the class of object 2001, 2");
        check("x 2001 2 2 3 06", "frame: expected a whole number");
        check("1 2001 2 2 3 07", "a sum of 7");
        check("1 2001 2 2 3 0~", "rle");
        check("1 2001 2 4294967295 4294967295 06", "at most");
        check("4000000000 2001 2 2 3 06", "frame");
        check("1 2001 2 3 2 06", "one size");
        check("1 90001 90 2 3 06", "id");
    }

    #[test]
    fn a_file_without_a_line_is_no_dataset() {
        let folder = tempdir().unwrap();
        let (path, output) = (folder.path().join("0002.txt"), folder.path().join("out.json"));
        std::fs::write(&path, "\n").unwrap();
        let from = Some(Format::MotsTxt);
        let mut conversion = Conversion { from, ..Conversion::new(&path, Format::Ytvis, &output) };
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(said.contains("0002.txt") && said.contains("--size") && !output.exists(), "{said}");
        conversion.options.size = Some(seqformer_masks::ImageSize { height: 2, width: 3 });
        assert_eq!(convert(&conversion).unwrap().num_videos, 1);
    }

    #[test]
    fn a_file_alone_ends_with_its_last_object() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("0002.txt");
        std::fs::write(&path, "4 2001 2 2 3 06\n2 10000 10 2 3 06\n").unwrap();
        let found = read(&path, Format::MotsTxt);
        assert_eq!((found.videos[0].length, found.videos[0].tracks.len()), (5, 2));
        assert_eq!(found.videos[0].frame_name(4), "0002/000004.png");
    }
}
