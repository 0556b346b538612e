//! Scenes of objects with one colour each: red, green and blue ones over grey pictures.

use std::path::Path;

use seqformer_masks::{BitMask, ImageSize, Polygon};

use super::*;
use crate::random::{Purpose, Random};
use crate::{FrameAnnotation, Segmentation, TrackAnnotation, VideoRecord};

const PICTURE: ImageSize = ImageSize { height: 90, width: 120 };
const FRAME: ImageSize = ImageSize { height: 72, width: 96 };

/// An object with the box `[x0, y0, x1, y1]`, whose category is the channel of its colour.
fn object(category: usize, [x0, y0, x1, y1]: [f64; 4]) -> TrackAnnotation {
    let outline = Polygon::from_xy(&[x0, y0, x1, y0, x1, y1, x0, y1]).unwrap();
    let segmentation = Segmentation::Polygons(vec![outline]);
    let frames = vec![Some(FrameAnnotation { segmentation })];
    TrackAnnotation { id: 1 + category as u64, category, is_crowd: false, frames }
}

/// Writes a grey picture with these objects.
fn picture(folder: &Path, id: u64, tracks: Vec<TrackAnnotation>) -> VideoRecord {
    let mut pixels = image::RgbImage::from_pixel(120, 90, image::Rgb([120; 3]));
    for track in &tracks {
        let mask = track.frames[0].as_ref().unwrap().segmentation.to_mask(PICTURE).unwrap();
        let mut color = [30; 3];
        color[track.category] = 220;
        for (pixel, &is_set) in pixels.pixels_mut().zip(mask.as_bytes()) {
            if is_set == 1 {
                *pixel = image::Rgb(color);
            }
        }
    }
    let path = folder.join(format!("{id}.png"));
    pixels.save(&path).unwrap();
    VideoRecord { id, frames: vec![path], size: PICTURE, tracks, exhaustive: None }
}

/// A picture without objects, and three with one each.
fn pictures(folder: &Path) -> Vec<VideoRecord> {
    let mut pictures = vec![picture(folder, 1, Vec::new())];
    for category in 0..3 {
        let bounds = [30.0, 20.0, 60.0 + 10.0 * category as f64, 70.0];
        pictures.push(picture(folder, 2 + category as u64, vec![object(category, bounds)]));
    }
    pictures
}

fn settings(objects: usize) -> SceneSettings {
    SceneSettings { num_frames: 8, size: FRAME, objects: objects..=objects }
}

fn scene(records: &[VideoRecord], background: usize, objects: usize, seed: u64) -> CutoutScene {
    let pool = CutoutPool::new(records);
    let mut random = Random::new(seed, Purpose::Cutouts, 0);
    CutoutScene::draw(records, &pool, background, &settings(objects), &mut random).unwrap()
}

/// Returns whether all pixels at most two away are set, or none of them is.
fn is_uniform(mask: &[u8], x: u32, y: u32) -> bool {
    let near = |at: u32, side: u32| at.saturating_sub(2)..(at + 3).min(side);
    let pixels = near(y, FRAME.height)
        .flat_map(|y| near(x, FRAME.width).map(move |x| mask[(y * FRAME.width + x) as usize]));
    let mut first = None;
    pixels.into_iter().all(|pixel| *first.get_or_insert(pixel) == pixel)
}

#[test]
fn every_pixel_has_the_colour_of_the_object_that_its_mask_names() {
    let folder = tempfile::tempdir().unwrap();
    let records = pictures(folder.path());
    let (mut num_inside, mut num_outside) = (0, 0);
    for seed in 0..6 {
        let scene = scene(&records, 0, 4, seed);
        let objects = scene.objects();
        for frame in [0, 4, 7] {
            let CutoutFrame { image, masks } = scene.render(frame);
            let mut owners = vec![0; FRAME.num_pixels() as usize];
            for (object, mask) in objects.iter().zip(&masks) {
                let Some(mask) = mask else { continue };
                for (owner, &pixel) in owners.iter_mut().zip(mask.as_bytes()) {
                    assert!(*owner == 0 || pixel == 0, "a pixel of two objects");
                    *owner += pixel * (object.category as u8 + 1);
                }
            }
            let (colors, _) = image.pixels.as_chunks::<3>();
            for (index, (color, &owner)) in colors.iter().zip(&owners).enumerate() {
                let (x, y) = (index as u32 % FRAME.width, index as u32 / FRAME.width);
                // Edges are soft, and blurred where things move.
                if !is_uniform(&owners, x, y) || scene.shutter > 0.0 {
                    continue;
                }
                let (most, least) = (color.iter().max().unwrap(), color.iter().min().unwrap());
                if owner == 0 {
                    num_outside += 1;
                    assert!(most - least < 12, "seed {seed}, {x} {y}: {color:?}");
                } else {
                    num_inside += 1;
                    let own = color[usize::from(owner) - 1];
                    assert!(own == *most && most - least > 60, "seed {seed}, {x} {y}: {color:?}");
                }
            }
        }
    }
    assert!(num_inside > 1000 && num_outside > 10_000, "{num_inside} {num_outside}");
}

/// Renders a frame with the cut-outs that `is_kept` names alone.
fn render_some(
    scene: &mut CutoutScene,
    frame: usize,
    is_kept: impl Fn(usize) -> bool,
) -> Vec<Option<BitMask>> {
    let all = std::mem::take(&mut scene.pasted);
    let mut aside = Vec::new();
    for (index, pasted) in all.into_iter().enumerate() {
        if is_kept(index) { scene.pasted.push(pasted) } else { aside.push((index, pasted)) }
    }
    let masks = scene.render(frame).masks;
    for (index, pasted) in aside {
        scene.pasted.insert(index, pasted);
    }
    masks
}

fn bytes(mask: Option<&BitMask>) -> Vec<u8> {
    mask.map_or(vec![0; FRAME.num_pixels() as usize], |mask| mask.as_bytes().to_vec())
}

#[test]
fn an_object_is_seen_where_none_in_front_of_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = pictures(folder.path());
    records.push(picture(folder.path(), 9, vec![object(0, [5.0, 5.0, 90.0, 60.0])]));
    let mut num_hidden = 0;
    for seed in 0..8 {
        let mut scene = scene(&records, 4, 5, seed);
        let count = scene.num_cutouts();
        for frame in [0, 5] {
            let masks = scene.render(frame).masks;
            assert_eq!(masks.len(), 1 + count);
            let mut in_front = vec![0; FRAME.num_pixels() as usize];
            for index in (0..count).rev() {
                let alone =
                    bytes(render_some(&mut scene, frame, |other| other == index)[1].as_ref());
                let visible: Vec<u8> =
                    alone.iter().zip(&in_front).map(|(own, front)| own & !front & 1).collect();
                let area: u64 = visible.iter().map(|&pixel| u64::from(pixel)).sum();
                match &masks[1 + index] {
                    Some(mask) => assert_eq!(mask.as_bytes(), visible, "seed {seed}, {index}"),
                    None => assert!(area < 10, "seed {seed}, {index}: {area}"),
                }
                num_hidden +=
                    alone.iter().zip(&in_front).filter(|(own, front)| **own & **front == 1).count();
                in_front.iter_mut().zip(&alone).for_each(|(front, own)| *front |= own);
            }
            // The object of the picture is behind all of them.
            let own = bytes(render_some(&mut scene, frame, |_| false)[0].as_ref());
            let visible: Vec<u8> =
                own.iter().zip(&in_front).map(|(own, front)| own & !front & 1).collect();
            assert_eq!(bytes(masks[0].as_ref()), visible, "seed {seed}");
        }
    }
    assert!(num_hidden > 500, "{num_hidden}");
}

#[test]
fn objects_of_the_picture_move_with_the_camera() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = pictures(folder.path());
    records.push(picture(folder.path(), 9, vec![object(1, [45.0, 35.0, 75.0, 55.0])]));
    for seed in 0..10 {
        let mut scene = scene(&records, 4, 1, seed);
        let scale = f64::from(scene.camera.picture().width) / f64::from(PICTURE.width);
        for frame in 0..8 {
            let masks = render_some(&mut scene, frame, |_| false);
            let mask = masks[0].as_ref().unwrap();
            let (mut x, mut y) = (0.0, 0.0);
            for (index, &pixel) in mask.as_bytes().iter().enumerate() {
                x += f64::from(pixel) * (f64::from(index as u32 % FRAME.width) + 0.5);
                y += f64::from(pixel) * (f64::from(index as u32 / FRAME.width) + 0.5);
            }
            let found = [x, y].map(|sum| sum / mask.area() as f64);
            let center = [60.0 * scale, 45.0 * scale];
            let expected = scene.camera.to_picture(frame as f64).inverse().apply(center);
            let distance = (found[0] - expected[0]).abs().max((found[1] - expected[1]).abs());
            assert!(distance < 1.0, "seed {seed}, frame {frame}: {found:?} {expected:?}");
        }
    }
}

#[test]
fn an_object_that_its_picture_cuts_off_reaches_the_border_of_every_frame() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        picture(folder.path(), 1, Vec::new()),
        picture(folder.path(), 2, vec![object(2, [40.0, 40.0, 80.0, 90.0])]),
    ];
    for seed in 0..20 {
        let scene = scene(&records, 0, 1, seed);
        for frame in 0..8 {
            let masks = scene.render(frame).masks;
            let Some(Some(mask)) = masks.first() else { continue };
            let bounds = mask.bounding_box().unwrap();
            assert_eq!(bounds.y1, f64::from(FRAME.height), "seed {seed}, frame {frame}");
        }
    }
}

#[test]
fn crowds_and_objects_that_are_too_small_too_large_or_cut_off_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let crowd = TrackAnnotation { is_crowd: true, ..object(0, [20.0, 20.0, 60.0, 60.0]) };
    let records = [
        picture(folder.path(), 1, vec![crowd, object(0, [20.0, 20.0, 34.0, 60.0])]),
        picture(folder.path(), 2, vec![object(1, [5.0, 5.0, 115.0, 85.0])]),
        picture(folder.path(), 3, vec![object(2, [0.0, 30.0, 120.0, 60.0])]),
    ];
    let pool = CutoutPool::new(&records);
    let expected = LeftOutObjects { crowds: 1, small: 1, large: 1, cut_off: 1 };
    assert_eq!((pool.num_objects(), pool.left_out()), (0, expected));
    assert!(pool.backgrounds().is_empty());
    // An object alone cannot be put on its own picture.
    let records = &pictures(folder.path())[..2];
    let pool = CutoutPool::new(records);
    assert_eq!((pool.num_objects(), pool.backgrounds()), (1, &[0][..]));
    let mut random = Random::new(0, Purpose::Cutouts, 0);
    assert_eq!(pool.draw(&mut random, 1, None), None);
}
