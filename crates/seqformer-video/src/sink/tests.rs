use super::*;
use crate::ffmpeg::tests::run;
use crate::ffmpeg::tests::{ffmpeg_or_skip, picture};
use crate::source::FrameSource;
use crate::{FrameRate, PixelAspect, Timing};

const SIZE: ImageSize = ImageSize { height: 33, width: 51 };

fn no_ffmpeg() -> FfmpegLocation {
    FfmpegLocation::find(Some(Path::new("/nowhere/ffmpeg")))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write_frames(sink: &mut FrameSink, count: usize) {
    for index in 0..count {
        sink.write(&picture(SIZE, index)).unwrap();
    }
}

#[test]
fn a_folder_appears_when_it_is_complete_and_replaces_an_earlier_one() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("new/frames");
    for count in [3, 2] {
        let mut sink = FrameSink::folder(&path).unwrap();
        write_frames(&mut sink, count);
        assert_eq!(path.exists(), count == 2);
        let written = sink.finish().unwrap();
        assert_eq!(written, Written { path: path.clone(), frames: count, notes: Vec::new() });
        assert_eq!(
            names(&path),
            ["overlay_00000.jpg", "overlay_00001.jpg", "overlay_00002.jpg"][..count]
        );
        assert_eq!(names(&root.path().join("new")), ["frames"]);
    }
    let source = FrameSource::open(&path, &no_ffmpeg()).unwrap();
    assert_eq!(source.frames().unwrap().next().unwrap().unwrap().image.size, SIZE);
}

#[test]
fn a_folder_with_other_things_is_never_replaced() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("00000.jpg"), "x").unwrap();
    let error = FrameSink::folder(root.path()).unwrap_err().to_string();
    assert!(error.contains("00000.jpg"), "{error}");
    let file = root.path().join("00000.jpg");
    assert!(FrameSink::folder(&file).is_err());
    assert_eq!(names(root.path()), ["00000.jpg"]);
}

#[test]
fn what_is_not_finished_leaves_no_trace() {
    let root = tempfile::tempdir().unwrap();
    let mut ffmpegs = vec![no_ffmpeg()];
    ffmpegs.extend(ffmpeg_or_skip("what_is_not_finished_leaves_no_trace (mp4)"));
    for ffmpeg in ffmpegs {
        let mut sink = FrameSink::video(&root.path().join("a.mp4"), 10.0, &ffmpeg).unwrap();
        write_frames(&mut sink, 2);
        drop(sink);
    }
    let mut sink = FrameSink::folder(&root.path().join("frames")).unwrap();
    write_frames(&mut sink, 2);
    drop(sink);
    assert_eq!(names(root.path()), Vec::<String>::new());
}

#[test]
fn without_ffmpeg_a_video_becomes_a_gif() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FrameSink::video(&root.path().join("a.mp4"), 10.0, &no_ffmpeg()).unwrap();
    write_frames(&mut sink, 3);
    let written = sink.finish().unwrap();
    assert_eq!(written.path, root.path().join("a.gif"));
    assert_eq!(names(root.path()), ["a.gif"]);
    let source = FrameSource::open(&written.path, &no_ffmpeg()).unwrap();
    assert_eq!((source.frame_count_hint(), source.fps()), (Some(3), Some(10.0)));
}

#[test]
fn a_large_gif_is_reduced() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FrameSink::video(&root.path().join("a.gif"), 10.0, &no_ffmpeg()).unwrap();
    sink.write(&picture(ImageSize { height: 10, width: 1920 }, 0)).unwrap();
    let source = FrameSource::open(&sink.finish().unwrap().path, &no_ffmpeg()).unwrap();
    let frame = source.frames().unwrap().next().unwrap().unwrap();
    assert_eq!(frame.image.size, ImageSize { height: 5, width: 960 });
}

#[test]
fn an_mp4_of_odd_size_is_padded_and_keeps_its_colours() {
    let Some(ffmpeg) = ffmpeg_or_skip("an_mp4_of_odd_size_is_padded") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.mp4");
    let mut sink = FrameSink::video(&path, 29.97, &ffmpeg).unwrap();
    write_frames(&mut sink, 5);
    assert!(!path.exists());
    assert_eq!(
        sink.finish().unwrap(),
        Written { path: path.clone(), frames: 5, notes: Vec::new() }
    );
    assert_eq!(names(root.path()), ["a.mp4"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600, "{mode:o}");
    }
    let source = FrameSource::open(&path, &ffmpeg).unwrap();
    assert!((source.fps().unwrap() - 29.97).abs() < 0.01);
    let frame = source.frames().unwrap().next().unwrap().unwrap();
    assert_eq!(frame.image.size, ImageSize { height: 34, width: 52 });
    let expected = picture(SIZE, 0).pixels;
    // The last pixels of the first row are plain background, and so is the padding.
    for x in [40, 50, 51] {
        for channel in 0..3 {
            let found = frame.image.pixels[x * 3 + channel];
            assert!(found.abs_diff(expected[40 * 3 + channel]) <= 4, "{x}: {found}");
        }
    }
}

#[test]
fn wrong_use_is_an_error_that_names_the_file() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let check = |error: VideoError, parts: &[&str]| {
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    let ffmpeg = no_ffmpeg();
    check(FrameSink::video(&at("a.avi"), 1.0, &ffmpeg).unwrap_err(), &["a.avi", ".mp4"]);
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        check(FrameSink::video(&at("a.mp4"), fps, &ffmpeg).unwrap_err(), &["a.mp4", "positive"]);
    }
    let sink = FrameSink::video(&at("a.mp4"), 1.0, &ffmpeg).unwrap();
    check(sink.finish().unwrap_err(), &["a.gif", "no frame"]);
    let mut sink = FrameSink::folder(&at("frames")).unwrap();
    write_frames(&mut sink, 1);
    let other = picture(ImageSize { height: 2, width: 2 }, 0);
    check(sink.write(&other).unwrap_err(), &["frames", "51x33", "2x2"]);
    std::fs::write(at("file"), "").unwrap();
    check(FrameSink::folder(&at("file/frames")).unwrap_err(), &["file"]);
}

#[test]
fn an_encoder_that_fails_is_quoted() {
    let Some(ffmpeg) = ffmpeg_or_skip("an_encoder_that_fails_is_quoted") else { return };
    let name = Path::new("overlay.mp4");
    let program = &ffmpeg.program().unwrap();
    let size = ImageSize { height: 480, width: 640 };
    let mut writer = VideoWriter::start(
        program,
        Path::new("/nowhere/x.mp4"),
        name,
        size,
        &FilmFormat::even(10.0).unwrap(),
    )
    .unwrap();
    let frame = picture(size, 0);
    let error = (0..100)
        .find_map(|_| writer.write(&frame).err())
        .unwrap_or_else(|| writer.finish().unwrap_err())
        .to_string();
    assert!(error.starts_with("overlay.mp4: cannot encode: ffmpeg: "), "{error}");
    assert!(error.contains("No such file"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_full_disk_is_reported") else { return };
    let program = &ffmpeg.program().unwrap();
    let size = ImageSize { height: 480, width: 640 };
    let name = Path::new("overlay.mp4");
    let full = Path::new("/dev/full");
    let mut writer =
        VideoWriter::start(program, full, name, size, &FilmFormat::even(10.0).unwrap()).unwrap();
    let error = (0..30)
        .find_map(|index| writer.write(&picture(size, index)).err())
        .unwrap_or_else(|| writer.finish().unwrap_err())
        .to_string();
    assert!(error.starts_with("overlay.mp4: cannot encode: ffmpeg: "), "{error}");
}

fn write_film(path: &Path, format: FilmFormat, count: usize, ffmpeg: &FfmpegLocation) -> Written {
    let mut sink = FrameSink::film(path, format, ffmpeg).unwrap();
    write_frames(&mut sink, count);
    sink.finish().unwrap()
}

/// The times of a film, as they are read again.
fn times_of(path: &Path, ffmpeg: &FfmpegLocation) -> Timing {
    let source = FrameSource::open(path, ffmpeg).unwrap();
    let mut frames = source.frames().unwrap();
    assert!(frames.by_ref().all(|frame| frame.is_ok()));
    frames.timing().unwrap().clone()
}

#[test]
fn a_film_has_the_times_that_it_was_given() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_film_has_the_times_that_it_was_given") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.mp4");
    let times = vec![0.5, 0.6, 0.9, 0.95, 1.5];
    let timing = Timing { times: times.clone(), last_duration: 0.25, rate: None };
    write_film(&path, FilmFormat { timing, pixel_aspect: None, sound_of: None }, 5, &ffmpeg);
    let found = times_of(&path, &ffmpeg);
    for (found, expected) in found.times.iter().zip(&times) {
        // A film begins with its first frame.
        assert!((found + 0.5 - expected).abs() < 2e-5, "{found} {expected}");
    }
    assert_eq!(found.rate, None);
    for rate in [(30000, 1001), (24000, 1001), (25, 1), (12500, 1000)] {
        let rate = FrameRate { numerator: rate.0, denominator: rate.1 };
        let timing = Timing::even(rate, 40);
        let path = root.path().join("even.mp4");
        write_film(&path, FilmFormat { timing, pixel_aspect: None, sound_of: None }, 40, &ffmpeg);
        let found = times_of(&path, &ffmpeg);
        assert_eq!(found.rate.map(FrameRate::per_second), Some(rate.per_second()));
        assert!((found.times[39] - 39.0 / rate.per_second()).abs() < 1e-4);
    }
}

#[test]
fn a_film_keeps_the_shape_of_its_pixels() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_film_keeps_the_shape_of_its_pixels") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.mp4");
    for times in [vec![], vec![0.0, 0.1, 0.5]] {
        let even = FilmFormat::even(10.0).unwrap();
        let uneven = Timing { times: times.clone(), last_duration: 0.1, rate: None };
        let timing = if times.is_empty() { even.timing.clone() } else { uneven };
        let pixel_aspect = Some(PixelAspect { width: 16, height: 11 });
        write_film(&path, FilmFormat { timing, pixel_aspect, ..even }, 3, &ffmpeg);
        let mut frames = FrameSource::open(&path, &ffmpeg).unwrap().frames().unwrap();
        frames.next().unwrap().unwrap();
        assert_eq!(frames.pixel_aspect(), pixel_aspect);
    }
    let gif = root.path().join("a.gif");
    let pixel_aspect = Some(PixelAspect { width: 16, height: 11 });
    let format = FilmFormat { pixel_aspect, ..FilmFormat::even(10.0).unwrap() };
    assert!(write_film(&gif, format, 3, &ffmpeg).notes[0].contains("square pixels"));
}

#[test]
fn sound_is_copied_where_an_mp4_can_hold_it_and_becomes_aac_elsewhere() {
    let Some(ffmpeg) = ffmpeg_or_skip("sound_is_copied_where_an_mp4_can_hold_it") else { return };
    let root = tempfile::tempdir().unwrap();
    let program = ffmpeg.program().unwrap();
    for (name, codec, expected, noted) in [
        ("a.mp4", "aac", "aac", false),
        ("a.mkv", "libmp3lame", "mp3", false),
        ("a.webm", "libopus", "opus", false),
        ("v.webm", "libvorbis", "aac", true),
        ("a.avi", "pcm_s16le", "aac", true),
        ("a.mov", "pcm_s16le", "aac", true),
        ("f.mkv", "flac", "flac", false),
    ] {
        let source = root.path().join(name);
        let film = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1", "-f", "lavfi", "-i"];
        let sound =
            ["sine=d=1", "-strict", "experimental", "-c:a", codec, &source.to_string_lossy()];
        run(&ffmpeg, &[&film[..], &sound].concat());
        for uneven in [false, true] {
            let path = root.path().join("with_sound.mp4");
            let times: Vec<f64> = (0..5).map(|index| 0.01 * f64::from(index * index)).collect();
            let timing = Timing { times, last_duration: 0.1, rate: None };
            let even = FilmFormat::even(10.0).unwrap();
            let timing = if uneven { timing } else { even.timing.clone() };
            let format = FilmFormat { timing, sound_of: Some(source.clone()), ..even };
            let written = write_film(&path, format, 5, &ffmpeg);
            let found = crate::ffmpeg::sound_codecs(&program, &path);
            assert_eq!(found, [expected], "{name}");
            assert_eq!(written.notes.len(), usize::from(noted), "{name}: {:?}", written.notes);
            assert_eq!(FrameSource::open(&path, &ffmpeg).unwrap().frames().unwrap().count(), 5);
        }
    }
    // Two languages, of which one has to be encoded.
    let two = root.path().join("two.mkv");
    let sounds = ["-f", "lavfi", "-i", "sine=d=1", "-map", "0", "-map", "0", "-c:a:0", "aac"];
    run(&ffmpeg, &[&sounds[..], &["-c:a:1", "libvorbis", &two.to_string_lossy()]].concat());
    let path = root.path().join("two.mp4");
    let format = FilmFormat { sound_of: Some(two), ..FilmFormat::even(10.0).unwrap() };
    let written = write_film(&path, format.clone(), 5, &ffmpeg);
    assert_eq!(crate::ffmpeg::sound_codecs(&program, &path), ["aac", "aac"]);
    assert!(written.notes[0].contains("vorbis"), "{:?}", written.notes);
    assert!(
        write_film(&root.path().join("a.gif"), format, 5, &ffmpeg).notes[0].contains("no sound")
    );
    assert!(names(root.path()).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn a_silent_source_gives_a_silent_film_without_a_note() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_silent_source_gives_a_silent_film") else { return };
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("silent.mp4");
    write_film(&source, FilmFormat::even(10.0).unwrap(), 5, &ffmpeg);
    let path = root.path().join("a.mp4");
    let format = FilmFormat { sound_of: Some(source), ..FilmFormat::even(10.0).unwrap() };
    assert_eq!(write_film(&path, format, 5, &ffmpeg).notes, Vec::<String>::new());
    assert_eq!(times_of(&path, &ffmpeg).times.len(), 5);
}
