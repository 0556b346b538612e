//! Why no configuration can be made.

use std::path::PathBuf;

use seqformer_checkpoint::CheckpointError;
use seqformer_config::ConfigError;
use seqformer_convert::ConvertError;
use seqformer_files::OutputError;
use seqformer_models::ModelsError;
use seqformer_video::VideoError;

/// Data, weights or an output folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The annotations cannot be read.
    #[error(transparent)]
    Annotations(#[from] ConvertError),
    /// The output may not have this name.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The weights cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The weights are of no SeqFormer.
    #[error(transparent)]
    Model(#[from] ModelsError),
    /// A video file cannot be read, or a frame of it cannot be written.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// The settings contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of the frames is not there.
    #[error(
        "--frames {}: expected the folder of the frames, found nothing of this name; name the folder that the file names of \
         the annotations are relative to, or the one with the video files",
        path.display()
    )]
    NoFrames {
        /// The folder.
        path: PathBuf,
    },
    /// Frames of annotated videos are not there.
    #[error(
        "--frames {}: expected the frames of all annotated videos, {missing} of {total} are missing, the first is {}; name \
         the folder that the file names of the annotations are relative to, or the one with the video files",
        folder.display(), first.display()
    )]
    MissingFrames {
        /// The folder.
        folder: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        total: usize,
        /// The first that is missing.
        first: PathBuf,
    },
    /// A frame is no picture of the size that its video has.
    #[error(
        "{}: expected the first frame of {video}, {expected}, found {found}; masks fit only frames of the size that was \
         annotated: name those with --frames",
        path.display()
    )]
    WrongFrame {
        /// The image.
        path: PathBuf,
        /// Its video.
        video: String,
        /// The size in the annotations.
        expected: String,
        /// What the file is.
        found: String,
    },
    /// A video file has fewer frames than were annotated.
    #[error(
        "{}: expected the {expected} frames of {video}, found {found}; name the video file that was annotated",
        path.display()
    )]
    ShortFilm {
        /// The video file.
        path: PathBuf,
        /// The video of the annotations.
        video: String,
        /// Its length.
        expected: usize,
        /// The frames of the file.
        found: usize,
    },
    /// There are too few videos to train and to validate.
    #[error(
        "{}: expected two videos with objects or more, one of them to validate with, found {found} of {total}; annotate \
         another one, or cut a long video in two{boxes}",
        path.display()
    )]
    TooFew {
        /// The annotations.
        path: PathBuf,
        /// Videos with objects.
        found: usize,
        /// All videos.
        total: usize,
        /// What to do about objects that have only boxes; empty if there are none.
        boxes: &'static str,
    },
    /// The weights are of no network that can start a training.
    #[error(
        "{}: expected weights of a SeqFormer, or of a ResNet or Swin Transformer trained on images, found {found}; \
         `seqformer weights inspect` shows what is in the file",
        path.display()
    )]
    Weights {
        /// The weight file.
        path: PathBuf,
        /// Whose names it has.
        found: String,
    },
    /// A path that a configuration would read as another one.
    #[error(
        "{path}: a configuration would take this for another path, because of ~ or $ in it; move the data or choose \
         another --output"
    )]
    Path {
        /// The path.
        path: String,
    },
    /// The operating system failed to write.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
