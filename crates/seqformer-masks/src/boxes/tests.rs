//! Conversions against numbers worked out by hand.

use super::*;

#[test]
fn the_three_forms_describe_one_box() {
    let corners = BoxXyxy { x0: 1.0, y0: 2.0, x1: 5.0, y1: 10.0 };
    let extent = BoxXywh { x: 1.0, y: 2.0, width: 4.0, height: 8.0 };
    let centered = BoxCxcywh { cx: 3.0, cy: 6.0, width: 4.0, height: 8.0 };
    assert_eq!(BoxXywh::from(corners), extent);
    assert_eq!(BoxXyxy::from(extent), corners);
    assert_eq!(BoxCxcywh::from(corners), centered);
    assert_eq!(BoxXyxy::from(centered), corners);
    assert_eq!(corners.area(), 32.0);
}

#[test]
fn boxes_are_clipped_and_normalized_by_the_image() {
    let size = ImageSize { height: 10, width: 20 };
    let clipped = BoxXyxy { x0: -4.0, y0: 2.0, x1: 30.0, y1: 7.0 }.clipped(size);
    assert_eq!(clipped, BoxXyxy { x0: 0.0, y0: 2.0, x1: 20.0, y1: 7.0 });
    let expected = BoxCxcywh { cx: 0.5, cy: 0.45, width: 1.0, height: 0.5 };
    assert_eq!(clipped.normalized(size), expected);
}
