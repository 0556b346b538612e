//! Ranges of what is drawn, and that clips do not jump.

use seqformer_masks::BitMask;

use super::*;
use crate::{Purpose, RgbImage};

const SIZE: ImageSize = ImageSize { height: 90, width: 160 };

fn plain() -> Augmentation {
    Augmentation {
        short_edge: ShortEdge::Choice(vec![32, 48, 64]),
        short_edge_drawn: Drawn::PerClip,
        max_size: 1333,
        flip: RandomFlip::Horizontal,
        flip_drawn: Drawn::PerClip,
        crop: None,
        frame_steps: Vec::new(),
    }
}

/// The distinct steps of the frames of a clip.
fn distinct(augmentation: &Augmentation, index: u64) -> std::collections::BTreeSet<String> {
    let mut random = Random::new(1, Purpose::Sample, index);
    let steps = augmentation.draw(SIZE, 5, &mut random);
    assert_eq!(steps.len(), 5);
    steps.iter().map(|steps| format!("{steps:?}")).collect()
}

#[test]
fn by_clip_sizes_and_flips_are_the_same_in_all_frames() {
    let mut clips = std::collections::BTreeSet::new();
    for index in 0..100 {
        let frames = distinct(&plain(), index);
        assert_eq!(frames.len(), 1, "{frames:?}");
        clips.extend(frames);
    }
    // Three sizes, mirrored or not.
    assert_eq!(clips.len(), 6);
}

#[test]
fn otherwise_every_frame_has_a_flip_and_a_size_of_its_own_as_in_vnext() {
    let flips = Augmentation { flip_drawn: Drawn::PerFrame, ..plain() };
    let sizes = Augmentation { short_edge_drawn: Drawn::PerFrame, ..plain() };
    let count = |augmentation: &Augmentation| {
        (0..200).filter(|&index| distinct(augmentation, index).len() > 1).count()
    };
    // All five flips are alike with probability 2 / 32, and all five sizes with 3 / 243. Binomial with n = 200:
    // six standard deviations are 21 and 10.
    assert!(count(&flips).abs_diff(187) < 21, "{}", count(&flips));
    assert!(count(&sizes) > 187, "{}", count(&sizes));
}

#[test]
fn windows_are_drawn_for_each_frame_of_half_of_the_clips() {
    let augmentation = Augmentation { crop: Some(RandomCrop::AbsoluteRange(20, 60)), ..plain() };
    let is_cropped = |index: &u64| distinct(&augmentation, *index).len() > 1;
    let cropped = (0..200).filter(is_cropped).count();
    // Binomial with n = 200: six standard deviations are 43.
    assert!(cropped.abs_diff(100) < 43, "{cropped}");
}

#[test]
fn smaller_frames_of_a_clip_are_padded_to_the_largest() {
    let augmentation = Augmentation { short_edge_drawn: Drawn::PerFrame, ..plain() };
    for index in 0..20 {
        let frames = augmentation.draw(SIZE, 5, &mut Random::new(1, Purpose::Sample, index));
        let ends =
            |steps: &[Transform]| steps.iter().fold(SIZE, |size, step| step.output_size(size));
        let sizes: Vec<ImageSize> = frames.iter().map(|steps| ends(steps)).collect();
        assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
        let resized = |steps: &Vec<Transform>| steps[0].output_size(SIZE);
        let largest = frames.iter().map(resized).max_by_key(|size| size.height);
        assert_eq!(largest, Some(sizes[0]));
    }
    let image =
        RgbImage { size: ImageSize { height: 1, width: 2 }, pixels: vec![1, 2, 3, 4, 5, 6] };
    let pad = Transform::Pad(ImageSize { height: 2, width: 3 });
    let padded = pad.apply_image(image);
    assert_eq!(padded.pixels, [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mask = BitMask::from_bytes(ImageSize { height: 1, width: 2 }, vec![0, 1]).unwrap();
    assert_eq!(pad.apply_mask(mask).as_bytes(), [0, 1, 0, 0, 0, 0]);
}

#[test]
fn half_of_the_clips_are_mirrored_and_every_size_occurs() {
    let mut mirrored = 0;
    let mut lengths = std::collections::BTreeMap::new();
    for index in 0..600 {
        let mut random = Random::new(2, Purpose::Sample, index);
        let steps = plain().draw(SIZE, 1, &mut random).remove(0);
        mirrored += u32::from(steps.contains(&Transform::FlipHorizontal));
        let Transform::Resize(size) = steps[0] else { panic!("{steps:?}") };
        *lengths.entry(size.height).or_insert(0_u32) += 1;
    }
    // Binomial with n = 600: six standard deviations are 73 and 69.
    assert!(mirrored.abs_diff(300) < 73, "{mirrored}");
    assert_eq!(lengths.keys().copied().collect::<Vec<_>>(), [32, 48, 64]);
    assert!(lengths.values().all(|count| count.abs_diff(200) < 69), "{lengths:?}");
}

#[test]
fn colours_and_rotation_are_drawn_for_each_frame_in_a_fixed_order() {
    use FrameStep::{Brightness, Contrast, Rotation, Saturation};
    let frame_steps = vec![Rotation, Saturation, Brightness, Contrast, Brightness];
    let augmentation = Augmentation { flip: RandomFlip::None, frame_steps, ..plain() };
    let steps = augmentation.draw(SIZE, 2, &mut Random::new(3, Purpose::Sample, 0));
    assert_ne!(steps[0], steps[1]);
    for frame in steps {
        let [
            Transform::Resize(size),
            Transform::Blend(Blend::Brightness(brightness)),
            Transform::Blend(Blend::Contrast(contrast)),
            Transform::Blend(Blend::Saturation(saturation)),
            Transform::Rotate(rotation),
        ] = frame.as_slice()
        else {
            panic!("{frame:?}")
        };
        let weights = [brightness, contrast, saturation];
        assert!(weights.iter().all(|weight| (0.9..1.1).contains(*weight)), "{weights:?}");
        assert!(rotation.degrees.abs() <= 15.0);
        let [x, y] = rotation.center;
        assert!((0.4..0.6).contains(&(x / f64::from(size.width))), "{rotation:?}");
        assert!((0.4..0.6).contains(&(y / f64::from(size.height))), "{rotation:?}");
    }
}

#[test]
fn windows_have_the_size_of_their_kind_and_stay_inside() {
    let check = |crop: RandomCrop, heights: [u32; 2], widths: [u32; 2]| {
        let mut random = Random::new(4, Purpose::Sample, 0);
        for _ in 0..200 {
            let CropWindow { x, y, size } = crop.draw(SIZE, &mut random);
            assert!((heights[0]..=heights[1]).contains(&size.height), "{crop:?} {size}");
            assert!((widths[0]..=widths[1]).contains(&size.width), "{crop:?} {size}");
            assert!(x + size.width <= SIZE.width && y + size.height <= SIZE.height);
        }
    };
    check(RandomCrop::Absolute(ImageSize { height: 50, width: 70 }), [50, 50], [70, 70]);
    check(RandomCrop::Absolute(ImageSize { height: 500, width: 70 }), [90, 90], [70, 70]);
    check(RandomCrop::AbsoluteRange(60, 120), [60, 90], [60, 120]);
    check(RandomCrop::AbsoluteRange(384, 600), [90, 90], [160, 160]);
    check(RandomCrop::Relative([0.5, 0.25]), [45, 45], [40, 40]);
    check(RandomCrop::RelativeRange([0.9, 0.9]), [81, 90], [144, 160]);
    check(RandomCrop::Relative([0.001, 1.0]), [1, 1], [160, 160]);
}

#[test]
fn a_range_of_sizes_includes_both_ends() {
    let mut random = Random::new(5, Purpose::Sample, 0);
    let mut lengths: Vec<u32> =
        (0..200).map(|_| ShortEdge::Range(30, 33).draw(&mut random)).collect();
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, [30, 31, 32, 33]);
}
