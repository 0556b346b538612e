//! Errors between a file and a frame.

use std::path::PathBuf;

use seqformer_data::DataError;
use seqformer_masks::ImageSize;

/// An error about a video, a folder of images, or an image to be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// A file or folder could not be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// A file or folder could not be written.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// The input does not exist, and looks like something that is not supported.
    #[error("{}: expected a folder of images, a video file or -, found nothing with this name ({source}); {hint}", path.display())]
    NotAnInput {
        /// The input.
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

    /// A folder contains no image.
    #[error("{}: expected images (jpg, jpeg, png, webp, bmp), found {found}", path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// What it contains instead.
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

    /// A video file was given, but there is no usable ffmpeg.
    #[error(
        "{}: ffmpeg is needed for video files, but {reason}; install ffmpeg, or `pip install \
         imageio-ffmpeg`, or name the program with --ffmpeg or SEQFORMER_FFMPEG, or give a folder \
         of images instead",
        path.display()
    )]
    FfmpegMissing {
        /// The video.
        path: PathBuf,
        /// Where ffmpeg was searched.
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

    /// A video has no frame that can be decoded.
    #[error("{}: no frame could be decoded: {reason}", path.display())]
    NoFrames {
        /// The video.
        path: PathBuf,
        /// The decoder's last message.
        reason: String,
    },

    /// A frame is too large.
    #[error("{}: expected at most {limit} pixels per frame, found {}x{}", path.display(), found.width, found.height)]
    FrameTooLarge {
        /// The video.
        path: PathBuf,
        /// The maximum number of pixels.
        limit: u64,
        /// Size of the frame.
        found: ImageSize,
    },

    /// The decoder returned something that is not a frame.
    #[error("{}: expected a frame from the decoder, found {found}", path.display())]
    Decode {
        /// The video.
        path: PathBuf,
        /// What it returned.
        found: String,
    },

    /// A video or image could not be encoded.
    #[error("{}: cannot encode: {reason}", path.display())]
    Encode {
        /// The file to be written.
        path: PathBuf,
        /// The encoder's last message.
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

    /// A frame's pixel buffer does not match its size.
    #[error("frame of {}x{} pixels: expected {expected} bytes, found {found}", size.width, size.height)]
    PixelCount {
        /// The declared size.
        size: ImageSize,
        /// Bytes that size needs.
        expected: usize,
        /// Actual number of bytes.
        found: usize,
    },

    /// The folder for the overlays contains something else.
    #[error("{}: expected an empty folder or one with earlier overlays, found {found}; choose another folder", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// Name of the first foreign entry.
        found: String,
    },

    /// Nothing was written, because no frame was given.
    #[error("{}: there is no frame to write", path.display())]
    NothingToWrite {
        /// The file or folder.
        path: PathBuf,
    },

    /// A mask whose size differs from the image on which it is drawn.
    #[error(
        "mask of \"{label}\": expected {}x{} pixels as in the image, found {}x{}",
        expected.width, expected.height, found.width, found.height
    )]
    MaskSize {
        /// The label of the object.
        label: String,
        /// Size of the image.
        expected: ImageSize,
        /// Size of the mask.
        found: ImageSize,
    },

    /// The output's extension is not a format that can be written.
    #[error("{}: expected a file name ending in .mp4 or .gif", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },

    /// A file is no font.
    #[error("{}: expected a TrueType or OpenType font (.ttf, .otf or .ttc), found something else", path.display())]
    NotAFont {
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
