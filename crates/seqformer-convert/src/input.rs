//! Input of all commands: a file, a folder, or a zip archive of either.

use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_files::TemporaryFolder;

use crate::format::Format;
use crate::guess::guess;
use crate::{ConvertError, Notes, archive, pictures};

/// A file or folder to read. An archive is unpacked for as long as this lives.
#[derive(Debug)]
pub struct Input {
    named: PathBuf,
    path: PathBuf,
    unpacked: Option<TemporaryFolder>,
}

impl Input {
    /// Opens an input; `from` is its format, if the user gave one.
    ///
    /// # Errors
    ///
    /// Input that cannot be read, and an archive that is damaged or holds no annotation file or several.
    pub fn open(named: &Path, from: Option<Format>) -> Result<Self, ConvertError> {
        let found = named.metadata().map_err(|source| ConvertError::read(named, source))?;
        let mut input =
            Self { named: named.to_path_buf(), path: named.to_path_buf(), unpacked: None };
        if found.is_file() && archive::is_archive(named)? {
            let folder = temporary_folder()?;
            archive::unpack(named, folder.path())?;
            input.path = folder.path().to_path_buf();
            input.unpacked = Some(folder);
            input.path = input.annotations(from).map_err(|error| input.error(error))?;
        }
        Ok(input)
    }

    /// Returns the path of the file or folder, unpacked if it is an archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether it is an archive.
    pub(crate) fn is_archive(&self) -> bool {
        self.unpacked.is_some()
    }

    /// Returns the path that the user gave.
    pub fn named(&self) -> &Path {
        &self.named
    }

    /// Finds what to read of an unpacked archive: the only annotation file, or the whole folder.
    fn annotations(&self, from: Option<Format>) -> Result<PathBuf, ConvertError> {
        let folder = &self.path;
        let is_file = match from {
            Some(format) => format.is_one_file(),
            None => guess(folder).is_err(),
        };
        if !is_file {
            return Ok(folder.clone());
        }
        let mut files = Vec::new();
        find(folder, &mut files)?;
        match files.as_slice() {
            [file] => Ok(file.clone()),
            // What is wrong with the folder is reported by whoever reads it.
            [] => Ok(folder.clone()),
            several => {
                let names: Vec<_> = several.iter().map(|file| file.display().to_string()).collect();
                let fault = Fault::new(
                    "",
                    "one annotation file",
                    names.join(", "),
                    "unpack the archive, and name one of them",
                );
                Err(ConvertError::wrong(folder, "the whole archive", fault))
            }
        }
    }

    /// Names the archive instead of the folder that it is unpacked into.
    pub(crate) fn words(&self, text: &str) -> String {
        match &self.unpacked {
            None => text.to_owned(),
            Some(folder) => {
                text.replace(&*folder.path().to_string_lossy(), &self.named.to_string_lossy())
            }
        }
    }

    /// Names the archive in an error about a file in it.
    pub fn error(&self, error: ConvertError) -> ConvertError {
        if self.is_archive() {
            return ConvertError::InArchive { text: self.words(&error.to_string()) };
        }
        error
    }

    /// Names the archive in notes about files in it.
    pub fn notes(&self, notes: &mut Notes) {
        if self.is_archive() {
            notes.reword(|text| self.words(text));
        }
    }
}

/// Creates a temporary folder for converted or unpacked files.
///
/// # Errors
///
/// A temporary folder that is missing or full.
pub fn temporary_folder() -> Result<TemporaryFolder, ConvertError> {
    let beside = tempfile::env::temp_dir().join("annotations");
    TemporaryFolder::beside(&beside).map_err(|source| ConvertError::write(&beside, source))
}

/// Finds all JSON files below a folder.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), ConvertError> {
    for path in pictures::list(folder)? {
        if path.is_dir() {
            find(&path, found)?;
        } else if pictures::has_ending(&path, "json") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Archives: exports of tools, datasets, broken ones and hostile ones.

    use std::fs::File;
    use std::io::Write as _;
    use std::path::Path;

    use seqformer_masks::ImageSize;
    use zip::write::SimpleFileOptions;

    use crate::check::{Checkup, check};
    use crate::label_image::{Depth, LabelImage};
    use crate::{Conversion, Format, convert};

    const TRACKS: &str = r#"{
        "videos": [{"id": 1, "height": 2, "width": 4, "length": 1, "file_names": ["猫/0.jpg"]}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [{"id": 0, "video_id": 1, "category_id": 3, "iscrowd": 0,
            "segmentations": [{"size": [2, 4], "counts": [2, 3, 3]}], "bboxes": [null], "areas": [3]}]}"#;

    fn pack(path: &Path, entries: &[(&str, &[u8])]) {
        let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, bytes) in entries {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
    }

    #[test]
    fn archives_are_read_as_their_files_or_folders() {
        let folder = tempfile::tempdir().unwrap();
        let [zip, out] = ["in.zip", "out.json"].map(|name| folder.path().join(name));
        pack(&zip, &[("a/猫/train.json", TRACKS.as_bytes()), ("__MACOSX/x.json", b"{}")]);
        let mut conversion = Conversion::new(&zip, Format::Ytvis, &out);
        let done = convert(&conversion).unwrap();
        assert_eq!((done.from, done.num_tracks), (Format::Ytvis, 1));
        let checkup = Checkup { file: zip.clone(), images: None, fix: None };
        let report = check(&checkup, &|_, _| {}).unwrap();
        let said = report.problems[0].to_string();
        assert!(
            said.starts_with(&format!("{}/a/猫/train.json: annotations[0]", zip.display())),
            "{said}"
        );

        let png = folder.path().join("label.png");
        let image = LabelImage { size: ImageSize { height: 1, width: 3 }, values: vec![0, 1, 2] };
        image.write(&png, Depth::Eight, true).unwrap();
        let bytes = std::fs::read(&png).unwrap();
        pack(&zip, &[("d/Annotations/v/0.png", &bytes), ("d/Annotations/v/1.png", &bytes)]);
        conversion.overwrite = true;
        let done = convert(&conversion).unwrap();
        assert_eq!((done.from, done.num_frames, done.num_tracks), (Format::Davis, 2, 2));
    }

    #[test]
    fn what_is_wrong_with_an_archive_is_one_message() {
        let folder = tempfile::tempdir().unwrap();
        let [zip, out] = ["in.zip", "out.json"].map(|name| folder.path().join(name));
        let check = |expected: &str| {
            let said =
                convert(&Conversion::new(&zip, Format::Ytvis, &out)).unwrap_err().to_string();
            assert!(said.contains(&zip.display().to_string()) && said.contains(expected), "{said}");
            assert!(!said.contains(".seqformer-") && !out.exists(), "{said}");
        };
        pack(&zip, &[("a.json", TRACKS.as_bytes()), ("b.json", TRACKS.as_bytes())]);
        check("in.zip/b.json; unpack the archive");
        pack(&zip, &[("../a.json", TRACKS.as_bytes())]);
        check("\"../a.json\"");
        assert!(!folder.path().parent().unwrap().join("a.json").exists());
        pack(&zip, &[]);
        check("a folder with no files");
        pack(&zip, &[("a.json", &TRACKS.as_bytes()[..100])]);
        check("in.zip/a.json");
        pack(&zip, &[("a.json", TRACKS.as_bytes())]);
        let mut bytes = std::fs::read(&zip).unwrap();
        bytes[60] ^= 0x55;
        std::fs::write(&zip, &bytes).unwrap();
        check("a whole zip archive");
        std::fs::write(&zip, &bytes[..bytes.len() / 2]).unwrap();
        check("a whole zip archive");
    }
}
