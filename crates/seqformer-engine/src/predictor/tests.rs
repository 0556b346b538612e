use std::path::PathBuf;

use seqformer_config::CfgNode;
use seqformer_data::read_image;
use seqformer_testing::golden_path;

use super::*;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn tiny_config() -> Config {
    let mut node = CfgNode::defaults();
    node.merge_from_file(&golden_path("public/tiny_config.yaml")).unwrap();
    Config::try_from(&node).unwrap()
}

fn tiny_predictor() -> Predictor {
    let config = tiny_config();
    let options = PredictorOptions::from_config(&config);
    Predictor::new(&config, &golden_path("public/tiny_model.pth"), options, Device::Cpu).unwrap()
}

fn frame_paths(video: &str) -> Vec<PathBuf> {
    let folder = golden_path("public/tiny_video/JPEGImages").join(video);
    let mut paths: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn frames(video: &str) -> impl Iterator<Item = Result<RgbImage, AnyError>> {
    frame_paths(video).into_iter().map(|path| Ok(read_image(&path)?.image))
}

#[test]
fn results_equal_those_of_the_reference_pixel_by_pixel() {
    let golden =
        seqformer_testing::read_json(&golden_path("public/tiny_whole/results.json")).unwrap();
    let golden = golden.as_array().unwrap();
    let categories = [2, 3, 5, 7, 11];
    let predictor = tiny_predictor();
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
            let codes: Vec<_> = video.masks[found.rank].iter().map(Rle::to_compressed).collect();
            let segmentations = expected["segmentations"].as_array().unwrap();
            let expected: Vec<_> =
                segmentations.iter().map(|code| code["counts"].as_str().unwrap()).collect();
            assert_eq!(codes, expected, "result {next}");
        }
    }
    assert_eq!(next, golden.len());
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
    assert_eq!(predict(vec![]), "the video has no frame");
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
                .flatten(0, -1)
                .to_kind(Kind::Int64),
        )
        .unwrap()
    };
    assert_eq!(order(ImageFormat::Rgb), [1, 4, 2, 5, 3, 6]);
    assert_eq!(order(ImageFormat::Bgr), [3, 6, 2, 5, 1, 4]);
}
