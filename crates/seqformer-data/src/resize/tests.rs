//! Resizing against Pillow 9.5 and detectron2, from the golden files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use safetensors::SafeTensors;
use serde_json::Value;

use super::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(golden(name)).unwrap()).unwrap()
}

fn bytes_of(value: &Value) -> Vec<u8> {
    serde_json::from_value(value.clone()).unwrap()
}

fn size_of(value: &Value) -> ImageSize {
    let [height, width] = [0, 1].map(|axis| value[axis].as_u64().unwrap() as u32);
    ImageSize { height, width }
}

/// The generator of the golden files.
fn splitmix64(index: u64) -> u64 {
    let mut x = index.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn noise(size: ImageSize) -> RgbImage {
    let pixels = (0..3 * size.num_pixels()).map(|index| (splitmix64(31 + index) >> 56) as u8);
    RgbImage { size, pixels: pixels.collect() }
}

#[test]
fn noise_is_resized_as_pillow_9_5_does() {
    for case in json("formula/resize.json")["cases"].as_array().unwrap() {
        let (from, to) = (size_of(&case["in"]), size_of(&case["out"]));
        let image = noise(from);
        assert_eq!(resize_bilinear(&image, to).pixels, bytes_of(&case["bilinear_hwc"]), "{to}");

        // A mask holds one bit, so each of the eight bits of the first channel is a mask.
        let mut nearest = vec![0; to.num_pixels() as usize];
        for bit in 0..8 {
            let plane = image.pixels.iter().step_by(3).map(|byte| byte >> bit & 1).collect();
            let mask = BitMask::from_bytes(from, plane).unwrap();
            let resized = resize_nearest_mask(&mask, to);
            for (byte, set) in nearest.iter_mut().zip(resized.as_bytes()) {
                *byte |= set << bit;
            }
        }
        assert_eq!(nearest, bytes_of(&case["nearest_channel0"]), "{to}");
    }
}

#[test]
fn images_are_resized_as_detectron2_does() {
    let bytes = fs::read(golden("public/resize.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let image = |name: String| {
        let tensor = tensors.tensor(&name).unwrap();
        let [height, width] = [0, 1].map(|axis| tensor.shape()[axis] as u32);
        RgbImage { size: ImageSize { height, width }, pixels: tensor.data().to_vec() }
    };
    for index in 0..7 {
        let input = image(format!("image{index}.input_hwc_u8"));
        let expected = image(format!("image{index}.output_hwc_u8"));
        assert_eq!(resize_bilinear(&input, expected.size), expected, "image {index}");

        let masks = tensors.tensor(&format!("image{index}.mask_input_u8")).unwrap();
        let resized = tensors.tensor(&format!("image{index}.mask_nearest_u8")).unwrap();
        let planes = masks.data().chunks_exact(input.size.num_pixels() as usize);
        let expected_planes = resized.data().chunks_exact(expected.size.num_pixels() as usize);
        for (plane, expected_plane) in planes.zip(expected_planes) {
            let mask = BitMask::from_bytes(input.size, plane.to_vec()).unwrap();
            let expected = BitMask::from_bytes(expected.size, expected_plane.to_vec()).unwrap();
            assert_eq!(resize_nearest_mask(&mask, expected.size()), expected, "image {index}");
        }
    }
}

#[test]
fn the_short_edge_rules_the_size_and_the_long_edge_limits_it() {
    let golden = json("public/resize_meta.json");
    let rows = golden["shortest_edge_table[h,w,short,max,new_h,new_w]"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let [height, width, short_edge, max_size, new_height, new_width]: [u32; 6] =
            serde_json::from_value(row.clone()).unwrap();
        let found = shortest_edge_size(ImageSize { height, width }, short_edge, max_size);
        assert_eq!(found, ImageSize { height: new_height, width: new_width }, "{row}");
    }
    let size = ImageSize { height: 7, width: 9 };
    assert_eq!(shortest_edge_size(size, 0, 5), size);
    let line = ImageSize { height: 1, width: 100_000 };
    assert_eq!(shortest_edge_size(line, 1, 100), ImageSize { height: 1, width: 100 });
}

#[test]
fn sizes_without_pixels_are_no_trouble() {
    let none = ImageSize { height: 0, width: 3 };
    let some = ImageSize { height: 2, width: 2 };
    assert_eq!(resize_bilinear(&RgbImage::new(none), some), RgbImage::new(some));
    assert_eq!(resize_bilinear(&RgbImage::new(some), none), RgbImage::new(none));
    assert_eq!(resize_nearest_mask(&BitMask::new(none), some), BitMask::new(some));
    assert_eq!(resize_nearest_mask(&BitMask::new(some), none), BitMask::new(none));
}

#[test]
fn a_full_frame_is_resized_and_its_time_is_shown() {
    let image = noise(ImageSize { height: 720, width: 1280 });
    let start = Instant::now();
    let resized = resize_bilinear(&image, ImageSize { height: 360, width: 640 });
    println!("720x1280 to 360x640: {:?}", start.elapsed());
    assert_eq!(resized.pixels.len(), 3 * 360 * 640);
}
