//! What can go wrong between a file and a frame.

use std::path::PathBuf;

use seqformer_data::DataError;
use seqformer_masks::ImageSize;

/// An error about a video, a folder of images, or a picture to be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// A file or folder could not be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// A file or folder could not be written.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// What was given is not there, and looks like something that is not read.
    #[error("{}: expected a folder of images, a video file or -, found nothing with this name ({source}); {hint}", path.display())]
    NotAnInput {
        /// What was given.
        path: PathBuf,
        /// Why it could not be opened.
        source: std::io::Error,
        /// What to give instead.
        hint: String,
    },

    /// The input is neither a folder nor a regular file.
    #[error("{}: expected a folder of images or a video file, found a device, pipe or socket", path.display())]
    NotAFile {
        /// The input.
        path: PathBuf,
    },

    /// A folder has no image.
    #[error("{}: expected images (jpg, jpeg, png, webp, bmp), found {found}", path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },

    /// A single image could not be decoded; the inner error names the file.
    #[error(transparent)]
    Image(#[from] DataError),

    /// A frame differs in size from the first one.
    #[error(
        "{}: expected {}x{} pixels as in the first frame ({first}), found {}x{}; \
         resize the images to one size or split them into one folder per size",
        path.display(), expected.width, expected.height, found.width, found.height
    )]
    MixedSizes {
        /// The first image that differs.
        path: PathBuf,
        /// Name of the first image.
        first: String,
        /// Size of the first image.
        expected: ImageSize,
        /// Size of this one.
        found: ImageSize,
    },

    /// A video file was given and there is no usable ffmpeg.
    #[error(
        "{}: ffmpeg is needed for video files, but {reason}; install ffmpeg, or `pip install \
         imageio-ffmpeg`, or name the program with --ffmpeg or SEQFORMER_FFMPEG, or give a folder \
         of images instead",
        path.display()
    )]
    FfmpegMissing {
        /// The video.
        path: PathBuf,
        /// Where ffmpeg was looked for.
        reason: String,
    },

    /// The ffmpeg program did not start.
    #[error("{}: cannot start ffmpeg: {source}", ffmpeg.display())]
    FfmpegStart {
        /// The program.
        ffmpeg: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// A video gave no frame at all.
    #[error("{}: no frame could be decoded: {reason}", path.display())]
    NoFrames {
        /// The video.
        path: PathBuf,
        /// The decoder's last words.
        reason: String,
    },

    /// A frame is larger than what is accepted.
    #[error("{}: expected at most {limit} pixels per frame, found {}x{}", path.display(), found.width, found.height)]
    FrameTooLarge {
        /// The video.
        path: PathBuf,
        /// The largest number of pixels accepted.
        limit: u64,
        /// Size of the frame.
        found: ImageSize,
    },

    /// The decoder delivered something that is not a frame.
    #[error("{}: expected a frame from the decoder, found {found}", path.display())]
    Decode {
        /// The video.
        path: PathBuf,
        /// What came instead.
        found: String,
    },

    /// A video or picture could not be encoded.
    #[error("{}: cannot encode: {reason}", path.display())]
    Encode {
        /// The file to be written.
        path: PathBuf,
        /// The encoder's last words.
        reason: String,
    },

    /// A frame to be written differs in size from the first one.
    #[error(
        "{}: expected frames of {}x{} pixels, found {}x{}",
        path.display(), expected.width, expected.height, found.width, found.height
    )]
    FrameSize {
        /// The file to be written.
        path: PathBuf,
        /// Size of the first frame.
        expected: ImageSize,
        /// Size of this one.
        found: ImageSize,
    },

    /// A frame's pixel buffer does not fit its size.
    #[error("frame of {}x{} pixels: expected {expected} bytes, found {found}", size.width, size.height)]
    PixelCount {
        /// The declared size.
        size: ImageSize,
        /// Bytes that size needs.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },

    /// The folder for the overlays holds something else.
    #[error("{}: expected an empty folder or one with earlier overlays, found {found}; choose another folder", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// Name of the first foreign entry.
        found: String,
    },

    /// Nothing was written, since no frame was given.
    #[error("{}: there is no frame to write", path.display())]
    NothingToWrite {
        /// The file or folder.
        path: PathBuf,
    },

    /// A mask has another size than the picture it is to be drawn on.
    #[error(
        "mask of \"{label}\": expected {}x{} pixels as in the image, found {}x{}",
        expected.width, expected.height, found.width, found.height
    )]
    MaskSize {
        /// The label of the object.
        label: String,
        /// Size of the picture.
        expected: ImageSize,
        /// Size of the mask.
        found: ImageSize,
    },

    /// The output's file name does not say a format that can be written.
    #[error("{}: expected a file name ending in .mp4 or .gif", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },

    /// A thread could not be started.
    #[error("cannot start thread {name}: {source}")]
    Thread {
        /// The thread.
        name: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}
