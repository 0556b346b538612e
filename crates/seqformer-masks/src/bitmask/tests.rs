//! Small masks against their pictures.

use super::*;

fn mask(rows: &[&str]) -> BitMask {
    let size = ImageSize { height: rows.len() as u32, width: rows[0].len() as u32 };
    let bytes = rows.concat().bytes().map(|byte| u8::from(byte == b'#')).collect();
    BitMask::from_bytes(size, bytes).unwrap()
}

#[test]
fn area_and_box_are_those_of_the_picture() {
    let mask = mask(&[".....", "..#..", ".##..", "....."]);
    assert_eq!(mask.area(), 3);
    assert_eq!(mask.bounding_box(), Some(BoxXyxy { x0: 1.0, y0: 1.0, x1: 3.0, y1: 3.0 }));
    assert_eq!(BitMask::new(mask.size()).bounding_box(), None);
}

#[test]
fn large_areas_do_not_overflow_the_pieces() {
    let size = ImageSize { height: 100, width: 101 };
    assert_eq!(BitMask::from_bytes(size, vec![200; 10100]).unwrap().area(), 10100);
}

#[test]
fn pixels_outside_are_neither_read_nor_written() {
    let mut mask = mask(&["..", ".."]);
    mask.set(0, 2, true);
    assert!(!mask.get(0, 2));
    assert_eq!(mask.area(), 0);
    mask.set(1, 0, true);
    assert!(mask.get(1, 0));
}

#[test]
fn flips_and_crops_move_whole_pixels() {
    let original = mask(&["#..", "##.", "..."]);
    assert_eq!(original.flip_horizontal(), mask(&["..#", ".##", "..."]));
    assert_eq!(original.flip_vertical(), mask(&["...", "##.", "#.."]));
    let window = ImageSize { height: 2, width: 2 };
    assert_eq!(original.crop(1, 0, window).unwrap(), mask(&["..", "#."]));
    assert!(original.crop(2, 0, window).is_err());
    assert!(original.crop(u32::MAX, 0, window).is_err());
}

#[test]
fn a_wrong_number_of_bytes_is_an_error() {
    let size = ImageSize { height: 2, width: 2 };
    let expected = MaskError::ByteCount { size, expected: 4, found: 3 };
    assert_eq!(BitMask::from_bytes(size, vec![0; 3]), Err(expected));
}
