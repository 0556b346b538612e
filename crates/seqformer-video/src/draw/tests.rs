use super::*;

/// A mask of the pixels for which `inside(x, y)` holds.
pub(crate) fn mask(size: ImageSize, inside: impl Fn(i64, i64) -> bool) -> Rle {
    let mut counts = vec![0];
    let mut last = false;
    for x in 0..i64::from(size.width) {
        for y in 0..i64::from(size.height) {
            if inside(x, y) != last {
                counts.push(0);
                last = !last;
            }
            *counts.last_mut().unwrap() += 1;
        }
    }
    Rle::from_counts(size, counts).unwrap()
}

fn grey(size: ImageSize) -> RgbImage {
    RgbImage { size, pixels: vec![100; (size.width * size.height * 3) as usize] }
}

fn pixel(image: &RgbImage, x: u32, y: u32) -> [u8; 3] {
    let start = ((y * image.size.width + x) * 3) as usize;
    image.pixels[start..start + 3].try_into().unwrap()
}

const SIZE: ImageSize = ImageSize { height: 120, width: 160 };

#[test]
fn the_inside_is_blended_the_rim_is_full_and_the_rest_is_untouched() {
    let disc = mask(SIZE, |x, y| (x - 80).pow(2) + (y - 70).pow(2) <= 30 * 30);
    let mut image = grey(SIZE);
    let object = OverlayObject { mask: &disc, color: [200, 0, 100], label: String::new() };
    draw_overlay(&mut image, &[object]).unwrap();
    assert_eq!(pixel(&image, 80, 70), [145, 55, 100]); // 100 + 0.45 · (color − 100)
    for rim in [50, 51, 109, 110] {
        assert_eq!(pixel(&image, rim, 70), [200, 0, 100], "{rim}");
    }
    assert_eq!(pixel(&image, 52, 70), [145, 55, 100]);
    for y in 0..SIZE.height {
        for x in 0..SIZE.width {
            let distance = (i64::from(x) - 80).pow(2) + (i64::from(y) - 70).pow(2);
            assert!(distance <= 30 * 30 || pixel(&image, x, y) == [100; 3], "{x} {y}");
        }
    }
}

#[test]
fn a_mask_that_leaves_the_picture_is_open_at_its_border() {
    let left_half = mask(SIZE, |x, _| x < 80);
    let mut image = grey(SIZE);
    let object = OverlayObject { mask: &left_half, color: [200, 0, 100], label: String::new() };
    draw_overlay(&mut image, &[object]).unwrap();
    for (x, y) in [(0, 0), (0, 60), (40, 0), (40, 119), (77, 119)] {
        assert_eq!(pixel(&image, x, y), [145, 55, 100], "{x} {y}");
    }
    for y in 0..SIZE.height {
        assert_eq!(pixel(&image, 78, y), [200, 0, 100]);
        assert_eq!(pixel(&image, 79, y), [200, 0, 100]);
    }
}

#[test]
fn the_tag_lies_above_the_mask_with_readable_text() {
    let square = mask(SIZE, |x, y| (20..60).contains(&x) && (60..100).contains(&y));
    let mut image = grey(SIZE);
    let object = OverlayObject { mask: &square, color: [250, 220, 0], label: "dog 0.9 #1".into() };
    draw_overlay(&mut image, &[object]).unwrap();
    let tag_row: Vec<[u8; 3]> = (22..60).map(|x| pixel(&image, x, 52)).collect();
    assert!(tag_row.contains(&[250, 220, 0]), "{tag_row:?}");
    assert!(tag_row.iter().any(|color| color.iter().all(|value| *value < 60)), "{tag_row:?}");
    for y in (0..40).chain(101..120) {
        for x in 0..SIZE.width {
            assert_eq!(pixel(&image, x, y), [100; 3], "{x} {y}");
        }
    }
}

#[test]
fn odd_masks_and_tiny_pictures_do_no_harm() {
    for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (20, 5), (0, 0)] {
        let size = ImageSize { height, width };
        let full = mask(size, |_, _| true);
        let empty = mask(size, |_, _| false);
        let mut image = grey(size);
        let objects = [&full, &empty].map(|mask| OverlayObject {
            mask,
            color: [255, 0, 0],
            label: "person \u{4eba}\n #1".to_owned(),
        });
        draw_overlay(&mut image, &objects).unwrap();
    }
}

#[test]
fn a_mask_of_another_size_is_an_error_and_changes_nothing() {
    let other = mask(ImageSize { height: 10, width: 10 }, |_, _| true);
    let mut image = grey(SIZE);
    let object = OverlayObject { mask: &other, color: [255; 3], label: "cat".to_owned() };
    let error = draw_overlay(&mut image, &[object]).unwrap_err().to_string();
    assert_eq!(error, "mask of \"cat\": expected 160x120 pixels as in the image, found 10x10");
    assert_eq!(image, grey(SIZE));
    image.pixels.pop();
    let error = draw_overlay(&mut image, &[]).unwrap_err().to_string();
    assert_eq!(error, "frame of 160x120 pixels: expected 57600 bytes, found 57599");
}
