//! Run lengths against pycocotools, against bitmaps, and against hostile text.

use std::fs;
use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn size_of(value: &Value) -> ImageSize {
    let [height, width] = [0, 1].map(|axis| value[axis].as_u64().unwrap() as u32);
    ImageSize { height, width }
}

fn counts_of(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The generator of the golden files: splitmix64 to a number in [0, 1).
fn unit(seed: u64, index: u64) -> f64 {
    let mut x = seed.wrapping_add(index).wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 40) as f64 / f64::from(1 << 24)
}

#[test]
fn a_random_mask_is_encoded_as_pycocotools_does() {
    let golden = &golden("formula/masks_eval.json")["random_mask"];
    let size = size_of(&golden["rle"]["size"]);
    let bytes = (0..size.num_pixels()).map(|index| u8::from(unit(99, index) > 0.6)).collect();
    let mask = BitMask::from_bytes(size, bytes).unwrap();
    let rle = Rle::encode(&mask);
    assert_eq!(rle.to_compressed(), golden["rle"]["counts"].as_str().unwrap());
    assert_eq!(rle.area(), golden["area"].as_u64().unwrap());
    assert_eq!(rle.decode(), mask);
}

#[test]
fn counts_with_empty_runs_keep_their_text() {
    let golden = &golden("formula/masks_eval.json")["uncompressed"];
    let size = size_of(&golden["in"]["size"]);
    let rle = Rle::from_counts(size, counts_of(&golden["in"]["counts"])).unwrap();
    assert_eq!(rle.to_compressed(), golden["rle"].as_str().unwrap());
    assert_eq!(Rle::parse_compressed(size, "327OI33").unwrap(), rle);
}

#[test]
fn both_forms_of_the_counts_agree() {
    let golden = golden("public/polygon.json");
    for case in golden["uncompressed"].as_array().unwrap() {
        let size = size_of(&case["size"]);
        let rle = Rle::from_counts(size, counts_of(&case["counts"])).unwrap();
        let text = case["compressed"].as_str().unwrap();
        assert_eq!(rle.to_compressed(), text);
        assert_eq!(Rle::parse_compressed(size, text).unwrap(), rle);
        let encoded = Rle::encode(&rle.decode()).to_compressed();
        assert_eq!(encoded, case["encode_of_mask"].as_str().unwrap());
        assert_eq!(rle.area(), case["area"].as_u64().unwrap());
        let found = rle.bounding_box();
        assert_eq!(json!([found.x, found.y, found.width, found.height]), case["bbox_xywh"]);
    }
}

#[test]
fn merging_agrees_with_pycocotools() {
    let golden = &golden("public/polygon.json")["merge"];
    let size = size_of(&golden["size"]);
    let texts = golden["rles"].as_array().unwrap().iter();
    let masks: Vec<_> =
        texts.map(|text| Rle::parse_compressed(size, text.as_str().unwrap()).unwrap()).collect();
    assert_eq!(json!(Rle::union(&masks).unwrap().to_compressed()), golden["union"]);
    let first_two = Rle::intersection(&masks[..2]).unwrap();
    assert_eq!(json!(first_two.to_compressed()), golden["intersection_first_two"]);
}

#[test]
fn masks_of_different_size_do_not_merge() {
    let small = Rle::empty(ImageSize { height: 2, width: 3 });
    let large = Rle::empty(ImageSize { height: 3, width: 2 });
    assert!(small.intersection_area(&large).is_none());
    assert!(Rle::union(&[small.clone(), large]).is_err());
    assert_eq!(Rle::union(&[]).unwrap().area(), 0);
    assert_eq!(Rle::intersection(std::slice::from_ref(&small)).unwrap(), small);
}

#[test]
fn hostile_text_is_an_error() {
    let size = ImageSize { height: 4, width: 5 };
    for text in
        ["", "P", "PPPPPPPPPPPP0", "oooooo?", "O", "é", "d!", "00000000", "1", "\0", "T", "\u{7f}"]
    {
        assert!(Rle::parse_compressed(size, text).is_err(), "{text:?}");
    }
    let huge = ImageSize { height: u32::MAX, width: u32::MAX };
    assert!(matches!(Rle::from_counts(huge, vec![]), Err(MaskError::TooLarge { .. })));
}

#[test]
fn json_is_read_in_both_forms_and_written_in_the_short_one() {
    let size = ImageSize { height: 4, width: 5 };
    let rle = Rle::from_counts(size, vec![3, 2, 15]).unwrap();
    for text in
        [r#"{"size":[4,5],"counts":"32?"}"#, r#"{"counts":[3,2,15],"id":[{}],"size":[4,5]}"#]
    {
        assert_eq!(serde_json::from_str::<Rle>(text).unwrap(), rle, "{text}");
    }
    assert_eq!(serde_json::to_string(&rle).unwrap(), r#"{"size":[4,5],"counts":"32?"}"#);
    for text in [
        "{}",
        "[]",
        r#"{"size":[4,5]}"#,
        r#"{"size":[4],"counts":[20]}"#,
        r#"{"size":[4,5],"counts":[-1,21]}"#,
        r#"{"size":[4,5],"counts":[4294967296]}"#,
        r#"{"size":[4,5],"counts":[19]}"#,
        r#"{"size":[4,5],"counts":null}"#,
    ] {
        assert!(serde_json::from_str::<Rle>(text).is_err(), "{text}");
    }
}

#[test]
fn a_full_frame_survives_and_its_times_are_shown() {
    let size = ImageSize { height: 720, width: 1280 };
    let disc = |index: u64| {
        let (y, x) = ((index / 1280) as f64 - 360.0, (index % 1280) as f64 - 640.0);
        u8::from(x * x + y * y < 90_000.0)
    };
    let mask = BitMask::from_bytes(size, (0..size.num_pixels()).map(disc).collect()).unwrap();
    let start = Instant::now();
    let rle = Rle::encode(&mask);
    println!("encode: {:?}", start.elapsed());
    let start = Instant::now();
    let decoded = rle.decode();
    println!("decode: {:?}", start.elapsed());
    assert_eq!(decoded, mask);
}

/// Masks of up to 20x20 pixels, several of one size.
fn masks(number: usize) -> impl Strategy<Value = Vec<BitMask>> {
    (0_u32..20, 0_u32..20, 0_u8..=4).prop_flat_map(move |(height, width, density)| {
        let size = ImageSize { height, width };
        let pixel = (0_u8..4).prop_map(move |draw| u8::from(draw < density));
        let pixels = prop::collection::vec(pixel, size.num_pixels() as usize);
        let mask = pixels.prop_map(move |bytes| BitMask::from_bytes(size, bytes).unwrap());
        prop::collection::vec(mask, number)
    })
}

/// Runs by walking through the columns pixel by pixel.
fn slow_counts(mask: &BitMask) -> Vec<u32> {
    let mut counts = vec![0];
    let mut value = false;
    for x in 0..mask.size().width {
        for y in 0..mask.size().height {
            if mask.get(y, x) != value {
                value = !value;
                counts.push(0);
            }
            *counts.last_mut().unwrap() += 1;
        }
    }
    counts
}

/// Combines masks pixel by pixel.
fn combined(masks: &[BitMask], keep: impl Fn(usize) -> bool) -> BitMask {
    let pixel =
        |index| u8::from(keep(masks.iter().filter(|mask| mask.as_bytes()[index] != 0).count()));
    let size = masks[0].size();
    BitMask::from_bytes(size, (0..size.num_pixels() as usize).map(pixel).collect()).unwrap()
}

proptest! {
    #[test]
    fn encoding_and_decoding_agree_with_a_pixel_walk(masks in masks(1)) {
        let mask = &masks[0];
        let rle = Rle::encode(mask);
        prop_assert_eq!(rle.counts(), slow_counts(mask));
        prop_assert_eq!(&rle.decode(), mask);
        prop_assert_eq!(rle.area(), mask.area());
        let bounds = mask.bounding_box().map(BoxXywh::from).unwrap_or_default();
        prop_assert_eq!(rle.bounding_box(), bounds);
        let parsed = Rle::parse_compressed(rle.size(), &rle.to_compressed());
        prop_assert_eq!(parsed, Ok(rle));
    }

    #[test]
    fn union_and_intersection_agree_with_the_pixels(masks in masks(3)) {
        let rles: Vec<_> = masks.iter().map(Rle::encode).collect();
        let union = combined(&masks, |number| number > 0);
        let intersection = combined(&masks, |number| number == 3);
        prop_assert_eq!(Rle::union(&rles).unwrap(), Rle::encode(&union));
        prop_assert_eq!(Rle::intersection(&rles).unwrap(), Rle::encode(&intersection));
        let both = combined(&masks[..2], |number| number == 2).area();
        prop_assert_eq!(rles[0].intersection_area(&rles[1]), Some(both));
    }

    #[test]
    fn counts_with_empty_runs_survive_text_and_pixels(
        counts in prop::collection::vec(prop_oneof![Just(0_u32), 0_u32..70], 1..30),
        height in 1_u32..9,
    ) {
        let sum: u32 = counts.iter().sum();
        let mut counts = counts;
        counts.push((height - sum % height) % height);
        let width = counts.iter().sum::<u32>() / height;
        let size = ImageSize { height, width };
        let rle = Rle::from_counts(size, counts).unwrap();
        let parsed = Rle::parse_compressed(size, &rle.to_compressed());
        prop_assert_eq!(parsed.as_ref(), Ok(&rle));
        let mask = rle.decode();
        prop_assert_eq!(mask.area(), rle.area());
        prop_assert_eq!(Rle::encode(&mask).bounding_box(), rle.bounding_box());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}", runs in "[0-o]{0,40}") {
        let size = ImageSize { height: 4, width: 5 };
        for text in [text, runs] {
            if let Ok(rle) = Rle::parse_compressed(size, &text) {
                prop_assert!(rle.decode().area() <= 20);
            }
        }
    }
}
