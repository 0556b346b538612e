//! Boxes in pixels, and the reference's model on an image.

use super::*;

#[test]
fn boxes_are_shares_of_the_image_and_end_at_its_edges() {
    let size = ImageSize { height: 100, width: 200 };
    let whole = BoxXywh { x: 50.0, y: 25.0, width: 100.0, height: 50.0 };
    assert_eq!(in_image([0.5, 0.5, 0.5, 0.5], size), whole);
    let cut = BoxXywh { x: 0.0, y: 75.0, width: 50.0, height: 25.0 };
    assert_eq!(in_image([0.125, 1.0, 0.25, 0.5], size), cut);
}
