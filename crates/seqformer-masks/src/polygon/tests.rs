//! Polygons against pycocotools, from the golden files.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn rasterized(size: ImageSize, polygons: &Value) -> Vec<Rle> {
    let polygons = polygons.as_array().unwrap().iter();
    polygons.map(|xy| Polygon::from_xy(&numbers(xy)).unwrap().rasterize(size)).collect()
}

fn check_merged(merged: &Rle, text: &Value, area: &Value, bbox: &Value) {
    assert_eq!(merged.to_compressed(), text.as_str().unwrap());
    assert_eq!(merged.area(), area.as_u64().unwrap());
    let found = merged.bounding_box();
    assert_eq!(vec![found.x, found.y, found.width, found.height], numbers(bbox));
    assert_eq!(Rle::encode(&merged.decode()), *merged);
}

#[test]
fn pixels_are_those_of_pycocotools() {
    let golden = golden("public/polygon.json");
    let cases = golden["polygons"].as_array().unwrap();
    assert_eq!(cases.len(), 30);
    for case in cases {
        let [height, width] = [0, 1].map(|axis| case["size"][axis].as_u64().unwrap() as u32);
        let masks = rasterized(ImageSize { height, width }, &case["polygons"]);
        let texts: Vec<_> = masks.iter().map(Rle::to_compressed).collect();
        assert_eq!(serde_json::json!(texts), case["rle_per_polygon"]);
        let merged = Rle::union(&masks).unwrap();
        check_merged(&merged, &case["rle_merged"], &case["area"], &case["bbox_xywh"]);
        assert_eq!(serde_json::json!(merged.counts()), case["uncompressed"]);
    }
}

#[test]
fn several_polygons_form_one_object() {
    let golden = golden("formula/masks_eval.json");
    for case in golden["polygons"].as_array().unwrap() {
        let [height, width] = ["h", "w"].map(|axis| case[axis].as_u64().unwrap() as u32);
        let masks = rasterized(ImageSize { height, width }, &case["polygons"]);
        let merged = Rle::union(&masks).unwrap();
        check_merged(&merged, &case["rle"]["counts"], &case["area"], &case["bbox"]);
    }
}

#[test]
fn broken_polygons_are_errors() {
    let length = |found| Err(MaskError::PolygonLength { found });
    assert_eq!(Polygon::from_xy(&[]), length(0));
    assert_eq!(Polygon::from_xy(&[1.0, 2.0, 3.0, 4.0]), length(4));
    assert_eq!(Polygon::from_xy(&[1.0; 7]), length(7));
    for far in [f64::NAN, f64::INFINITY, -1e300, 1.1e6] {
        let error = Polygon::from_xy(&[0.0, 0.0, 5.0, far, 5.0, 5.0]).unwrap_err();
        assert!(matches!(error, MaskError::PolygonCoordinate { .. }), "{error}");
    }
}

#[test]
fn area_and_box_are_those_of_geometry() {
    let triangle = Polygon::from_xy(&[1.0, 1.0, 5.0, 1.0, 1.0, 4.0]).unwrap();
    assert_eq!(triangle.area(), 6.0);
    assert_eq!(triangle.bounding_box(), BoxXyxy { x0: 1.0, y0: 1.0, x1: 5.0, y1: 4.0 });
}

#[test]
fn an_image_without_pixels_has_an_empty_mask() {
    let square = Polygon::from_xy(&[0.0, 0.0, 5.0, 0.0, 5.0, 5.0, 0.0, 5.0]).unwrap();
    for (height, width) in [(0, 0), (0, 4), (4, 0)] {
        assert_eq!(square.rasterize(ImageSize { height, width }).area(), 0);
    }
}
