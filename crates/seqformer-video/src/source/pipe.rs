//! Images from a pipe: consecutive binary PPM images, as written by `ffmpeg -f image2pipe -c:v ppm -`.

use std::io::{BufReader, Read};
use std::path::Path;

use seqformer_data::RgbImage;

use crate::error::VideoError;
use crate::ffmpeg::{MAX_PIXELS, PpmError, read_ppm};

/// The path that stands for standard input.
pub(super) const STANDARD_INPUT: &str = "-";
const MEND: &str = "pipe PPM images: ffmpeg -i VIDEO -f image2pipe -c:v ppm -pix_fmt rgb24 -";

/// The images of a stream.
pub(super) struct PipeReader {
    stream: BufReader<Box<dyn Read + Send>>,
    read: usize,
    warning: Option<String>,
}

impl std::fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipeReader").field("read", &self.read).finish_non_exhaustive()
    }
}

impl PipeReader {
    pub(super) fn new(stream: Box<dyn Read + Send>) -> Self {
        Self { stream: BufReader::new(stream), read: 0, warning: None }
    }

    /// The next image; `None` at the end.
    pub(super) fn next_frame(&mut self) -> Result<Option<RgbImage>, VideoError> {
        let path = || Path::new(STANDARD_INPUT).to_path_buf();
        let no_frames = |reason: String| VideoError::NoFrames { path: path(), reason };
        match read_ppm(&mut self.stream) {
            Ok(Some(image)) => {
                self.read += 1;
                Ok(Some(image))
            }
            Ok(None) if self.read == 0 => Err(no_frames(format!("it is empty; {MEND}"))),
            Ok(None) => Ok(None),
            // The sender ended inside an image: those before it count.
            Err(PpmError::Ended(error)) if self.read == 0 => Err(no_frames(error.to_string())),
            Err(PpmError::Ended(error)) => {
                let read = self.read;
                self.warning = Some(format!(
                    "{STANDARD_INPUT}: the stream ended inside frame {read}: {error}"
                ));
                Ok(None)
            }
            Err(PpmError::TooLarge(found)) => {
                Err(VideoError::FrameTooLarge { path: path(), limit: MAX_PIXELS, found })
            }
            Err(PpmError::Malformed(found)) => {
                Err(VideoError::Decode { path: path(), found: format!("{found}; {MEND}") })
            }
        }
    }

    /// Why the stream may have ended early; known after the last image.
    pub(super) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

/// Whether `path` stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

#[cfg(test)]
mod tests;
