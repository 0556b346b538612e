//! Against OpenCV, NumPy and the reference's mapper.

mod warps;

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;

use super::*;

fn crate_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn fixture() -> Value {
    let path = crate_file("tests/fixtures/transforms.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn image_of(fixture: &Value, pixels: &Value) -> RgbImage {
    let [height, width]: [u32; 2] = read(&fixture["size"]);
    RgbImage { size: ImageSize { height, width }, pixels: read(pixels) }
}

#[test]
fn rotation_is_equal_to_opencv() {
    let fixture = fixture();
    let image = image_of(&fixture, &fixture["image"]);
    let mask = BitMask::from_bytes(image.size, read(&fixture["mask"])).unwrap();
    for case in fixture["rotations"].as_array().unwrap() {
        let rotation = Rotation { degrees: read(&case["angle"]), center: read(&case["center"]) };
        let rotate = Transform::Rotate(rotation);
        let expected = image_of(&fixture, &case["image"]);
        assert_eq!(rotate.apply_image(image.clone()), expected, "{rotation:?}");
        let expected: Vec<u8> = read(&case["mask"]);
        assert_eq!(rotate.apply_mask(mask.clone()).into_bytes(), expected, "{rotation:?}");
        let rotated = rotate.apply_vertices(read(&case["points"]), image.size);
        let expected: Vec<[f64; 2]> = read(&case["rotated"]);
        for (found, expected) in rotated.as_flattened().iter().zip(expected.as_flattened()) {
            assert!((found - expected).abs() < 1e-9, "{rotation:?}: {found} {expected}");
        }
    }
}

#[test]
fn colours_are_equal_to_numpy() {
    let fixture = fixture();
    let image = image_of(&fixture, &fixture["image"]);
    for case in fixture["blends"].as_array().unwrap() {
        let weight: f64 = read(&case["weight"]);
        let blends = [
            ("brightness", Blend::Brightness(weight)),
            ("contrast", Blend::Contrast(weight)),
            ("saturation", Blend::Saturation(weight)),
        ];
        for (name, blend) in blends {
            let expected = image_of(&fixture, &case[name]);
            assert_eq!(Transform::Blend(blend).apply_image(image.clone()), expected, "{blend:?}");
        }
    }
}

#[test]
fn resized_and_flipped_instances_are_equal_to_the_mapper() {
    let golden = |name: &str| fs::read(crate_file("../../tests/golden/public").join(name)).unwrap();
    let bytes = golden("resize.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let meta: Value = serde_json::from_slice(&golden("resize_meta.json")).unwrap();
    let size_of = |shape: &[usize]| ImageSize { height: shape[0] as u32, width: shape[1] as u32 };
    for (index, flip) in (0..7).flat_map(|index| [(index, 0), (index, 1)]) {
        let name = |what: &str| format!("image{index}.flip{flip}.{what}");
        let tensor = |name: &str| tensors.tensor(name).unwrap();
        let input = tensor(&format!("image{index}.input_hwc_u8"));
        let output = tensor(&name("image_hwc_u8"));
        let (size, output_size) = (size_of(input.shape()), size_of(output.shape()));
        let mut steps = vec![Transform::Resize(output_size)];
        steps.extend((flip == 1).then_some(Transform::FlipHorizontal));

        let image = RgbImage { size, pixels: input.data().to_vec() };
        let image = steps.iter().fold(image, |image, step| step.apply_image(image));
        assert_eq!(image.pixels, output.data(), "{}", name("image"));

        let polygons: Vec<Vec<f64>> = read(&meta[format!("image{index}.polygons_before")]);
        let polygons = polygons.iter().map(|numbers| Polygon::from_xy(numbers).unwrap()).collect();
        let num_pixels = size.num_pixels() as usize;
        // Which of the input masks the reference took is found by the equality itself.
        let masks = tensor(&format!("image{index}.mask_input_u8")).data().to_vec();
        let rles = masks.chunks_exact(num_pixels).map(|plane| {
            let mask = BitMask::from_bytes(size, plane.to_vec()).unwrap();
            Segmentation::Rle(seqformer_masks::Rle::encode(&mask))
        });
        let expected: Vec<BitMask> = tensor(&name("mapper_masks_u8"))
            .data()
            .chunks_exact(output_size.num_pixels() as usize)
            .map(|plane| BitMask::from_bytes(output_size, plane.to_vec()).unwrap())
            .collect();
        let transformed = |segmentation: &Segmentation| {
            transform_segmentation(segmentation, size, &steps).unwrap()
        };
        let drawn = transformed(&Segmentation::Polygons(polygons));
        assert_eq!(drawn, expected[0], "{}", name("polygon"));
        let mut rles = rles.map(|rle| transformed(&rle));
        let resized = rles.find(|mask| *mask == expected[1]);
        assert!(resized.is_some(), "{}", name("run lengths"));

        let boxes = tensor(&name("mapper_boxes_from_masks"));
        let (numbers, _) = boxes.data().as_chunks::<4>();
        let numbers: Vec<f64> = numbers.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect();
        for (mask, expected) in expected.iter().zip(numbers.chunks_exact(4)) {
            let bbox = mask.bounding_box().unwrap_or_default();
            assert_eq!([bbox.x0, bbox.y0, bbox.x1, bbox.y1], expected, "{}", name("box"));
        }
    }
}

fn noise(size: ImageSize) -> (RgbImage, BitMask) {
    let mut random = crate::Random::new(1, crate::Purpose::Sample, 0);
    let mut bytes = |count: u64| (0..count).map(|_| random.bits() as u8).collect::<Vec<u8>>();
    let pixels = bytes(3 * size.num_pixels());
    let mask = bytes(size.num_pixels()).iter().map(|byte| byte & 1).collect();
    (RgbImage { size, pixels }, BitMask::from_bytes(size, mask).unwrap())
}

/// The pixel at row `y` and column `x`.
fn pixel(image: &RgbImage, y: u32, x: u32) -> &[u8] {
    &image.pixels[3 * (y * image.size.width + x) as usize..][..3]
}

#[test]
fn flips_and_crops_move_every_pixel_to_its_place() {
    let size = ImageSize { height: 7, width: 9 };
    let (image, mask) = noise(size);
    let window = CropWindow { x: 2, y: 3, size: ImageSize { height: 4, width: 5 } };
    let horizontal = |y: u32, x: u32| (y, 8 - x);
    let vertical = |y: u32, x: u32| (6 - y, x);
    let inside = |y: u32, x: u32| (y + 3, x + 2);
    let check = |step: Transform, from: fn(u32, u32) -> (u32, u32)| {
        let (found, found_mask) = (step.apply_image(image.clone()), step.apply_mask(mask.clone()));
        assert_eq!(found.size, step.output_size(size));
        assert_eq!(found_mask.size(), step.output_size(size));
        for (y, x) in
            (0..found.size.height).flat_map(|y| (0..found.size.width).map(move |x| (y, x)))
        {
            let (from_y, from_x) = from(y, x);
            assert_eq!(pixel(&found, y, x), pixel(&image, from_y, from_x), "{step:?}");
            assert_eq!(found_mask.get(y, x), mask.get(from_y, from_x), "{step:?}");
        }
    };
    check(Transform::FlipHorizontal, horizontal);
    check(Transform::FlipVertical, vertical);
    check(Transform::Crop(window), inside);
}

#[test]
fn a_cropped_polygon_has_the_pixels_of_the_cropped_mask() {
    let size = ImageSize { height: 40, width: 50 };
    // Concave and with vertices at whole pixels, where the rasterizer does not round.
    let numbers = [5.0, 5.0, 45.0, 5.0, 45.0, 35.0, 25.0, 15.0, 5.0, 35.0];
    let polygon = Segmentation::Polygons(vec![Polygon::from_xy(&numbers).unwrap()]);
    let windows =
        [(0, 0, 40, 50), (10, 10, 20, 20), (30, 0, 40, 20), (0, 20, 20, 50), (46, 0, 5, 4)];
    for (x, y, height, width) in windows {
        let crop = Transform::Crop(CropWindow { x, y, size: ImageSize { height, width } });
        let found = transform_segmentation(&polygon, size, &[crop]).unwrap();
        let expected = crop.apply_mask(polygon.to_mask(size).unwrap());
        assert_eq!(found, expected, "{crop:?}");
    }
}

#[test]
fn a_cropped_polygon_does_not_come_back_by_rotation() {
    let size = ImageSize { height: 40, width: 40 };
    let numbers = [0.0, 0.0, 40.0, 0.0, 40.0, 40.0, 0.0, 40.0];
    let polygon = Segmentation::Polygons(vec![Polygon::from_xy(&numbers).unwrap()]);
    let window = CropWindow { x: 10, y: 10, size: ImageSize { height: 20, width: 20 } };
    let rotation = Rotation { degrees: 45.0, center: [10.0, 10.0] };
    let steps = [Transform::Crop(window), Transform::Rotate(rotation)];
    let found = transform_segmentation(&polygon, size, &steps).unwrap();
    assert!(!found.get(0, 0) && found.get(10, 10));
}

#[test]
fn segmentations_that_do_not_fit_are_errors() {
    let size = ImageSize { height: 4, width: 4 };
    let other = Segmentation::Rle(seqformer_masks::Rle::empty(ImageSize { height: 4, width: 5 }));
    assert!(transform_segmentation(&other, size, &[]).is_err());
    let far = Polygon::from_xy(&[0.0, 0.0, 9e5, 0.0, 9e5, 9e5]).unwrap();
    let step = Transform::Resize(ImageSize { height: 8, width: 8 });
    assert!(transform_segmentation(&Segmentation::Polygons(vec![far]), size, &[step]).is_err());
}
