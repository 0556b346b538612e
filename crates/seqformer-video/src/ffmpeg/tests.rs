use std::path::PathBuf;

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use super::*;

/// The ffmpeg for a test, or none after saying aloud that the test is skipped. In CI it must exist.
pub(crate) fn ffmpeg_or_skip(test: &str) -> Option<FfmpegLocation> {
    let location = FfmpegLocation::find(None);
    if location.path().is_some() {
        return Some(location);
    }
    assert!(std::env::var_os("CI").is_none(), "{test}: ffmpeg is needed in CI");
    eprintln!("SKIPPED {test}: there is no ffmpeg");
    None
}

/// Runs ffmpeg with `options`, to make media for a test.
pub(crate) fn run(location: &FfmpegLocation, options: &[&str]) {
    let mut command = command(location.path().unwrap(), "error");
    let output = command.arg("-nostdin").args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A picture whose brightness tells the index, with a light square that moves.
pub(crate) fn picture(size: ImageSize, index: usize) -> RgbImage {
    let mut pixels = Vec::new();
    for y in 0..size.height as usize {
        for x in 0..size.width as usize {
            let lit = x.abs_diff(10 + 2 * index) < 8 && y.abs_diff(20) < 8;
            pixels.extend(if lit { [250, 240, 30] } else { [40, 20 + 5 * index as u8, 90] });
        }
    }
    RgbImage { size, pixels }
}

#[test]
fn addresses_are_taken_out_of_messages() {
    let check = |line: &str, expected: &str| assert_eq!(clean(line), expected);
    check("[h264 @ 0x556c752a75c0] Invalid NAL unit size", "[h264] Invalid NAL unit size");
    check("[a @ 0x5] [b @ 0xff] text  ", "[a] [b] text");
    check("plain @ text", "plain @ text");
    check("", "");
}

#[test]
fn a_message_has_the_last_distinct_lines() {
    let lines = ["a", "b", "c", "b", " d", "d"].map(str::to_owned);
    assert_eq!(last_lines(&lines), "c; b; d");
    assert_eq!(last_lines(&[]), "");
}

#[cfg(unix)]
fn sleeping() -> (FfmpegProcess, PathBuf) {
    let mut command = Command::new("sleep");
    let process = FfmpegProcess::spawn(command.arg("600"), Stdio::null(), Stdio::piped()).unwrap();
    let proc_entry = PathBuf::from(format!("/proc/{}", process.child.id()));
    (process, proc_entry)
}

#[cfg(target_os = "linux")]
#[test]
fn a_dropped_process_is_killed_and_reaped() {
    let (process, entry) = sleeping();
    assert!(entry.exists());
    drop(process);
    assert!(!entry.exists());
}

#[cfg(unix)]
#[test]
fn a_flood_of_messages_neither_hangs_nor_grows() {
    let mut command = Command::new("sh");
    command.args(["-c", "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done"]);
    let process = FfmpegProcess::spawn(&mut command, Stdio::null(), Stdio::null()).unwrap();
    let (status, lines) = process.wait();
    assert!(status.unwrap().success());
    assert_eq!(lines.len(), KEPT_HEAD + KEPT_TAIL);
    assert_eq!((lines[0].as_str(), lines.last().unwrap().as_str()), ("line 0", "line 19999"));
}

#[test]
fn a_program_that_does_not_start_is_named() {
    let error = probe(Path::new("/nowhere/ffmpeg"), Path::new("a.mp4")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/ffmpeg: cannot start ffmpeg"), "{error}");
}
