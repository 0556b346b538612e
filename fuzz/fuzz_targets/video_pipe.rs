//! Any bytes on standard input as PPM pictures, one behind the other: an error, or frames of one size.
#![no_main]

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seqformer_fuzz::with_file;
use seqformer_video::{FfmpegLocation, FrameSource};

/// Larger pictures only cost time: the buffer is made before the bytes come.
const MAX_FRAMES: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    with_file("pipe", bytes, |path| {
        let file = File::open(path).expect("the file was just written");
        // SAFETY: both descriptors are open, and this process has one thread.
        let replaced = unsafe { libc::dup2(file.as_raw_fd(), 0) };
        assert_eq!(replaced, 0, "standard input can be replaced");
    });
    read_frames();
    // What standard input still holds must not be seen by the next run.
    let mut rest = Vec::new();
    io::stdin().read_to_end(&mut rest).expect("a file can be read to its end");
});

fn read_frames() {
    let nowhere = FfmpegLocation::find(Some(Path::new("/nonexistent/ffmpeg")));
    let source = FrameSource::open(Path::new("-"), &nowhere).expect("standard input is there");
    let mut size = None;
    for frame in source.frames().expect("standard input can be read once").take(MAX_FRAMES) {
        let Ok(frame) = frame else { return };
        assert_eq!(frame.image.pixels.len() as u64, 3 * frame.image.size.num_pixels());
        assert_eq!(*size.get_or_insert(frame.image.size), frame.image.size);
    }
}
