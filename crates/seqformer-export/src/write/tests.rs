//! Kinds there and back through the readers of their formats, and pictures pixel by pixel.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use seqformer_convert::{ReadOptions, Track, Video};
use seqformer_data::read_image;
use seqformer_masks::{ImageSize, Rle};
use seqformer_video::{FfmpegLocation, FrameSource, write_jpeg};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::testing::{SIZE, export, mask, track, video};

type Tracks = BTreeMap<i64, Vec<Option<Rle>>>;

fn write(export: &Export, kind: Kind, output: &Path) -> Result<Vec<String>, ExportError> {
    // Without ffmpeg films are GIFs.
    let (ffmpeg, stop) =
        (FfmpegLocation::find(Some(Path::new("/nowhere/ffmpeg"))), AtomicBool::new(false));
    let tools = Tools { ffmpeg: &ffmpeg, stop: &stop };
    let mut notes = Notes::default();
    export.write(kind, output, &tools, &mut notes)?;
    Ok(notes.lines().collect())
}

fn tracks(dataset: &Dataset) -> Vec<(String, Tracks)> {
    let tracks = |video: &Video| {
        let masks = |track: &Track| {
            track.shapes.frames().map(|shape| shape?.draw(video.size)).collect::<Vec<_>>()
        };
        video.tracks.iter().map(|track| (track.id, masks(track))).collect::<Tracks>()
    };
    dataset.videos.iter().map(|video| (video.name.clone(), tracks(video))).collect()
}

fn read_back(kind: Kind, path: &Path) -> Dataset {
    let reader = kind.format().unwrap().reader();
    reader.read(path, &ReadOptions::default(), &mut Notes::default()).unwrap()
}

#[test]
fn objects_come_back_from_every_format_of_annotations() {
    let folder = tempdir().unwrap();
    let made = export();
    let mut without = export();
    // The better one has the pixel in the middle.
    without.videos[0].video.tracks[1] = track(2, 0.5, vec![Some(mask("..#.")), None]);
    for kind in Kind::ALL.into_iter().filter(|kind| kind.format().is_some() && *kind != Kind::Coco)
    {
        let path = kind.paths(folder.path(), "street").remove(0);
        let said = write(&made, kind, &path).unwrap();
        let overlaps = said.iter().any(|note| note.starts_with("1 masks overlap"));
        assert_eq!(overlaps, !kind.holds_overlap(), "{kind}: {said:?}");
        assert_eq!(path.is_file(), kind.is_file(&path), "{kind}");
        let expected = if kind.holds_overlap() { made.dataset() } else { without.dataset() };
        assert_eq!(tracks(&read_back(kind, &path)), tracks(&expected), "{kind}");
        // Again, over what is there.
        write(&made, kind, &path).unwrap();
        assert_eq!(tracks(&read_back(kind, &path)), tracks(&expected), "{kind}");
    }
}

#[test]
fn scores_are_in_the_files_that_hold_them() {
    let folder = tempdir().unwrap();
    let json =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    for (kind, expected) in [
        (Kind::Ytvis, vec![0.75, 0.5, 0.25]),
        (Kind::Coco, vec![0.75, 0.5, 0.75, 0.25]),
        (Kind::Cocovid, vec![0.75, 0.5, 0.75, 0.25]),
    ] {
        let path = folder.path().join(kind.name());
        write(&export(), kind, &path).unwrap();
        let found = json(&path)["annotations"].as_array().unwrap().clone();
        let scores: Vec<f64> = found.iter().map(|one| one["score"].as_f64().unwrap()).collect();
        assert_eq!(scores, expected, "{kind}");
    }
    let path = folder.path().join("labelme");
    write(&export(), Kind::Labelme, &path).unwrap();
    assert_eq!(json(&path.join("street/1.json"))["shapes"][1]["score"], 0.25);
    let path = folder.path().join("table.csv");
    write(&export(), Kind::Csv, &path).unwrap();
    let rows = [
        "video,video_id,frame,time,file_name,track_id,category_id,class,score,x,y,width,height,area",
        "street,1,0,,street/0.jpg,1,3,Fuß/猫,0.75,0,0,2,2,4",
        "street,1,0,,street/0.jpg,2,3,Fuß/猫,0.5,1,0,2,2,4",
        "street,1,1,,street/1.jpg,1,3,Fuß/猫,0.75,0,0,2,2,4",
        "street,1,1,,street/1.jpg,5,3,Fuß/猫,0.25,3,0,1,2,2",
    ];
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().collect::<Vec<_>>(), rows);
    let said = write(&export(), Kind::Cvat, &folder.path().join("cvat")).unwrap();
    assert!(said.iter().any(|note| note.contains("cvat has no scores")), "{said:?}");
}

/// The results with a video of two grey frames in a folder.
fn with_frames() -> (TempDir, Export) {
    let folder = tempdir().unwrap();
    let frames = folder.path().join("street");
    for (index, grey) in [(0, 40), (1, 200)] {
        let pixels = vec![grey; 3 * SIZE.num_pixels() as usize];
        let image = seqformer_data::RgbImage { size: SIZE, pixels };
        write_jpeg(&frames.join(format!("{index}.jpg")), &image).unwrap();
    }
    let mut made = export();
    let ffmpeg = FfmpegLocation::find(None);
    made.videos[0].source = Some(FrameSource::open(&frames, &ffmpeg).unwrap());
    (folder, made)
}

#[test]
fn objects_are_cut_out_of_the_frames_on_which_they_are() {
    let (folder, made) = with_frames();
    let path = folder.path().join("out");
    write(&made, Kind::Cutout, &path).unwrap();
    let mut files: Vec<String> = Vec::new();
    for object in std::fs::read_dir(&path).unwrap() {
        let object = object.unwrap().path();
        let name = object.file_name().unwrap().to_string_lossy().into_owned();
        for file in std::fs::read_dir(&object).unwrap() {
            files.push(format!("{name}/{}", file.unwrap().file_name().to_string_lossy()));
        }
    }
    files.sort();
    assert_eq!(
        files,
        ["1_Fuß_猫/00000.png", "1_Fuß_猫/00001.png", "2_Fuß_猫/00000.png", "5_Fuß_猫/00001.png"]
    );
    let file =
        std::io::BufReader::new(std::fs::File::open(path.join("5_Fuß_猫/00001.png")).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let row = [[0; 4], [0; 4], [0; 4], [200, 200, 200, 255]].concat();
    assert_eq!(pixels, [row.clone(), row].concat());
    write(&made, Kind::CutoutVideo, &path).unwrap();
    let film = read_image(&path.join("5_Fuß_猫.gif")).unwrap().image;
    assert_eq!(film.pixels, vec![255; 24], "on the first frame it is not there");
}

#[test]
fn films_of_masks_show_one_object_for_each_pixel() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("street.masks.mp4");
    write(&export(), Kind::MaskVideo, &path).unwrap();
    let image = read_image(&path.with_extension("gif")).unwrap().image;
    let [first, second, black] =
        [seqformer_video::track_color(1), seqformer_video::track_color(2), [0; 3]];
    let row = [first, first, second, black].concat();
    assert_eq!(image.pixels, [row.clone(), row].concat());
    let mut two = export();
    two.videos.push(FoundVideo {
        video: Video { name: "a/b".to_owned(), ..video(Vec::new()) },
        ..two.videos[0].clone()
    });
    let said = write(&two, Kind::MaskVideo, &path).unwrap_err().to_string();
    assert!(said.contains("found 2"), "{said}");
    write(&two, Kind::MaskVideo, &folder.path().join("films")).unwrap();
    assert!(
        folder.path().join("films/a_b.gif").is_file()
            && folder.path().join("films/street.gif").is_file()
    );
}

#[test]
fn frames_that_are_missing_or_of_another_video_are_named_and_nothing_is_left() {
    let (folder, made) = with_frames();
    let output = folder.path().join("out");
    let check = |change: &dyn Fn(&mut FoundVideo), expected: &str| {
        let mut changed = made.clone();
        change(&mut changed.videos[0]);
        let said = write(&changed, Kind::Cutout, &output).unwrap_err().to_string();
        assert!(said.contains("video 1 (street)") && said.contains(expected), "{said}");
        assert!(!output.exists());
    };
    check(&|found| found.source = None, "--videos");
    check(&|found| found.video.length = 3, "expected 3 frames, as the results have, found 2");
    check(&|found| found.video.length = 1, "expected 1 frames, as the results have, found more");
    let other = ImageSize { height: 4, width: 2 };
    check(
        &|found| found.video.size = other,
        "expected 2x4 pixels, as the results have, found 4x2 pixels",
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
