//! Any bytes as a file of frames that needs no ffmpeg, such as an animated GIF or WebP: an error, or
//! frames of one size.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seqformer_fuzz::with_file;
use seqformer_video::{FfmpegLocation, FrameSource};

/// More frames only cost time.
const MAX_FRAMES: usize = 8;
const MAX_BYTES: usize = 1 << 24;

fuzz_target!(|bytes: &[u8]| {
    // The kind of a file of frames is taken from its content, that of a still image from its name too.
    let name = if bytes.starts_with(b"RIFF") { "video.webp" } else { "video.gif" };
    if name == "video.gif" && !bytes.starts_with(b"GIF8") {
        return; // it would be handed to ffmpeg
    }
    with_file(name, bytes, read_frames);
});

fn read_frames(path: &Path) {
    let nowhere = FfmpegLocation::find(Some(Path::new("/nonexistent/ffmpeg")));
    let Ok(source) = FrameSource::open(path, &nowhere) else { return };
    let rate = source.fps();
    assert!(rate.is_none_or(|rate| rate.is_finite() && rate > 0.0), "{rate:?} frames per second");
    let Ok(frames) = source.frames() else { return };
    let mut size = None;
    let mut bytes = 0;
    for frame in frames.take(MAX_FRAMES) {
        let Ok(frame) = frame else { return };
        assert_eq!(frame.image.pixels.len() as u64, 3 * frame.image.size.num_pixels());
        assert_eq!(*size.get_or_insert(frame.image.size), frame.image.size);
        bytes += frame.image.pixels.len();
        if bytes > MAX_BYTES {
            return;
        }
    }
}
