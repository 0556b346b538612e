use super::*;
use crate::ffmpeg::tests::{ffmpeg_or_skip, picture, run};
use crate::sink::{FrameSink, write_jpeg};

const SIZE: ImageSize = ImageSize { height: 48, width: 64 };

fn no_ffmpeg() -> FfmpegLocation {
    FfmpegLocation::find(Some(Path::new("/nowhere/ffmpeg")))
}

fn open_error(path: &Path) -> String {
    FrameSource::open(path, &no_ffmpeg()).unwrap_err().to_string()
}

fn read_all(source: &FrameSource) -> (Vec<Frame>, Vec<String>) {
    let mut frames = source.frames().unwrap();
    let read: Result<Vec<Frame>, VideoError> = frames.by_ref().collect();
    (read.unwrap(), frames.notes().to_vec())
}

/// Mean absolute difference of two pictures.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.size, b.size);
    let sum: u64 = a.pixels.iter().zip(&b.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.pixels.len() as f64
}

fn make_mp4(path: &Path, size: ImageSize, count: usize, ffmpeg: &FfmpegLocation) {
    let mut sink = FrameSink::video(path, 12.5, ffmpeg).unwrap();
    for index in 0..count {
        sink.write(&picture(size, index)).unwrap();
    }
    assert_eq!(sink.finish().unwrap().frames, count);
}

#[test]
fn a_folder_gives_its_images_in_natural_order_each_time() {
    let root = tempfile::tempdir().unwrap();
    for (index, name) in ["img10.jpg", "img2.JPG", "img1.jpeg"].iter().enumerate() {
        write_jpeg(&root.path().join(name), &picture(SIZE, index)).unwrap();
    }
    for other in [".hidden.jpg", "notes.txt"] {
        std::fs::write(root.path().join(other), "x").unwrap();
    }
    std::fs::create_dir(root.path().join("folder.jpg")).unwrap();
    let source = FrameSource::open(root.path(), &no_ffmpeg()).unwrap();
    assert_eq!((source.frame_count_hint(), source.fps()), (Some(3), None));
    assert_eq!(source.name(), root.path().file_name().unwrap().to_string_lossy());
    assert!(source.notes()[0].ends_with("skipped what is no image: folder.jpg, notes.txt"));
    for _ in 0..2 {
        let (frames, notes) = read_all(&source);
        let names: Vec<&str> = frames.iter().map(|frame| frame.name.as_str()).collect();
        assert_eq!(names, ["img1.jpeg", "img2.JPG", "img10.jpg"]);
        assert!(difference(&frames[0].image, &picture(SIZE, 2)) < 4.0);
        assert!(notes.is_empty());
    }
}

#[test]
fn a_single_image_is_a_video_of_one_frame() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("still.jpg");
    write_jpeg(&path, &picture(SIZE, 0)).unwrap();
    let source = FrameSource::open(&path, &no_ffmpeg()).unwrap();
    assert_eq!((source.name().as_str(), read_all(&source).0.len()), ("still", 1));
}

#[test]
fn mixed_sizes_name_the_first_file_that_differs() {
    let root = tempfile::tempdir().unwrap();
    write_jpeg(&root.path().join("1.jpg"), &picture(SIZE, 0)).unwrap();
    write_jpeg(&root.path().join("2.jpg"), &picture(SIZE, 0)).unwrap();
    let other = ImageSize { height: 47, width: 65 };
    write_jpeg(&root.path().join("3.jpg"), &picture(other, 0)).unwrap();
    let source = FrameSource::open(root.path(), &no_ffmpeg()).unwrap();
    let mut frames = source.frames().unwrap().skip(2);
    let error = frames.next().unwrap().unwrap_err().to_string();
    for part in ["3.jpg", "64x48", "(1.jpg)", "65x47", "resize", "split"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(frames.next().is_none());
}

#[test]
fn unusable_inputs_are_errors_that_say_why() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let check = |name: &str, expected: &str| {
        let error = open_error(&at(name));
        assert!(error.contains(name) && error.contains(expected), "{error}");
    };
    check("missing.mp4", "No such file");
    std::fs::create_dir(at("empty")).unwrap();
    check("empty", "found an empty folder");
    std::fs::create_dir(at("texts")).unwrap();
    std::fs::write(at("texts/a.txt"), "x").unwrap();
    check("texts", "found a.txt");
    std::fs::write(at("video.mp4"), "x").unwrap();
    check("video.mp4", "pip install imageio-ffmpeg");
    std::fs::write(at("broken.gif"), "GIF89a").unwrap();
    check("broken.gif", "no frame could be decoded");
    #[cfg(unix)]
    assert!(open_error(Path::new("/dev/null")).contains("found a device"));
    std::fs::write(at("broken.jpg"), "not a jpeg").unwrap();
    let source = FrameSource::open(&at("broken.jpg"), &no_ffmpeg()).unwrap();
    let error = source.frames().unwrap().next().unwrap().unwrap_err().to_string();
    assert!(error.contains("broken.jpg"), "{error}");
}

#[test]
fn gifs_are_read_without_ffmpeg_and_a_cut_one_is_noted() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("clip.gif");
    let mut sink = FrameSink::video(&path, 12.5, &no_ffmpeg()).unwrap();
    for index in 0..6 {
        sink.write(&picture(SIZE, index)).unwrap();
    }
    sink.finish().unwrap();
    let source = FrameSource::open(&path, &no_ffmpeg()).unwrap();
    assert_eq!((source.frame_count_hint(), source.fps()), (Some(6), Some(12.5)));
    let (frames, notes) = read_all(&source);
    assert!(notes.is_empty(), "{notes:?}");
    for (index, frame) in frames.iter().enumerate() {
        assert!(difference(&frame.image, &picture(SIZE, index)) < 1.0, "{index}");
    }
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let (frames, notes) = read_all(&FrameSource::open(&path, &no_ffmpeg()).unwrap());
    assert!((1..6).contains(&frames.len()), "{}", frames.len());
    assert!(notes[0].contains("clip.gif") && notes[0].contains("ended early"), "{notes:?}");
}

#[test]
fn frames_can_be_read_in_another_thread() {
    fn check<T: Send + 'static>() {}
    check::<FrameSource>();
    check::<Frames>();
    check::<FrameSink>();
}

#[test]
fn a_gif_that_claims_to_be_huge_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("huge.gif");
    let mut sink = FrameSink::video(&path, 10.0, &no_ffmpeg()).unwrap();
    sink.write(&picture(SIZE, 0)).unwrap();
    sink.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[6..10].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let source = FrameSource::open(&path, &no_ffmpeg()).unwrap();
    let error = source.frames().map(|mut frames| frames.next().unwrap().unwrap_err());
    let error = error.unwrap_or_else(|error| error).to_string();
    assert!(error.contains("huge.gif: expected at most 268435456 pixels"), "{error}");
}

#[test]
fn every_container_gives_all_frames_in_order() {
    let Some(ffmpeg) = ffmpeg_or_skip("every_container_gives_all_frames_in_order") else { return };
    let root = tempfile::tempdir().unwrap();
    let mp4 = root.path().join("-i %03d.mp4"); // a name that looks like an option and a pattern
    make_mp4(&mp4, SIZE, 8, &ffmpeg);
    let input = format!("file:{}", mp4.display());
    for name in ["a.mp4", "a.webm", "a.mov", "a.mkv", "a.avi", "a.gif"] {
        let path = root.path().join(name);
        run(&ffmpeg, &["-y", "-i", &input, &path.to_string_lossy()]);
        let source = FrameSource::open(&path, &ffmpeg).unwrap();
        let (frames, notes) = read_all(&source);
        assert_eq!((frames.len(), source.name().as_str()), (8, "a"), "{name}");
        assert!(notes.is_empty(), "{name}: {notes:?}");
        assert!((source.fps().unwrap() - 12.5).abs() < 0.01, "{name}");
        let hint = source.frame_count_hint().unwrap();
        assert!(hint.abs_diff(8) <= 1, "{name}: {hint}");
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!(frame.name, format!("{index:05}"));
            let apart = difference(&frame.image, &picture(SIZE, index));
            // ffmpeg writes a GIF with a fixed palette of 3, 3 and 2 bits.
            let tolerance = if name == "a.gif" { 16.0 } else { 8.0 };
            assert!(apart < tolerance, "{name} {index}: {apart}");
        }
    }
    let source = FrameSource::open(&mp4, &ffmpeg).unwrap();
    assert_eq!(read_all(&source).0.len(), 8);
}

#[test]
fn a_gif_has_the_same_pixels_with_and_without_ffmpeg() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_gif_has_the_same_pixels") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.gif");
    // Written by ffmpeg: later frames hold only what has changed.
    let options = ["-f", "lavfi", "-i", "testsrc=s=80x60:r=10:d=1", &path.to_string_lossy()];
    run(&ffmpeg, &options);
    let mut reader = VideoReader::start(&ffmpeg.program().unwrap(), &path, None).unwrap();
    let (frames, _) = read_all(&FrameSource::open(&path, &no_ffmpeg()).unwrap());
    assert_eq!(frames.len(), 10);
    for frame in frames {
        assert_eq!(reader.next_frame().unwrap().unwrap(), frame.image, "{}", frame.name);
    }
    assert!(reader.next_frame().unwrap().is_none());
}

#[test]
fn frames_of_uneven_length_are_neither_repeated_nor_dropped() {
    let Some(ffmpeg) = ffmpeg_or_skip("frames_of_uneven_length") else { return };
    let root = tempfile::tempdir().unwrap();
    let (mp4, uneven) = (root.path().join("a.mp4"), root.path().join("uneven.mkv"));
    make_mp4(&mp4, SIZE, 8, &ffmpeg);
    let times = "setpts=N*N*0.05/TB";
    let (from, to) = (mp4.to_string_lossy(), uneven.to_string_lossy());
    run(&ffmpeg, &["-i", &from, "-vf", times, "-fps_mode", "passthrough", &to]);
    let source = FrameSource::open(&uneven, &ffmpeg).unwrap();
    assert_eq!(read_all(&source).0.len(), 8);
}

#[test]
fn a_rotated_video_is_turned_upright() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_rotated_video_is_turned_upright") else { return };
    let root = tempfile::tempdir().unwrap();
    let (mp4, turned) = (root.path().join("a.mp4"), root.path().join("turned.mp4"));
    make_mp4(&mp4, SIZE, 2, &ffmpeg);
    let (from, to) = (mp4.to_string_lossy(), turned.to_string_lossy());
    run(&ffmpeg, &["-display_rotation", "90", "-i", &from, "-c", "copy", &to]);
    let (frames, _) = read_all(&FrameSource::open(&turned, &ffmpeg).unwrap());
    assert_eq!(frames[0].image.size, ImageSize { height: 64, width: 48 });
}

#[test]
fn a_cut_video_gives_what_it_has_and_says_so() {
    let Some(ffmpeg) = ffmpeg_or_skip("a_cut_video_gives_what_it_has_and_says_so") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("cut.mp4");
    make_mp4(&path, SIZE, 30, &ffmpeg);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() * 8 / 10]).unwrap();
    let source = FrameSource::open(&path, &ffmpeg).unwrap();
    let (frames, notes) = read_all(&source);
    assert!((1..30).contains(&frames.len()), "{}", frames.len());
    let counted = format!("{} of about 30 frames decoded, ffmpeg: ", frames.len());
    assert!(notes[0].contains("cut.mp4") && notes[0].contains(&counted), "{notes:?}");
    std::fs::write(&path, &bytes[..200]).unwrap();
    let error = FrameSource::open(&path, &ffmpeg).unwrap_err().to_string();
    assert!(error.contains("cut.mp4: no frame could be decoded: "), "{error}");
}

#[test]
fn files_without_pictures_are_errors() {
    let Some(ffmpeg) = ffmpeg_or_skip("files_without_pictures_are_errors") else { return };
    let root = tempfile::tempdir().unwrap();
    let check = |path: &Path, expected: &str| {
        let error = FrameSource::open(path, &ffmpeg).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let sound = root.path().join("sound.wav");
    run(&ffmpeg, &["-f", "lavfi", "-i", "sine=d=0.1", &sound.to_string_lossy()]);
    check(&sound, "no video stream");
    let text = root.path().join("text.mp4");
    std::fs::write(&text, "some text\n".repeat(100)).unwrap();
    check(&text, "no frame could be decoded: ffmpeg: ");
    std::fs::write(&text, "").unwrap();
    check(&text, "no frame could be decoded: ffmpeg: ");
}

#[test]
fn reading_can_stop_at_any_frame() {
    let Some(ffmpeg) = ffmpeg_or_skip("reading_can_stop_at_any_frame") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("long.mp4");
    make_mp4(&path, ImageSize { height: 240, width: 320 }, 40, &ffmpeg);
    let source = FrameSource::open(&path, &ffmpeg).unwrap();
    let mut frames = source.frames().unwrap();
    frames.next().unwrap().unwrap();
    drop(frames); // must not wait for a decoder that waits for us
    assert_eq!(read_all(&source).0.len(), 40);
}
