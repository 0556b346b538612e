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
mod tests {
    use seqformer_masks::ImageSize;

    use super::*;

    fn reader(bytes: &[u8]) -> PipeReader {
        PipeReader::new(Box::new(std::io::Cursor::new(bytes.to_vec())))
    }

    #[test]
    fn pictures_follow_one_another_until_the_stream_ends() {
        let mut pipe = reader(b"P6\n2 1\n255\nabcdefP6 1 1 255\nxyz");
        let first = pipe.next_frame().unwrap().unwrap();
        assert_eq!(
            (first.size, first.pixels),
            (ImageSize { height: 1, width: 2 }, b"abcdef".to_vec())
        );
        assert_eq!(pipe.next_frame().unwrap().unwrap().pixels, b"xyz");
        assert!(pipe.next_frame().unwrap().is_none());
        assert_eq!(pipe.warning(), None);
    }

    #[test]
    fn a_stream_that_breaks_off_keeps_its_whole_pictures() {
        let mut pipe = reader(b"P6 1 1 255\nxyzP6 1 1 255\nx");
        assert!(pipe.next_frame().unwrap().is_some());
        assert!(pipe.next_frame().unwrap().is_none());
        assert!(pipe.warning().unwrap().contains("inside frame 1"), "{:?}", pipe.warning());
    }

    #[test]
    fn other_streams_are_refused_with_a_mend() {
        for bytes in [&b""[..], b"\x00\x00\x00 ftyp", b"P5 1 1 255\nx", b"P6 0 1 255\n"] {
            let message = reader(bytes).next_frame().unwrap_err().to_string();
            assert!(message.contains("-c:v ppm"), "{message}");
        }
        let message = reader(b"P6 1 1 255\nx").next_frame().unwrap_err().to_string();
        assert!(message.contains("no frame could be decoded"), "{message}");
    }
}
