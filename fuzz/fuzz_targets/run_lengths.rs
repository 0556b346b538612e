//! Any text as two run-length strings: an error, or masks whose areas agree pixel by pixel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_masks::{ImageSize, Rle, mask_iou};

fuzz_target!(|bytes: &[u8]| {
    let [height, width, rest @ ..] = bytes else { return };
    let size = ImageSize { height: u32::from(height % 32), width: u32::from(width % 32) };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (first, second) = text.split_once(' ').unwrap_or((text, ""));
    let Ok(a) = Rle::parse_compressed(size, first) else { return };
    assert_eq!(Rle::parse_compressed(size, &a.to_compressed()).as_ref(), Ok(&a));
    assert_eq!(a.area(), a.decode().area());
    assert_eq!(Rle::encode(&a.decode()).area(), a.area());
    let Ok(b) = Rle::parse_compressed(size, second) else { return };
    let (Ok(union), Ok(both)) =
        (Rle::union(&[a.clone(), b.clone()]), Rle::intersection(&[a.clone(), b.clone()]))
    else {
        return;
    };
    assert_eq!(union.area() + both.area(), a.area() + b.area());
    assert_eq!(a.intersection_area(&b), Some(both.area()));
    let iou = mask_iou(&[a], &[b], &[false]).get(0, 0);
    assert!((0.0..=1.0).contains(&iou) || iou.is_nan());
});
