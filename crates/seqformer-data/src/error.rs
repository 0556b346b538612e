//! Errors between a file and a clip.

use std::io;
use std::path::PathBuf;

use seqformer_annotations::AnnotationError;
use seqformer_files::OutputError;
use seqformer_masks::{ImageSize, MaskError};
use thiserror::Error;

/// A file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read.
    #[error("{}: cannot read the file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The content is not an image of a known kind.
    #[error("{}: expected a JPEG, PNG, WebP, GIF or BMP image, found {found}", path.display())]
    UnknownImageKind {
        /// The file.
        path: PathBuf,
        /// What the content appears to be.
        found: String,
    },
    /// The image is truncated or broken.
    #[error(
        "{}: the {kind} image is broken or truncated ({reason}); re-export or remove the file",
        path.display()
    )]
    BrokenImage {
        /// The file.
        path: PathBuf,
        /// `JPEG`, `PNG` and so on.
        kind: &'static str,
        /// The decoder's message.
        reason: String,
    },
    /// The image has more pixels than [`ImageSize::MAX_PIXELS`], or none.
    #[error(
        "{}: expected an image of 1 to {} pixels, found size {size}",
        path.display(),
        ImageSize::MAX_PIXELS
    )]
    ImageSize {
        /// The file.
        path: PathBuf,
        /// The size in the header.
        size: ImageSize,
    },
    /// An annotation file is invalid.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// An unknown dataset name.
    #[error(
        "dataset {name:?}: expected one of {known}, found another name; correct DATASETS, or \
         declare the dataset with its annotation file, image folder and type"
    )]
    UnknownDataset {
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A file of a dataset does not exist.
    #[error(
        "dataset {name:?}: expected {what} at {}, found nothing; put it there or set \
         DETECTRON2_DATASETS to the folder that contains the datasets",
        path.display()
    )]
    MissingDataset {
        /// The dataset.
        name: String,
        /// `the annotation file` or `the image folder`.
        what: &'static str,
        /// Its expected path.
        path: PathBuf,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot write", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An output already exists.
    #[error("{}: already exists; remove it or choose another folder", path.display())]
    OutputExists {
        /// The file or folder.
        path: PathBuf,
    },
    /// An output that would replace an input.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Pictures from which no videos of cut-outs can be made.
    #[error(
        "{}: expected an object to cut out, and another picture to put it on; found {num_objects} such objects in \
         {num_pictures} pictures ({left_out}); use pictures with larger objects",
        path.display()
    )]
    NothingToCutOut {
        /// The annotation file.
        path: PathBuf,
        /// Number of pictures.
        num_pictures: usize,
        /// Number of objects that can be cut out.
        num_objects: usize,
        /// Why the others cannot.
        left_out: String,
    },
    /// Image files that do not exist.
    #[error(
        "{}: expected an image for each of the {num_pictures} pictures, found none for {num_missing}, the first is \
         {}; put them there, or name the folder of the images with --images",
        path.display(), first.display()
    )]
    MissingImages {
        /// The annotation file.
        path: PathBuf,
        /// Number of pictures.
        num_pictures: usize,
        /// How many have no image file.
        num_missing: usize,
        /// The first missing file.
        first: PathBuf,
    },
    /// An option of the synthetic dataset is out of range.
    #[error("{option}: expected {expected}, found {found}")]
    SynthOption {
        /// The option.
        option: &'static str,
        /// Its range.
        expected: String,
        /// The value given.
        found: String,
    },
    /// An image file has another size than its annotation file says.
    #[error(
        "{}: expected an image of size {expected}, as the annotation file says of video \
         {video_id}, found {found}; {}",
        path.display(),
        why_other_size(*expected, *found)
    )]
    FrameSize {
        /// The image file.
        path: PathBuf,
        /// The video.
        video_id: u64,
        /// The size in the annotation file.
        expected: ImageSize,
        /// The size of the image.
        found: ImageSize,
    },
    /// A frame beyond the end of a video.
    #[error("video {video_id}: expected a frame below {length}, found {index}")]
    NoSuchFrame {
        /// The video.
        video_id: u64,
        /// Its number of frames.
        length: usize,
        /// The requested frame.
        index: usize,
    },
    /// The mask of an object cannot be transformed.
    #[error("{}: video {video_id}, annotation {track_id}: the mask cannot be used", path.display())]
    Mask {
        /// The image file.
        path: PathBuf,
        /// The video.
        video_id: u64,
        /// The annotation.
        track_id: u64,
        /// What is wrong with it.
        source: MaskError,
    },
    /// No dataset has a record.
    #[error("no video to train on in {files:?}; check DATASETS.TRAIN and the annotation files")]
    NothingToTrain {
        /// The annotation files.
        files: Vec<PathBuf>,
    },
    /// Clips of a dataset that are all replaced by others.
    #[error(
        "{}: expected a clip with objects among {tries} that were drawn, found none (a clip of views of an image \
         may not have more than 25); check the annotations, or set INPUT.DATA_PATH to vnext, which \
         trains on such clips",
        path.display()
    )]
    NoAcceptedClip {
        /// The annotation file.
        path: PathBuf,
        /// The number of clips that were drawn.
        tries: usize,
    },
    /// An index beyond the end of a dataset.
    #[error("dataset {dataset} has no record {record}")]
    NoSuchRecord {
        /// The dataset, counted from 0.
        dataset: usize,
        /// The record, counted from 0.
        record: usize,
    },
    /// The system cannot start a loader thread.
    #[error("cannot start thread {name}; lower DATALOADER.NUM_WORKERS")]
    Thread {
        /// The thread.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// A loader thread failed unexpectedly.
    #[error("loading failed unexpectedly ({reason}); please report this")]
    Worker {
        /// The message of the failure.
        reason: String,
    },
}

/// Why an image's size may differ from the annotation file, and how to fix it.
fn why_other_size(expected: ImageSize, found: ImageSize) -> &'static str {
    if expected.height == found.width && expected.width == found.height {
        "the sides are swapped: the image probably has an EXIF orientation, which is applied as viewers do, while \
         the annotations refer to the raw pixels; save the images without \
         the orientation, or correct height and width in the annotation file"
    } else {
        "correct the annotation file or the image"
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn swapped_sides_are_told_from_other_sizes() {
        let size = |height, width| ImageSize { height, width };
        let message = |expected, found| {
            let path = PathBuf::from("a/0.jpg");
            DataError::FrameSize { path, video_id: 3, expected, found }.to_string()
        };
        let turned = message(size(64, 96), size(96, 64));
        for part in ["a/0.jpg", "64x96", "96x64", "video 3", "EXIF orientation"] {
            assert!(turned.contains(part), "{part}: {turned}");
        }
        let other = message(size(64, 96), size(96, 65));
        assert!(
            !other.contains("EXIF") && other.contains("correct the annotation file"),
            "{other}"
        );
    }
}
