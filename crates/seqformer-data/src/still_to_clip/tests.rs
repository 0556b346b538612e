//! Views of one size, equal or not, and how often each change occurs.

use std::collections::BTreeMap;

use seqformer_masks::Polygon;

use super::*;
use crate::{
    Drawn, FrameAnnotation, FrameStep, Purpose, RgbImage, Segmentation, ShortEdge, TrackAnnotation,
    read_image,
};

const SIZE: ImageSize = ImageSize { height: 120, width: 180 };

fn mapper(pseudo_clip: PseudoClip) -> StillMapper {
    StillMapper {
        num_frames: 4,
        pseudo_clip,
        augmentation: Augmentation {
            short_edge: ShortEdge::Choice(vec![64, 96]),
            short_edge_drawn: Drawn::PerClip,
            max_size: 200,
            flip: RandomFlip::Horizontal,
            flip_drawn: Drawn::PerClip,
            crop: Some(RandomCrop::AbsoluteRange(384, 600)),
            frame_steps: Vec::new(),
        },
        same_views: false,
        absent: AbsentInstances::Drop,
    }
}

/// A mapper of 5 warped views at the size of the image.
fn only_warps() -> StillMapper {
    let augmentation = Augmentation {
        short_edge: ShortEdge::Choice(vec![0]),
        flip: RandomFlip::None,
        flip_drawn: Drawn::PerClip,
        crop: None,
        ..mapper(PseudoClip::Warps).augmentation
    };
    StillMapper { num_frames: 5, augmentation, ..mapper(PseudoClip::Warps) }
}

fn random(index: u64) -> Random {
    Random::new(1, Purpose::Sample, index)
}

fn output_size(steps: &[Transform]) -> ImageSize {
    steps.iter().fold(SIZE, |size, step| step.output_size(size))
}

#[test]
fn all_views_have_one_size_and_differ_unless_they_should_not() {
    for pseudo_clip in [PseudoClip::Crops, PseudoClip::Warps] {
        let (mut cropped, mut differing) = (0, 0);
        for index in 0..100 {
            for same_views in [false, true] {
                let mapper = StillMapper { same_views, ..mapper(pseudo_clip) };
                let views = mapper.draw(SIZE, &mut random(index));
                assert_eq!(views.len(), 4);
                let output = output_size(&views[0]);
                assert!(views.iter().all(|view| output_size(view) == output), "{views:?}");
                let differ = views.iter().any(|view| *view != views[0]);
                assert!(!(same_views && differ), "{views:?}");
                differing += usize::from(differ);
                let is_crop = |step: &Transform| matches!(step, Transform::Crop(_));
                cropped += usize::from(views[0].iter().any(is_crop));
            }
        }
        // Binomial with n = 100 and p = 1/2, each counted twice: six standard deviations are 60.
        assert!((40..160).contains(&cropped), "{cropped}");
        assert!(differing > 50, "{differing}");
    }
}

/// The names of the variants, in order.
fn kinds(steps: &[Transform]) -> Vec<&'static str> {
    let kind = |step: &Transform| match step {
        Transform::ShiftColor(_) => "shift",
        Transform::HueSaturation(_) => "hue",
        Transform::Perspective(_) => "perspective",
        Transform::Affine(_) => "affine",
        Transform::MotionBlur(_) => "blur",
        Transform::Rotate(_) => "rotate",
        Transform::Blend(_) => "blend",
        _ => "clip",
    };
    steps.iter().map(kind).collect()
}

#[test]
fn one_view_is_the_image_and_the_others_are_warped_in_any_order() {
    let mut places = [0_u32; 5];
    for index in 0..1000 {
        let views = only_warps().draw(SIZE, &mut random(index));
        let is_plain = |view: &Vec<Transform>| kinds(view) == ["clip"];
        assert_eq!(views.iter().filter(|view| is_plain(view)).count(), 1, "{views:?}");
        places[views.iter().position(is_plain).unwrap()] += 1;
    }
    // Binomial with n = 1000 and p = 1/5: six standard deviations are 76.
    assert!(places.iter().all(|count| count.abs_diff(200) < 76), "{places:?}");
}

#[test]
fn flip_and_crop_are_the_same_in_all_warped_views() {
    for index in 0..50 {
        let views = mapper(PseudoClip::Warps).draw(SIZE, &mut random(index));
        let is_clip = |step: &&Transform| kinds(std::slice::from_ref(*step)) == ["clip"];
        let clip_steps = |view: &Vec<Transform>| view.iter().filter(is_clip).copied().collect();
        let clips: Vec<Vec<Transform>> = views.iter().map(clip_steps).collect();
        assert!(clips.iter().all(|steps| *steps == clips[0]), "{views:?}");
        assert!(views.iter().zip(&clips).all(|(view, steps)| view.ends_with(steps)), "{views:?}");
    }
}

#[test]
fn every_change_of_a_warp_has_its_share_and_range() {
    const NUM_DRAWS: u32 = 4000;
    let mut random = random(0);
    let mut shares: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
    let mut kernels: BTreeMap<u32, u32> = BTreeMap::new();
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    for _ in 0..NUM_DRAWS {
        let steps = warp::draw(&mut random);
        *shares.entry(kinds(&steps)).or_default() += 1;
        for step in steps {
            match step {
                Transform::ShiftColor(shift) => levels.push(shift.levels),
                Transform::HueSaturation(change) => {
                    // 3.5 of 180 for 5 of 255, without the fraction.
                    assert_eq!(change.hue, (f64::from(change.saturation) / 255.0 * 180.0) as i16);
                    values.push(change.saturation);
                }
                Transform::Affine(affine) => {
                    assert!((-20.0..20.0).contains(&affine.degrees), "{affine:?}");
                    assert!((-0.1..0.1).contains(&affine.translation[0]), "{affine:?}");
                    assert_eq!(affine.translation[0], affine.translation[1]);
                }
                Transform::MotionBlur(blur) => {
                    *kernels.entry(blur.kernel_size).or_default() += 1;
                    assert!((0.0..360.0).contains(&blur.degrees), "{blur:?}");
                    assert!((-1.0..1.0).contains(&blur.direction), "{blur:?}");
                }
                _ => {}
            }
        }
    }
    let check = |count: u32, draws: u32, share: f64| {
        let draws = f64::from(draws);
        let six_sigma = 6.0 * (draws * share * (1.0 - share)).sqrt();
        assert!((f64::from(count) - draws * share).abs() < six_sigma, "{count} is not {share}");
    };
    let colors: [(&[&str], f64); 3] =
        [(&["shift"], 0.25), (&["hue"], 0.25), (&["shift", "hue"], 0.5)];
    for (colors, share) in colors {
        let plain = [colors, &["perspective", "affine"]].concat();
        let blurred = [colors, &["perspective", "affine", "blur"]].concat();
        check(shares[&plain], NUM_DRAWS, share * 0.75);
        check(shares[&blurred], NUM_DRAWS, share * 0.25);
    }
    assert_eq!(shares.values().sum::<u32>(), NUM_DRAWS);
    assert_eq!(shares.len(), 6, "{shares:?}");
    assert_eq!(kernels.keys().copied().collect::<Vec<_>>(), [9, 11]);
    check(kernels[&9], kernels[&9] + kernels[&11], 0.5);
    // 81 and 11 numbers, of which some 3000 are drawn.
    for (mut numbers, most) in [(levels, 40), (values, 5)] {
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (-most..=most).collect::<Vec<_>>());
    }
}

#[test]
fn corners_move_inward_by_half_a_bell_curve() {
    const NUM_DRAWS: usize = 5000;
    let mut random = random(0);
    let mut inward = Vec::new();
    for _ in 0..NUM_DRAWS {
        let steps = warp::draw(&mut random);
        let corners = steps.iter().find_map(|step| match step {
            Transform::Perspective(perspective) => Some(perspective.corners()),
            _ => None,
        });
        let corners = corners.unwrap();
        let from_edges = corners.as_flattened().iter().map(|at| at.min(1.0 - at));
        inward.extend(from_edges);
    }
    // Within one and two standard deviations of 0.08, from tables.
    for (place, share) in [(0.08, 0.682_689_492), (0.16, 0.954_499_736)] {
        let draws = inward.len() as f64;
        let found = inward.iter().filter(|&&at| at < place).count() as f64 / draws;
        let six_sigma = 6.0 * (share * (1.0 - share) / draws).sqrt();
        assert!((found - share).abs() < six_sigma, "{place}: {found}");
    }
}

#[test]
fn steps_of_single_frames_come_last_and_differ_between_views() {
    for pseudo_clip in [PseudoClip::Crops, PseudoClip::Warps] {
        for same_views in [false, true] {
            let mut mapper = StillMapper { same_views, ..mapper(pseudo_clip) };
            mapper.augmentation.frame_steps = vec![FrameStep::Rotation, FrameStep::Brightness];
            let views = mapper.draw(SIZE, &mut random(3));
            let ends: Vec<&[Transform]> =
                views.iter().map(|view| &view[view.len() - 2..]).collect();
            for (index, end) in ends.iter().enumerate() {
                assert_eq!(kinds(end), ["blend", "rotate"]);
                let is_known = ends[..index].contains(end);
                assert_eq!(is_known, same_views && index > 0, "{views:?}");
            }
            let Transform::Rotate(rotation) = ends[0][1] else { panic!("{views:?}") };
            // Around a point near the middle of the last size, not of the first.
            let middle = f64::from(output_size(&views[0]).width) * 0.5;
            assert!((rotation.center[0] / middle - 1.0).abs() < 0.2, "{rotation:?}");
        }
    }
}

/// An image file and its record: two overlapping squares, one of them of run lengths, and a
/// crowd.
fn record(folder: &std::path::Path) -> VideoRecord {
    let path = folder.join("still.png");
    let pixels = (0..3 * SIZE.num_pixels()).map(|index| (index * 7 % 251) as u8).collect();
    let image = RgbImage { size: SIZE, pixels };
    image::save_buffer(&path, &image.pixels, SIZE.width, SIZE.height, image::ColorType::Rgb8)
        .unwrap();
    let square = |low: f64, high: f64| {
        let numbers = [low, low, high, low, high, high, low, high];
        Segmentation::Polygons(vec![Polygon::from_xy(&numbers).unwrap()])
    };
    let run_lengths = |segmentation: Segmentation| {
        let mask = segmentation.to_mask(SIZE).unwrap();
        Segmentation::Rle(seqformer_masks::Rle::encode(&mask))
    };
    let track = |id: u64, is_crowd: bool, segmentation: Segmentation| {
        let annotation = FrameAnnotation { segmentation };
        TrackAnnotation { id, category: 3, is_crowd, frames: vec![Some(annotation)] }
    };
    VideoRecord {
        id: 9,
        frames: vec![path],
        size: SIZE,
        tracks: vec![
            track(1, false, square(40.0, 80.0)),
            track(2, false, run_lengths(square(40.0, 80.0))),
            track(3, true, square(0.0, 20.0)),
        ],
        exhaustive: None,
    }
}

#[test]
fn clips_of_warps_have_one_size_their_own_masks_and_the_image_itself() {
    let folder = tempfile::tempdir().unwrap();
    let record = record(folder.path());
    let image = read_image(&record.frames[0]).unwrap().image;
    for index in 0..10 {
        let clip = only_warps().map(&record, &mut random(index)).unwrap();
        assert_eq!((clip.frames.len(), clip.frame_indices.as_slice()), (5, [0; 5].as_slice()));
        assert_eq!(clip.frames.iter().filter(|frame| **frame == image).count(), 1);
        assert!(clip.frames.iter().all(|frame| frame.size == SIZE));
        let [polygon, run_lengths] = clip.instances.as_slice() else { panic!("two instances") };
        for (one, other) in polygon.frames.iter().zip(&run_lengths.frames) {
            assert_eq!(one.mask.bounding_box().unwrap_or_default(), one.bbox);
            // The same square in both forms: each has all of it, up to the outline.
            let (one, other) = (&one.mask, &other.mask);
            let pairs = one.as_bytes().iter().zip(other.as_bytes());
            let differing = pairs.filter(|(one, other)| one != other).count() as u64;
            let outline = 8 * u64::from(40_u32);
            assert!(one.area() > 100 && differing < outline, "{differing}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_clip() {
    let folder = tempfile::tempdir().unwrap();
    let record = record(folder.path());
    for pseudo_clip in [PseudoClip::Crops, PseudoClip::Warps] {
        let map = |index| mapper(pseudo_clip).map(&record, &mut random(index)).unwrap();
        assert_eq!(map(1), map(1));
        assert_ne!(map(1), map(2));
    }
}

#[test]
fn a_single_view_is_the_image() {
    let views = StillMapper { num_frames: 1, ..only_warps() }.draw(SIZE, &mut random(0));
    assert_eq!(views, [[Transform::Resize(SIZE)]]);
}
