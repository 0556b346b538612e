use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use seqformer_config::config::ImageFormat;
use seqformer_config::{CfgNode, Config};
use seqformer_data::read_image;
use seqformer_masks::Rle;
use seqformer_testing::golden_path;
use tch::Kind;

use super::*;

fn tiny_config() -> Config {
    let mut node = CfgNode::defaults();
    node.merge_from_file(&golden_path("public/tiny_config.yaml")).unwrap();
    Config::try_from(&node).unwrap()
}

pub(super) fn tiny_predictor() -> Predictor {
    let config = tiny_config();
    let plan = PredictPlan::from_config(&config);
    Predictor::new(&plan, &golden_path("public/tiny_model.pth"), Device::Cpu).unwrap()
}

fn frame_paths(video: &str) -> Vec<PathBuf> {
    let folder = golden_path("public/tiny_video/JPEGImages").join(video);
    let mut paths: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub(super) fn frames(video: &str) -> impl Iterator<Item = Result<RgbImage, AnyError>> + Send {
    frame_paths(video).into_iter().map(|path| Ok(read_image(&path)?.image))
}

/// How many pixels of a track may differ from the reference's: logits there are zero up to the order of sums.
const MAX_PIXELS_APART: u64 = 5;

/// Compares the results of both videos with what the reference's evaluator wrote.
fn check_results(predictor: &Predictor, case: &str) {
    let golden = golden_path(&format!("public/{case}/results.json"));
    let golden = seqformer_testing::read_json(&golden).unwrap();
    let golden = golden.as_array().unwrap();
    let categories = [2, 3, 5, 7, 11];
    let mut next = 0;
    for (id, name) in [(17, "vid_long"), (18, "vid_short")] {
        let video = predictor.predict(frames(name), &mut |_| {}).unwrap();
        for found in &video.detections {
            let expected = &golden[next];
            next += 1;
            assert_eq!(expected["video_id"], id);
            assert_eq!(expected["category_id"], categories[found.label], "result {next}");
            assert!(
                (expected["score"].as_f64().unwrap() - f64::from(found.score)).abs() < 1e-5,
                "result {next}"
            );
            let masks: Vec<_> = video.masks.track(found.rank).collect();
            let segmentations = expected["segmentations"].as_array().unwrap();
            assert_eq!(masks.len(), segmentations.len(), "result {next}");
            let mut apart = 0;
            for (mask, code) in masks.iter().zip(segmentations) {
                let code = code["counts"].as_str().unwrap();
                let expected = Rle::parse_compressed(mask.size(), code).unwrap();
                let both = mask.intersection_area(&expected).unwrap();
                apart += mask.area() + expected.area() - 2 * both;
            }
            assert!(apart <= MAX_PIXELS_APART, "result {next}: {apart} pixels");
        }
    }
    assert_eq!(next, golden.len());
}

#[test]
fn results_equal_those_of_the_reference_pixel_by_pixel() {
    check_results(&tiny_predictor(), "tiny_whole");
}

#[test]
fn clips_give_the_results_of_the_reference_pixel_by_pixel() {
    let mut predictor = tiny_predictor();
    for (length, stride) in [(5, 1), (4, 3)] {
        predictor.options.clips = Some(ClipOptions::new(length, stride));
        check_results(&predictor, &format!("tiny_clip_L{length}S{stride}"));
    }
}

#[test]
fn frames_are_handed_on_while_the_video_is_being_read() {
    let predictor = tiny_predictor();
    let clips = ClipOptions { live: true, ..ClipOptions::new(5, 1) };
    // A camera whose next frame comes only when an earlier one was shown: frame 0 after the first five, and so on.
    let (show, shown_one) = channel();
    (0..5).for_each(|_| show.send(()).unwrap());
    let too_late = Arc::new(AtomicBool::new(false));
    let camera = frames("vid_long").inspect({
        let too_late = Arc::clone(&too_late);
        move |_| {
            let waited = shown_one.recv_timeout(Duration::from_secs(20));
            too_late.fetch_or(waited.is_err(), Ordering::Relaxed);
        }
    });
    let (mut seen, mut shown) = (Vec::new(), Vec::new());
    let mut each_frame = |frame: &TrackedFrame| {
        seen.push(frame.frame);
        shown.push(frame.tracks.clone());
        // The camera has gone after the last frame.
        let _gone = show.send(());
        Ok(())
    };
    let video = predictor.track(camera, clips, &mut each_frame, &mut |_| {}).unwrap();
    assert!(!too_late.load(Ordering::Relaxed));
    assert_eq!(seen, (0..11).collect::<Vec<_>>());
    for (frame, tracks) in shown.iter().enumerate() {
        for found in tracks {
            assert_eq!(found.mask, video.masks.mask(found.track, frame));
            assert_eq!(found.class_probs.len(), 5);
        }
    }
    let failed = predictor.track(
        frames("vid_long"),
        clips,
        &mut |frame| if frame.frame == 2 { Err("full".into()) } else { Ok(()) },
        &mut |_| {},
    );
    assert_eq!(failed.unwrap_err().to_string(), "full");
}

#[test]
fn a_stream_hands_on_the_frames_of_tracking() {
    let predictor = tiny_predictor();
    let clips = ClipOptions::new(3, 1);
    let (mut tracked, mut streamed) = (Vec::new(), Vec::new());
    let keep = &mut |frame: &TrackedFrame| {
        tracked.push(frame.clone());
        Ok(())
    };
    predictor.track(frames("vid_long"), clips, keep, &mut |_| {}).unwrap();
    let keep = &mut |frame: &TrackedFrame| {
        streamed.push(frame.clone());
        Ok(())
    };
    predictor.stream(frames("vid_long"), clips, keep).unwrap();
    assert_eq!(tracked.len(), 11);
    assert_eq!(streamed, tracked);
    let none = std::iter::empty();
    assert!(matches!(predictor.stream(none, clips, &mut |_| Ok(())), Err(EngineError::NoFrames)));
}

/// Frames as the network takes them, and the size that they had.
fn resized(predictor: &Predictor, video: &str) -> (Vec<RgbImage>, ImageSize) {
    let frames: Vec<RgbImage> = frames(video).map(Result::unwrap).collect();
    (frames.iter().map(|frame| predictor.resize(frame)).collect(), frames[0].size)
}

#[test]
fn frames_of_the_networks_size_give_the_same_results() {
    let mut predictor = tiny_predictor();
    for clips in [None, Some(ClipOptions::new(4, 3))] {
        predictor.options.clips = clips;
        let (frames_of_network, output) = resized(&predictor, "vid_long");
        let expected = predictor.predict(frames("vid_long"), &mut |_| {}).unwrap();
        assert_eq!(predictor.predict_resized(frames_of_network, output).unwrap(), expected);
        assert_eq!((expected.num_frames, expected.size), (11, output));
    }
}

#[test]
fn a_measurement_takes_the_steps_of_a_prediction() {
    let mut predictor = tiny_predictor();
    for clips in [None, Some(ClipOptions::new(4, 3))] {
        predictor.options.clips = clips;
        let (mut predicted, mut measured) = (Vec::new(), Vec::new());
        predictor.predict(frames("vid_long"), &mut |step| predicted.push(step)).unwrap();
        let (frames_of_network, _) = resized(&predictor, "vid_long");
        predictor
            .run_network(frames_of_network, Launch::Graph, &mut |step| measured.push(step))
            .unwrap();
        // Run lengths are made on other threads, so that masks come later.
        for steps in [&mut predicted, &mut measured] {
            steps.sort_by_key(|step| matches!(step, Progress::Masks(_)));
        }
        assert_eq!(measured, predicted);
        assert_eq!(measured.last(), Some(&Progress::Masks(11)));
    }
}

#[test]
fn an_image_has_the_masks_of_a_video_of_one_frame() {
    let mut predictor = tiny_predictor();
    let frame = frames("vid_long").next().unwrap().unwrap();
    let image = predictor.predict_image(&frame).unwrap();
    predictor.options.rule.max_queries = 100;
    let video = predictor.predict(std::iter::once(Ok(frame)), &mut |_| {}).unwrap();
    assert_eq!(
        (image.size, image.masks, image.detections),
        (video.size, video.masks, video.detections)
    );
}

#[test]
fn progress_counts_frames_up() {
    let mut seen = Vec::new();
    tiny_predictor().predict(frames("vid_long"), &mut |progress| seen.push(progress)).unwrap();
    let encoded = [5, 10, 11].map(Progress::Encoded);
    assert_eq!(seen[..3], encoded);
    assert_eq!(seen[3], Progress::Decoded);
    assert_eq!(seen[4..], (1..=11).map(Progress::Masks).collect::<Vec<_>>());
}

#[test]
fn videos_that_cannot_be_used_are_errors() {
    let predictor = tiny_predictor();
    let predict = |frames: Vec<Result<RgbImage, AnyError>>| {
        predictor.predict(frames.into_iter(), &mut |_| {}).unwrap_err().to_string()
    };
    let black = |height, width| Ok(RgbImage::new(ImageSize { height, width }));
    assert_eq!(predict(vec![]), "the video has no frames");
    let message = predict(vec![black(40, 60), black(40, 61)]);
    assert!(message.starts_with("frame 1: expected") && message.contains("61"), "{message}");
    assert_eq!(predict(vec![black(40, 60), Err("x.jpg: broken".into())]), "x.jpg: broken");
}

#[test]
fn blue_comes_first_when_the_weights_want_it() {
    let size = ImageSize { height: 1, width: 2 };
    let frame = RgbImage { size, pixels: vec![1, 2, 3, 4, 5, 6] };
    let order = |channels| {
        Vec::<i64>::try_from(
            frames_tensor(std::slice::from_ref(&frame), channels)
                .unwrap()
                .flatten(0, -1)
                .to_kind(Kind::Int64),
        )
        .unwrap()
    };
    assert_eq!(order(ImageFormat::Rgb), [1, 4, 2, 5, 3, 6]);
    assert_eq!(order(ImageFormat::Bgr), [3, 6, 2, 5, 1, 4]);
}

#[test]
fn a_picture_whose_pixels_do_not_fit_its_size_is_refused() {
    let image = |height, width, length| RgbImage {
        size: ImageSize { height, width },
        pixels: vec![0; length],
    };
    let refused =
        |frames: &[RgbImage]| frames_tensor(frames, ImageFormat::Rgb).unwrap_err().to_string();
    for length in [0, 17, 19] {
        let message = refused(&[image(2, 3, 18), image(2, 3, length)]);
        assert!(message.starts_with("picture 1: expected 3 bytes"), "{message}");
        assert!(message.ends_with(&format!("found {length}")), "{message}");
    }
    let message = refused(&[image(2, 3, 18), image(3, 2, 18)]);
    assert!(message.starts_with("picture 1: expected") && message.contains("first"), "{message}");
}
