//! Any numbers as a polygon: an error, or a mask that lies in its frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_masks::{ImageSize, Polygon};

fuzz_target!(|bytes: &[u8]| {
    let [height, width, rest @ ..] = bytes else { return };
    let size = ImageSize { height: u32::from(*height), width: u32::from(*width) };
    // Parts of pixels around the frame, and now and then any number at all.
    let number = |chunk: &[u8; 8]| match chunk[7] {
        0 => f64::from_le_bytes(*chunk),
        _ => f64::from(i16::from_le_bytes([chunk[0], chunk[1]])) / 64.0,
    };
    let numbers: Vec<f64> = rest.as_chunks::<8>().0.iter().map(number).collect();
    let Ok(polygon) = Polygon::from_xy(&numbers) else { return };
    let mask = polygon.rasterize(size);
    assert!(mask.area() <= size.num_pixels());
    assert_eq!(mask.counts().iter().map(|&count| u64::from(count)).sum::<u64>(), size.num_pixels());
});
