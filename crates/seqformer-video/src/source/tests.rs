use seqformer_masks::ImageSize;

use super::*;
use crate::FrameRate;
use crate::ffmpeg::tests::{ffmpeg_or_skip, picture, run};
use crate::sink::{FrameSink, write_jpeg};
use crate::{PixelAspect, Timing};

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
    (read.unwrap(), frames.notes())
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
    assert!(
        source.notes()[0].ends_with("skipped files that are not images: folder.jpg, notes.txt")
    );
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
    let program = ffmpeg.program().unwrap();
    let info = ffmpeg::probe(&program.path, &path).unwrap();
    let mut reader = VideoReader::start(&program, &path, &info).unwrap();
    let (frames, _) = read_all(&FrameSource::open(&path, &no_ffmpeg()).unwrap());
    assert_eq!(frames.len(), 10);
    for frame in frames {
        assert_eq!(reader.next_frame().unwrap().unwrap().image, frame.image, "{}", frame.name);
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

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Reads to the end and returns what is known then.
fn read_to_end(source: &FrameSource) -> (Vec<Frame>, Frames) {
    let mut frames = source.frames().unwrap();
    let read: Result<Vec<Frame>, VideoError> = frames.by_ref().collect();
    (read.unwrap(), frames)
}

fn assert_times(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let all = found;
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}: {all:?}");
    }
}

#[test]
fn animated_webp_and_png_give_all_frames_with_their_times_as_pillow_does() {
    for (name, times) in [
        ("moving.webp", [0.0, 0.04, 0.16, 0.24].as_slice()),
        ("moving.png", &[0.0, 0.04, 0.16, 0.24]),
        ("stand_in.png", &[0.0, 0.04, 0.16]),
        ("clear.webp", &[0.0, 0.1, 0.2, 0.3]),
        ("clear.png", &[0.0, 0.1, 0.2, 0.3]),
    ] {
        let source = FrameSource::open(&fixture(name), &no_ffmpeg()).unwrap();
        assert_eq!(source.frame_count_hint(), Some(times.len()), "{name}");
        let expected = std::fs::read(fixture(&format!("{name}.rgb"))).unwrap();
        let (frames, reader) = read_to_end(&source);
        assert_eq!(reader.notes(), Vec::<String>::new(), "{name}");
        assert_times(&reader.timing().unwrap().times, times, 1e-9);
        let pixels: Vec<u8> = frames.iter().flat_map(|frame| frame.image.pixels.clone()).collect();
        assert_eq!(pixels.len(), expected.len(), "{name}");
        let apart = pixels.iter().zip(&expected).position(|(a, b)| a != b);
        let found = apart.map(|at| (at, pixels[at], expected[at]));
        assert_eq!(found, None, "{name}");
    }
}

#[test]
fn a_cut_animation_gives_what_it_has_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    for name in ["moving.webp", "moving.png"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in 0..bytes.len() {
            let path = root.path().join(name);
            std::fs::write(&path, &bytes[..length]).unwrap();
            let Ok(source) = FrameSource::open(&path, &no_ffmpeg()) else { continue };
            let Ok(mut frames) = source.frames() else { continue };
            let read = frames.by_ref().take_while(Result::is_ok).count();
            let promised = source.frame_count_hint().unwrap_or_default();
            assert!(read <= promised, "{name} cut to {length} bytes");
            if promised > 1 && read > 0 && read < promised {
                assert!(frames.notes()[0].contains("ended early"), "{:?}", frames.notes());
            }
        }
    }
}

#[test]
fn frames_beside_masks_of_the_same_names_are_taken_alone_and_it_is_said() {
    let root = tempfile::tempdir().unwrap();
    let names = |files: &[&str]| -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir_in(root.path()).unwrap();
        for name in files {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let listing = folder::list_images(folder.path()).unwrap();
        let images = listing.images.iter().map(|path| folder::file_name(path)).collect();
        (images, listing.notes)
    };
    // As many masks as frames, in every order of endings.
    let (images, notes) = names(&["0.png", "0.jpg", "1.jpg", "1.png"]);
    assert_eq!(images, ["0.jpg", "1.jpg"]);
    let expected = "2 jpg files are read; ignored as masks or copies of them: 0.png, 1.png";
    assert!(notes[0].contains(expected), "{notes:?}");
    assert_eq!(names(&["0.JPEG", "0.png"]).0, ["0.JPEG"]);
    assert_eq!(names(&["0.webp", "0.png"]).0, ["0.webp"]);
    // The majority: thumbnails beside frames.
    assert_eq!(names(&["0.png", "1.png", "2.png", "0.jpg"]).0, ["0.png", "1.png", "2.png"]);
    // A mask without its frame is left out with the others.
    assert_eq!(
        names(&["0.jpg", "1.jpg", "2.jpg", "0.png", "9.png"]).0,
        ["0.jpg", "1.jpg", "2.jpg"]
    );
    // Of a folder of several kinds only what occurs twice is left out.
    let mixed = ["0.jpg", "1.png", "2.png", "3.png", "3.jpg", "4.jpg", "5.jpg", "6.webp"];
    let (images, notes) = names(&mixed);
    assert_eq!(images, ["0.jpg", "1.png", "2.png", "3.jpg", "4.jpg", "5.jpg", "6.webp"]);
    assert!(notes[0].contains("copies of them: 3.png"), "{notes:?}");
    let (images, notes) = names(&["0.jpg", "1.png", "2.jpeg", "2.jpg"]);
    assert_eq!((images.len(), notes.len()), (4, 0));
}

#[test]
fn equal_remarks_on_images_are_counted() {
    let root = tempfile::tempdir().unwrap();
    for index in 0..4 {
        let path = root.path().join(format!("{index}.jpg"));
        write_jpeg(&path, &picture(SIZE, index)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        if index > 0 {
            let end = bytes.len() - 2;
            bytes.splice(end..end, vec![0; 10 + index]);
        }
        std::fs::write(&path, bytes).unwrap();
    }
    let (frames, reader) = read_to_end(&FrameSource::open(root.path(), &no_ffmpeg()).unwrap());
    assert_eq!(frames.len(), 4);
    let notes = reader.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("1.jpg and 2 more of 4 images: damaged JPEG"), "{notes:?}");
}

#[test]
fn patterns_addresses_and_cameras_are_told_what_to_give_instead() {
    for (input, hint) in [
        ("frames/%05d.png", "give the folder of the images, frames"),
        ("frames/*.png", "give the folder of the images, frames"),
        ("frame?.jpg", "give the folder of the images, ."),
        ("rtsp://127.0.0.1/cam", "ffmpeg -i rtsp://127.0.0.1/cam -f image2pipe"),
        ("http://127.0.0.1:9/a.mp4", "URLs are not opened"),
        ("0", "cameras are read through a pipe"),
    ] {
        let error = open_error(Path::new(input));
        assert!(error.starts_with(input) && error.contains(hint), "{error}");
    }
}

/// A film of 25 frames a second in a container that claims 1,000.
fn make_claimer(path: &Path, codec: &str, ffmpeg: &FfmpegLocation) {
    let film = "testsrc=s=64x48:r=25:d=1";
    let filters = "fps=1000,select=not(mod(n\\,40))";
    let mut options = vec!["-f", "lavfi", "-i", film, "-vf", filters, "-fps_mode", "passthrough"];
    let path = path.to_string_lossy();
    options.extend(["-enc_time_base", "1/1000", "-c:v", codec, &path]);
    run(ffmpeg, &options);
}

#[test]
fn times_come_from_the_stream_whatever_rate_the_container_claims() {
    let Some(ffmpeg) = ffmpeg_or_skip("times_come_from_the_stream") else { return };
    let root = tempfile::tempdir().unwrap();
    let expected: Vec<f64> = (0..25).map(|index| f64::from(index) * 0.04).collect();
    for (name, codec, claims) in [
        ("a.mkv", "libx264", true),
        ("a.flv", "flv", true),
        ("a.avi", "mpeg4", true),
        ("a.webm", "libvpx", true),
        ("a.mov", "libx264", false),
        ("a.ts", "libx264", false),
    ] {
        let path = root.path().join(name);
        make_claimer(&path, codec, &ffmpeg);
        let source = FrameSource::open(&path, &ffmpeg).unwrap();
        let (frames, reader) = read_to_end(&source);
        let timing = reader.timing().unwrap();
        assert_times(&timing.times, &expected, 1.1e-3);
        assert_eq!(timing.rate.map(FrameRate::per_second), Some(25.0), "{name}");
        assert!((frames[24].time.unwrap() - 0.96).abs() < 1.1e-3, "{name}");
        assert!(source.fps().is_none_or(|fps| (fps - 25.0).abs() < 2.0), "{name}");
        let said = reader.notes().iter().any(|note| {
            note.contains("claims 1000 frames per second, but its time stamps give 25")
        });
        assert_eq!(said, claims, "{name}: {:?}", reader.notes());
    }
}

#[test]
fn frames_of_uneven_length_keep_their_times() {
    let Some(ffmpeg) = ffmpeg_or_skip("frames_of_uneven_length_keep_their_times") else { return };
    let root = tempfile::tempdir().unwrap();
    for name in ["a.mkv", "a.mp4", "a.webm", "a.flv"] {
        let path = root.path().join(name);
        let filters = "settb=1/1000,setpts=N*N*0.05/TB";
        let film = "testsrc=s=64x48:r=10:d=0.8";
        let options = ["-f", "lavfi", "-i", film, "-vf", filters, "-fps_mode", "passthrough"];
        run(
            &ffmpeg,
            &[&options[..], &["-enc_time_base", "1/1000", &path.to_string_lossy()]].concat(),
        );
        let (_, reader) = read_to_end(&FrameSource::open(&path, &ffmpeg).unwrap());
        let expected: Vec<f64> = (0..8).map(|index| f64::from(index * index) * 0.05).collect();
        assert_times(&reader.timing().unwrap().times, &expected, 1.1e-3);
        assert!(
            reader.notes().iter().any(|note| note.contains("the frame rate varies")),
            "{name}: {:?}",
            reader.notes()
        );
    }
}

#[test]
fn frames_that_a_recorder_dropped_are_reported() {
    let Some(ffmpeg) = ffmpeg_or_skip("frames_that_a_recorder_dropped_are_reported") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("gaps.mp4");
    let filters = "select=not(eq(n\\,10)+between(n\\,20\\,22))";
    let film = "testsrc=s=64x48:r=25:d=2";
    let options = ["-f", "lavfi", "-i", film, "-vf", filters, "-fps_mode", "passthrough"];
    run(&ffmpeg, &[&options[..], &[&path.to_string_lossy()]].concat());
    let (frames, reader) = read_to_end(&FrameSource::open(&path, &ffmpeg).unwrap());
    assert_eq!(frames.len(), 46);
    let said = reader.notes().iter().any(|note| note.contains("4 frames are missing"));
    assert!(said, "{:?}", reader.notes());
}

#[test]
fn cover_art_is_not_taken_for_the_film() {
    let Some(ffmpeg) = ffmpeg_or_skip("cover_art_is_not_taken_for_the_film") else { return };
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name).to_string_lossy().into_owned();
    let (film, cover, song) = (at("film.mp4"), at("cover.png"), at("song.mp3"));
    make_mp4(Path::new(&film), SIZE, 6, &ffmpeg);
    run(&ffmpeg, &["-f", "lavfi", "-i", "color=red:s=200x200", "-frames:v", "1", &cover]);
    for (name, first, second) in [("first.mp4", "1", "0"), ("last.mp4", "0", "1")] {
        let path = at(name);
        let inputs = ["-i", &film, "-i", &cover, "-map", first, "-map", second, "-c", "copy"];
        let index = if first == "1" { "-disposition:v:0" } else { "-disposition:v:1" };
        run(&ffmpeg, &[&inputs[..], &[index, "attached_pic", &path]].concat());
        let (frames, reader) = read_to_end(&FrameSource::open(Path::new(&path), &ffmpeg).unwrap());
        assert_eq!((frames.len(), frames[0].image.size), (6, SIZE), "{name}");
        assert_eq!(reader.notes(), Vec::<String>::new(), "{name}");
    }
    let inputs = ["-f", "lavfi", "-i", "sine=d=0.5", "-i", &cover, "-map", "0", "-map", "1"];
    run(&ffmpeg, &[&inputs[..], &["-disposition:v:0", "attached_pic", &song]].concat());
    let error = FrameSource::open(Path::new(&song), &ffmpeg).unwrap_err().to_string();
    assert!(error.contains("song.mp3") && error.contains("only image is cover art"), "{error}");
}

#[test]
fn of_two_films_in_a_file_the_larger_is_read_and_it_is_said() {
    let Some(ffmpeg) = ffmpeg_or_skip("of_two_films_in_a_file") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("two.mkv");
    let films = ["-f", "lavfi", "-i", "testsrc=s=32x24:r=10:d=1", "-f", "lavfi", "-i"];
    let rest = ["testsrc=s=64x48:r=10:d=0.5", "-map", "0", "-map", "1", "-disposition:v", "0"];
    run(&ffmpeg, &[&films[..], &rest, &[&path.to_string_lossy()]].concat());
    let source = FrameSource::open(&path, &ffmpeg).unwrap();
    let (frames, _) = read_to_end(&source);
    assert_eq!((frames.len(), frames[0].image.size), (5, SIZE));
    let note = &source.notes()[0];
    assert!(
        note.contains("#1 (h264, 64x48) is read") && note.contains("#0 (h264, 32x24)"),
        "{note}"
    );
}

#[test]
fn pixels_that_are_not_square_are_said() {
    let Some(ffmpeg) = ffmpeg_or_skip("pixels_that_are_not_square_are_said") else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("wide.mp4");
    let options = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.3", "-vf", "setsar=4/3"];
    run(&ffmpeg, &[&options[..], &[&path.to_string_lossy()]].concat());
    let (frames, reader) = read_to_end(&FrameSource::open(&path, &ffmpeg).unwrap());
    assert_eq!(frames[0].image.size, SIZE);
    assert_eq!(reader.pixel_aspect(), Some(PixelAspect { width: 4, height: 3 }));
    assert!(reader.notes()[0].contains("pixels are not square (4:3)"), "{:?}", reader.notes());
}

#[test]
fn films_of_high_dynamic_range_are_mapped_to_an_ordinary_screen() {
    let Some(ffmpeg) = ffmpeg_or_skip("films_of_high_dynamic_range") else { return };
    let root = tempfile::tempdir().unwrap();
    let program = ffmpeg.program().unwrap();
    for (transfer, name) in [("smpte2084", "PQ"), ("arib-std-b67", "HLG")] {
        let path = root.path().join(format!("{name}.mp4"));
        let color = "color_primaries=bt2020:colorspace=bt2020nc:range=tv";
        let filters = format!("format=yuv420p10le,setparams={color}:color_trc={transfer}");
        let options = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.3", "-vf", &filters];
        let coder = ["-c:v", "libx264", &path.to_string_lossy()];
        run(&ffmpeg, &[&options[..], &coder].concat());
        let source = FrameSource::open(&path, &ffmpeg).unwrap();
        let (frames, reader) = read_to_end(&source);
        assert_eq!((frames.len(), frames[0].image.size), (3, SIZE));
        assert!(
            reader.notes()[0].contains(&format!("HDR ({name}), tone-mapped")),
            "{:?}",
            reader.notes()
        );
        let mut plain = ffmpeg::probe(&program.path, &path).unwrap();
        plain.hdr = None;
        let mut unmapped = VideoReader::start(&program, &path, &plain).unwrap();
        let unmapped = unmapped.next_frame().unwrap().unwrap().image;
        assert!(difference(&frames[0].image, &unmapped) > 2.0, "{name}");
    }
}

#[test]
fn gifs_keep_their_delays() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.gif");
    let timing = Timing { times: vec![0.0, 0.1, 0.4, 0.45], last_duration: 0.3, rate: None };
    let format = crate::FilmFormat { timing: timing.clone(), pixel_aspect: None, sound_of: None };
    let mut sink = FrameSink::film(&path, format, &no_ffmpeg()).unwrap();
    for index in 0..4 {
        sink.write(&picture(SIZE, index)).unwrap();
    }
    sink.finish().unwrap();
    let (_, reader) = read_to_end(&FrameSource::open(&path, &no_ffmpeg()).unwrap());
    let found = reader.timing().unwrap();
    assert_times(&found.times, &timing.times, 1e-9);
    assert!((found.last_duration - 0.3).abs() < 1e-9);
}
