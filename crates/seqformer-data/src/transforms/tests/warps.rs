//! The transforms of pseudo-clips: against imgaug, and whether pixels and polygons move together.

use super::*;

fn warps() -> Value {
    let path = crate_file("tests/fixtures/warps.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The part of bytes that differ by more than `levels`.
fn share_beyond(found: &RgbImage, expected: &RgbImage, levels: u8) -> f64 {
    assert_eq!(found.size, expected.size);
    let pairs = found.pixels.iter().zip(&expected.pixels);
    let beyond = pairs.filter(|(found, expected)| found.abs_diff(**expected) > levels).count();
    beyond as f64 / found.pixels.len() as f64
}

fn iou(one: &BitMask, other: &BitMask) -> f64 {
    let pairs = || one.as_bytes().iter().zip(other.as_bytes());
    let both = pairs().filter(|(one, other)| **one & **other != 0).count();
    let any = pairs().filter(|(one, other)| **one | **other != 0).count();
    both as f64 / any as f64
}

#[test]
fn shifted_colours_are_equal_to_imgaug() {
    let fixture = warps();
    let image = image_of(&fixture, &fixture["image"]);
    for case in fixture["shift"].as_array().unwrap() {
        let shift = Transform::ShiftColor(ShiftColor { levels: read(&case["levels"]) });
        let expected = image_of(&fixture, &case["image"]);
        assert_eq!(shift.apply_image(image.clone()), expected, "{shift:?}");
    }
}

#[test]
fn hue_and_saturation_are_imgaugs_within_a_level() {
    let fixture = warps();
    let image = image_of(&fixture, &fixture["image"]);
    for case in fixture["hue_saturation"].as_array().unwrap() {
        let value: i16 = read(&case["value"]);
        let change = HueSaturation { hue: value * 180 / 255, saturation: value };
        let found = Transform::HueSaturation(change).apply_image(image.clone());
        let expected = image_of(&fixture, &case["image"]);
        // The last bit of f32 decides where a value lies between two levels.
        assert_eq!(share_beyond(&found, &expected, 1), 0.0, "{change:?}");
        assert!(share_beyond(&found, &expected, 0) < 0.01, "{change:?}");
    }
}

#[test]
fn motion_blur_is_imgaugs_within_a_level() {
    let fixture = warps();
    let image = image_of(&fixture, &fixture["image"]);
    for case in fixture["motion_blur"].as_array().unwrap() {
        let blur = MotionBlur {
            kernel_size: read(&case["kernel_size"]),
            degrees: read(&case["degrees"]),
            direction: read(&case["direction"]),
        };
        let found = Transform::MotionBlur(blur).apply_image(image.clone());
        let expected = image_of(&fixture, &case["image"]);
        // The kernel is turned by exact coordinates here, by 32nds of a pixel there.
        assert_eq!(share_beyond(&found, &expected, 1), 0.0, "{blur:?}");
        if blur.degrees % 90.0 == 0.0 {
            assert_eq!(found, expected, "{blur:?}");
        }
    }
}

#[test]
fn affine_transforms_are_imgaugs_within_a_few_levels() {
    let fixture = warps();
    let smooth = &fixture["smooth"];
    let image = image_of(smooth, &smooth["image"]);
    let mask = BitMask::from_bytes(image.size, read(&smooth["mask"])).unwrap();
    for case in fixture["affine"].as_array().unwrap() {
        let affine =
            Affine { degrees: read(&case["degrees"]), translation: read(&case["translation"]) };
        let step = Transform::Affine(affine);
        let expected = image_of(smooth, &case["image"]);
        let expected_mask = BitMask::from_bytes(image.size, read(&case["mask"])).unwrap();
        let found = step.apply_image(image.clone());
        // Coordinates are exact here and in 32nds of a pixel there, and the image has steps of up
        // to 250 levels at its border.
        assert!(share_beyond(&found, &expected, 1) < 0.02, "{affine:?}");
        assert!(share_beyond(&found, &expected, 8) == 0.0, "{affine:?}");
        assert_eq!(step.apply_mask(mask.clone()), expected_mask, "{affine:?}");
    }
}

#[test]
fn perspectives_are_imgaugs_within_half_a_pixel() {
    let fixture = warps();
    let smooth = &fixture["smooth"];
    let image = image_of(smooth, &smooth["image"]);
    let mask = BitMask::from_bytes(image.size, read(&smooth["mask"])).unwrap();
    for case in fixture["perspective"].as_array().unwrap() {
        let perspective = Perspective::new(read(&case["inward"])).unwrap();
        let step = Transform::Perspective(perspective);
        let expected = image_of(smooth, &case["image"]);
        let expected_mask = BitMask::from_bytes(image.size, read(&case["mask"])).unwrap();
        // The image has slopes of up to 17 levels a pixel.
        let found = step.apply_image(image.clone());
        assert!(share_beyond(&found, &expected, 2) < 0.05, "{perspective:?}");
        assert!(share_beyond(&found, &expected, 17) == 0.0, "{perspective:?}");
        // Half a pixel all around the ellipse, which has half axes of 13 and 9 pixels.
        assert!(iou(&step.apply_mask(mask.clone()), &expected_mask) > 0.87, "{perspective:?}");
    }
}

const SIZE: ImageSize = ImageSize { height: 60, width: 80 };

fn perspective(inward: [[f64; 2]; 4]) -> Transform {
    Transform::Perspective(Perspective::new(inward).unwrap())
}

fn affine(degrees: f64, translation: [f64; 2]) -> Transform {
    Transform::Affine(Affine { degrees, translation })
}

#[test]
fn without_jitter_shift_and_angle_nothing_changes() {
    let (image, mask) = noise(ImageSize { height: 7, width: 9 });
    let vertices = vec![[-1.0, 2.0], [12.5, 3.25], [4.0, 8.0]];
    let steps = [
        perspective([[0.0; 2]; 4]),
        affine(0.0, [0.0; 2]),
        affine(-360.0, [0.0; 2]),
        Transform::ShiftColor(ShiftColor { levels: 0 }),
        Transform::HueSaturation(HueSaturation { hue: 0, saturation: 0 }),
        Transform::MotionBlur(MotionBlur { kernel_size: 1, degrees: 0.0, direction: 0.0 }),
    ];
    for step in steps {
        assert_eq!(step.output_size(image.size), image.size);
        assert_eq!(step.apply_image(image.clone()), image, "{step:?}");
        assert_eq!(step.apply_mask(mask.clone()), mask, "{step:?}");
        assert_eq!(step.apply_vertices(vertices.clone(), image.size), vertices, "{step:?}");
    }
}

#[test]
fn translations_by_whole_pixels_move_pixels_and_fill_with_black() {
    let size = ImageSize { height: 8, width: 16 };
    let (image, mask) = noise(size);
    // Two pixels to the right and one up.
    let step = affine(0.0, [0.125, -0.125]);
    let (found, found_mask) = (step.apply_image(image.clone()), step.apply_mask(mask.clone()));
    for (y, x) in (0..8).flat_map(|y| (0..16).map(move |x| (y, x))) {
        let is_inside = x >= 2 && y < 7;
        let expected = if is_inside { pixel(&image, y + 1, x - 2) } else { &[0; 3] };
        assert_eq!(pixel(&found, y, x), expected, "{y} {x}");
        assert_eq!(found_mask.get(y, x), is_inside && mask.get(y + 1, x - 2), "{y} {x}");
    }
    let vertices = vec![[1.0, 3.0], [9.5, 3.0], [9.5, 7.0]];
    let moved = vec![[3.0, 2.0], [11.5, 2.0], [11.5, 6.0]];
    assert_eq!(step.apply_vertices(vertices, size), moved);
}

#[test]
fn half_a_turn_is_both_flips() {
    let size = ImageSize { height: 7, width: 9 };
    let (image, mask) = noise(size);
    let step = affine(180.0, [0.0; 2]);
    let both = [Transform::FlipHorizontal, Transform::FlipVertical];
    let expected = both.iter().fold(image.clone(), |image, flip| flip.apply_image(image));
    assert_eq!(step.apply_image(image), expected);
    let expected = both.iter().fold(mask.clone(), |mask, flip| flip.apply_mask(mask));
    assert_eq!(step.apply_mask(mask), expected);
}

#[test]
fn the_corners_of_the_quadrilateral_become_those_of_the_image() {
    let step = perspective([[0.1, 0.05], [0.2, 0.15], [0.0, 0.1], [0.25, 0.2]]);
    let corners = vec![[8.0, 3.0], [64.0, 9.0], [80.0, 54.0], [20.0, 48.0]];
    let expected = [[0.0, 0.0], [80.0, 0.0], [80.0, 60.0], [0.0, 60.0]];
    let found = step.apply_vertices(corners, SIZE);
    // Rounding may cut a corner into two points that lie close together.
    for expected in expected {
        let is_near = |at: &[f64; 2]| (0..2).all(|axis| (at[axis] - expected[axis]).abs() < 1e-9);
        assert!(found.iter().any(is_near), "{expected:?} is not in {found:?}");
    }
}

#[test]
fn quadrilaterals_that_no_projection_makes_rectangular_are_refused() {
    let check = |inward: [[f64; 2]; 4], is_accepted: bool| {
        assert_eq!(Perspective::new(inward).is_some(), is_accepted, "{inward:?}");
    };
    check([[0.0; 2]; 4], true);
    check([[0.3; 2], [0.3; 2], [0.3; 2], [0.3; 2]], true);
    check([[0.6; 2], [0.0; 2], [0.0; 2], [0.0; 2]], false);
    check([[0.5; 2], [0.0; 2], [0.0; 2], [0.0; 2]], false);
    check([[0.5, 0.0], [0.5, 0.0], [0.0; 2], [0.0; 2]], false);
    check([[-0.1, 0.0], [0.0; 2], [0.0; 2], [0.0; 2]], false);
    check([[f64::NAN, 0.0], [0.0; 2], [0.0; 2], [0.0; 2]], false);
}

/// A filled ellipse as a polygon and as the white part of a black image.
fn ellipse(size: ImageSize) -> (Segmentation, BitMask, RgbImage) {
    let (half_width, half_height) = (f64::from(size.width) / 2.0, f64::from(size.height) / 2.0);
    let at = |index: u32| {
        let angle = f64::from(index) / 60.0 * std::f64::consts::TAU;
        [half_width * (1.1 + 0.7 * angle.cos()), half_height * (0.9 + 0.7 * angle.sin())]
    };
    let polygon = Polygon::from_vertices((0..60).map(at).collect()).unwrap();
    let segmentation = Segmentation::Polygons(vec![polygon]);
    let mask = segmentation.to_mask(size).unwrap();
    let pixels = mask.as_bytes().iter().flat_map(|&byte| [byte * 255; 3]).collect();
    (segmentation, mask, RgbImage { size, pixels })
}

#[test]
fn images_masks_and_polygons_move_together() {
    let size = ImageSize { height: 240, width: 320 };
    let (polygon, mask, image) = ellipse(size);
    let zoom = perspective([[0.1, 0.05], [0.2, 0.15], [0.03, 0.1], [0.12, 0.2]]);
    let turn = affine(17.0, [0.08, -0.06]);
    for steps in [vec![zoom], vec![turn], vec![zoom, turn], vec![affine(90.0, [0.2, 0.2]), zoom]] {
        let from_polygon = transform_segmentation(&polygon, size, &steps).unwrap();
        let from_mask = steps.iter().fold(mask.clone(), |mask, step| step.apply_mask(mask));
        let from_image = steps.iter().fold(image.clone(), |image, step| step.apply_image(image));
        let bright = from_image.pixels.chunks_exact(3).map(|pixel| u8::from(pixel[0] > 127));
        let from_image = BitMask::from_bytes(size, bright.collect()).unwrap();
        assert!(from_mask.area() > 10_000, "{steps:?}");
        // Each may be half a pixel off along an outline of some 600 pixels.
        assert!(iou(&from_polygon, &from_mask) > 0.98, "{steps:?}");
        assert!(iou(&from_image, &from_mask) > 0.98, "{steps:?}");
    }
}

#[test]
fn what_leaves_the_image_does_not_come_back() {
    let (polygon, mask, _image) = ellipse(SIZE);
    // Away and back, across each of the four edges.
    for [x, y] in [[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]] {
        let away_and_back = vec![affine(0.0, [x, y]), affine(0.0, [-x, -y])];
        let zoom_and_back = vec![perspective([[0.3; 2]; 4]), affine(0.0, [-x, -y])];
        for steps in [away_and_back, zoom_and_back] {
            let from_polygon = transform_segmentation(&polygon, SIZE, &steps).unwrap();
            let from_mask = steps.iter().fold(mask.clone(), |mask, step| step.apply_mask(mask));
            assert!(from_mask.area() > 100, "{steps:?}");
            assert!(iou(&from_polygon, &from_mask) > 0.95, "{steps:?}");
        }
    }
}

#[test]
fn polygons_beyond_the_horizon_are_cut_off() {
    // The upper corners nearly meet, so that the horizon goes through the image.
    let step = perspective([[0.4, 0.4], [0.4, 0.4], [0.0; 2], [0.0; 2]]);
    let whole = [0.0, 0.0, 80.0, 0.0, 80.0, 60.0, 0.0, 60.0];
    let whole = Segmentation::Polygons(vec![Polygon::from_xy(&whole).unwrap()]);
    let found = transform_segmentation(&whole, SIZE, &[step]).unwrap();
    assert_eq!(found.area(), SIZE.num_pixels());
    let above = [0.0, 0.0, 80.0, 0.0, 40.0, 20.0];
    let above = Segmentation::Polygons(vec![Polygon::from_xy(&above).unwrap()]);
    assert_eq!(transform_segmentation(&above, SIZE, &[step]).unwrap().area(), 0);
}

#[test]
fn blur_spreads_a_point_along_its_line() {
    let size = ImageSize { height: 15, width: 15 };
    let mut image = RgbImage::new(size);
    image.pixels[3 * (7 * 15 + 7)..][..3].fill(180);
    let blur = |degrees: f64, direction: f64| {
        Transform::MotionBlur(MotionBlur { kernel_size: 9, degrees, direction })
            .apply_image(image.clone())
    };
    let (upright, level) = (blur(0.0, 0.0), blur(90.0, 0.0));
    for (y, x) in (0..15).flat_map(|y| (0..15).map(move |x| (y, x))) {
        let on_line = |across: u32, along: u32| across == 7 && along.abs_diff(7) <= 4;
        let expected = |is_on_line: bool| [if is_on_line { 20 } else { 0 }; 3];
        assert_eq!(pixel(&upright, y, x), expected(on_line(x, y)), "{y} {x}");
        assert_eq!(pixel(&level, y, x), expected(on_line(y, x)), "{y} {x}");
    }
    // All weight at the upper end: pixels take from above, and light moves down.
    let down = blur(0.0, 1.0);
    assert!(pixel(&down, 11, 7)[0] > pixel(&down, 8, 7)[0] && pixel(&down, 3, 7)[0] == 0);
}

#[test]
fn tiny_images_survive_every_transform() {
    let steps = [
        perspective([[0.1, 0.05], [0.2, 0.15], [0.03, 0.1], [0.12, 0.2]]),
        affine(17.0, [0.08, -0.06]),
        Transform::MotionBlur(MotionBlur { kernel_size: 11, degrees: 30.0, direction: 0.4 }),
    ];
    for (height, width) in [(1, 1), (1, 5), (3, 1), (2, 2)] {
        let (image, mask) = noise(ImageSize { height, width });
        let vertices = vec![[0.0, 0.0], [f64::from(width), 0.0], [0.0, f64::from(height)]];
        for step in steps {
            assert_eq!(step.apply_image(image.clone()).size, image.size);
            assert_eq!(step.apply_mask(mask.clone()).size(), image.size);
            let moved = step.apply_vertices(vertices.clone(), image.size);
            assert!(moved.as_flattened().iter().all(|at| (0.0..=5.0).contains(at)), "{moved:?}");
        }
    }
}

#[test]
fn blur_keeps_plain_images() {
    let size = ImageSize { height: 6, width: 8 };
    let mut random = crate::Random::new(2, crate::Purpose::Sample, 0);
    for level in [0, 1, 128, 255] {
        let image = RgbImage { size, pixels: vec![level; 3 * 48] };
        for kernel_size in [9, 11] {
            let degrees = random.uniform(0.0..360.0);
            let blur = MotionBlur { kernel_size, degrees, direction: random.uniform(-1.0..1.0) };
            assert_eq!(Transform::MotionBlur(blur).apply_image(image.clone()), image, "{blur:?}");
        }
    }
}
