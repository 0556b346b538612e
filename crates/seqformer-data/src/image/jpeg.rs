//! JPEG files, through libjpeg-turbo as in Pillow.

use std::path::Path;

use image::metadata::Orientation;
use seqformer_masks::ImageSize;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat};

use super::{DecodedImage, RgbImage, check_size, upright};
use crate::DataError;

/// A progressive file has at most a few dozen scans; thousands are an attack on our time.
const MAX_SCANS: u32 = 500;

/// Decodes a JPEG file as Pillow's `convert("RGB")` does, and turns it upright.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<DecodedImage, DataError> {
    let broken = |error: turbojpeg::Error| DataError::BrokenImage {
        path: path.to_owned(),
        kind: "JPEG",
        reason: error.to_string(),
    };
    let mut decompressor = Decompressor::new().map_err(broken)?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(broken)?;
    let header = decompressor.read_header(bytes).map_err(broken)?;
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let size = ImageSize { height: side(header.height), width: side(header.width) };
    check_size(size, path)?;

    let has_black = matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK);
    let format = if has_black { PixelFormat::CMYK } else { PixelFormat::RGB };
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let output = Image {
        pixels: pixels.as_mut_slice(),
        width: header.width,
        pitch,
        height: header.height,
        format,
    };
    decompressor.decompress(bytes, output).map_err(broken)?;
    let mut notes = Vec::new();
    if has_black {
        notes.push("CMYK converted to RGB".to_owned());
        pixels = cmyk_to_rgb(&pixels);
    }
    let image = upright(RgbImage { size, pixels }, orientation(bytes));
    Ok(DecodedImage { image, notes })
}

/// Converts as Pillow does, which takes every CMYK JPEG for one of Adobe's: inverted.
fn cmyk_to_rgb(pixels: &[u8]) -> Vec<u8> {
    let (pixels, _none_left) = pixels.as_chunks::<4>();
    let convert = |&[c, m, y, white]: &[u8; 4]| {
        [c, m, y].map(|inverted| {
            // Pillow's `MULDIV255`: the product over 255, rounded.
            let product = u32::from(255 - inverted) * u32::from(white) + 128;
            let ink = (((product >> 8) + product) >> 8) as u8;
            white.saturating_sub(ink)
        })
    };
    pixels.iter().flat_map(convert).collect()
}

/// Returns the orientation in the EXIF segment; upright where there is none.
fn orientation(bytes: &[u8]) -> Orientation {
    exif_chunk(bytes).and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// Finds the EXIF data among the segments before the first scan.
fn exif_chunk(bytes: &[u8]) -> Option<&[u8]> {
    const START_OF_SCAN: u8 = 0xda;
    const APP1: u8 = 0xe1;
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let (&[introducer, marker], after) = rest.split_first_chunk()?;
        if introducer != 0xff || marker == START_OF_SCAN {
            return None;
        }
        if marker == 0xff {
            // A fill byte.
            rest = &rest[1..];
            continue;
        }
        let (&length, _) = after.split_first_chunk()?;
        // The length counts its own two bytes.
        let segment = after.get(2..usize::from(u16::from_be_bytes(length)))?;
        if marker == APP1
            && let Some(exif) = segment.strip_prefix(b"Exif\0\0")
        {
            return Some(exif);
        }
        rest = &after[2 + segment.len()..];
    }
}
