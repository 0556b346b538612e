//! Any bytes as a JPEG, PNG, WebP, GIF or BMP file: an error, or as many pixels as its size says.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seqformer_data::decode_image;

fuzz_target!(|bytes: &[u8]| {
    let Ok(decoded) = decode_image(bytes, Path::new("picture")) else { return };
    let image = decoded.image;
    assert!(image.size.num_pixels() > 0);
    assert_eq!(image.pixels.len() as u64, 3 * image.size.num_pixels());
});
