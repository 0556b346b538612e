//! JPEG files, decoded with libjpeg-turbo as in Pillow.

use std::borrow::Cow;
use std::path::Path;

use image::metadata::Orientation;
use seqformer_masks::ImageSize;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat};

use super::{DecodedImage, RgbImage, check_size, upright};
use crate::DataError;

/// A progressive file has at most a few dozen scans; thousands are a denial-of-service attack.
const MAX_SCANS: u32 = 500;

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const APP1: u8 = 0xe1;
const APP14: u8 = 0xee;

/// More bytes than the decoder reads ahead of the current pixel.
const READ_AHEAD: u32 = 16;

/// Decodes a JPEG file like Pillow's `convert("RGB")`, and applies the EXIF orientation.
///
/// Damage for which libjpeg only issues a warning is decoded as far as possible, with a note; a file that ends before
/// its last pixel is rejected.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<DecodedImage, DataError> {
    let broken =
        |reason: String| DataError::BrokenImage { path: path.to_owned(), kind: "JPEG", reason };
    let mut decompressor = Decompressor::new().map_err(|error| broken(error.to_string()))?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(|error| broken(error.to_string()))?;
    let mut notes = Vec::new();
    let mut data = Cow::Borrowed(bytes);
    let header = match decompressor.read_header(bytes) {
        Ok(header) => header,
        Err(error) => {
            // TurboJPEG returns no header if libjpeg warned about it.
            let found = warning(&error).ok_or_else(|| broken(error.to_string()))?;
            data = Cow::Owned(without_oddities(bytes).ok_or_else(|| broken(error.to_string()))?);
            notes.push(damage(found));
            decompressor.read_header(&data).map_err(|error| broken(error.to_string()))?
        }
    };
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let size = ImageSize { height: side(header.height), width: side(header.width) };
    check_size(size, path)?;

    let has_black = matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK);
    let format = if has_black { PixelFormat::CMYK } else { PixelFormat::RGB };
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let mut decompress = |data: &[u8]| {
        let (width, height) = (header.width, header.height);
        let pixels = pixels.as_mut_slice();
        decompressor.decompress(data, Image { pixels, width, pitch, height, format })
    };
    if let Err(error) = decompress(&data) {
        let found = warning(&error).ok_or_else(|| broken(error.to_string()))?;
        if !has_end(&data) {
            // Pillow feeds the decoder piece by piece and treats a file as truncated when the decoder asks for more.
            // With padding after the end, the decoder reports how many of these bytes it did not ask for.
            let padding = vec![0; READ_AHEAD as usize];
            let again = decompress(&[&*data, &*padding, &[0xff, END_OF_IMAGE]].concat());
            let rest = again.err().as_ref().and_then(extraneous_bytes);
            if header.is_progressive || rest.is_none_or(|rest| rest < READ_AHEAD) {
                return Err(broken("the file ends before the last pixel".to_owned()));
            }
        }
        let note = damage(found);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if has_black {
        notes.push("CMYK converted to RGB".to_owned());
        pixels = cmyk_to_rgb(&pixels);
    }
    let image = upright(RgbImage { size, pixels }, orientation(bytes));
    Ok(DecodedImage { image, notes })
}

/// libjpeg's warning, if `error` is a warning, after which all pixels were decoded.
///
/// TurboJPEG reports the first warning of a file like an error; a real error replaces it. The texts are those of
/// libjpeg's `jerror.h`, all of its `JWRN_` messages.
fn warning(error: &turbojpeg::Error) -> Option<&'static str> {
    const WARNINGS: [(&str, &str); 8] = [
        ("Corrupt JPEG data: bad Huffman code", "bad Huffman code"),
        ("Corrupt JPEG data: premature end of data segment", "premature end of a data segment"),
        ("Corrupt JPEG data: bad ICC marker", "bad colour profile"),
        ("Corrupt JPEG data: ", "stray bytes or lost markers"),
        ("Premature end of JPEG file", "no end marker"),
        ("Inconsistent progression sequence", "scans in a wrong order"),
        ("Invalid SOS parameters for sequential JPEG", "wrong parameters of a scan"),
        ("Warning: unknown JFIF revision number", "unknown JFIF revision"),
    ];
    let turbojpeg::Error::TurboJpegError(text) = error else { return None };
    if text.starts_with("Unknown Adobe color transform code") {
        return Some("unknown Adobe colour transform");
    }
    WARNINGS.iter().find(|(start, _)| text.starts_with(start)).map(|(_, found)| *found)
}

/// The number of bytes that the decoder skipped before the end marker.
fn extraneous_bytes(error: &turbojpeg::Error) -> Option<u32> {
    let turbojpeg::Error::TurboJpegError(text) = error else { return None };
    let count = text.strip_prefix("Corrupt JPEG data: ")?;
    count.strip_suffix(" extraneous bytes before marker 0xd9")?.parse().ok()
}

fn damage(found: &str) -> String {
    format!("damaged JPEG ({found}), decoded as far as possible")
}

/// The file reduced, before its first scan, to the segments that describe the image.
///
/// `None` if there is no scan.
fn without_oddities(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut kept = vec![0xff, START_OF_IMAGE];
    for segment in Segments::new(bytes) {
        let describes = match segment.marker {
            START_OF_SCAN => {
                kept.extend_from_slice(&bytes[segment.start..]);
                return Some(kept);
            }
            // Tables, frame headers and restart intervals.
            0xc0..=0xcf | 0xdb..=0xdf => true,
            // Adobe's segment says how colours are encoded.
            APP14 => segment.body.starts_with(b"Adobe"),
            _ => false,
        };
        if describes {
            kept.extend_from_slice(&bytes[segment.start..segment.end]);
        }
    }
    None
}

/// Whether the first image of the file has an end marker.
fn has_end(bytes: &[u8]) -> bool {
    Segments::new(bytes).any(|segment| segment.marker == END_OF_IMAGE)
}

/// Converts like Pillow, which treats every CMYK JPEG as Adobe's, that is inverted.
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

/// Returns the orientation in the EXIF segment; upright if there is none.
fn orientation(bytes: &[u8]) -> Orientation {
    exif_chunk(bytes).and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// Finds the EXIF data among the segments before the first scan.
fn exif_chunk(bytes: &[u8]) -> Option<&[u8]> {
    Segments::new(bytes)
        .take_while(|segment| segment.marker != START_OF_SCAN)
        .filter(|segment| segment.marker == APP1)
        .find_map(|segment| segment.body.strip_prefix(b"Exif\0\0"))
}

/// A marker of a JPEG file and its segment.
struct Segment<'a> {
    marker: u8,
    /// What follows the length; empty for markers without one.
    body: &'a [u8],
    /// Where the marker begins.
    start: usize,
    /// Where its segment ends.
    end: usize,
}

/// The markers of the first image of a file; stray bytes and entropy-coded data are skipped as in libjpeg.
struct Segments<'a> {
    bytes: &'a [u8],
    position: usize,
    ended: bool,
}

impl<'a> Segments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let ended = !bytes.starts_with(&[0xff, START_OF_IMAGE]);
        Self { bytes, position: 2, ended }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        if self.ended {
            return None;
        }
        // Stuffed zeros, fill bytes and restart markers belong to entropy-coded data.
        let is_marker =
            |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0x01 | 0xd0..=0xd7 | 0xff);
        let found = self.bytes.get(self.position..)?.windows(2).position(is_marker);
        let start = self.position + found?;
        let marker = self.bytes[start + 1];
        if marker == END_OF_IMAGE {
            self.ended = true;
            return Some(Segment { marker, body: &[], start, end: start + 2 });
        }
        let length = self.bytes.get(start + 2..start + 4)?;
        // The length counts its own two bytes.
        let end = start + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        let body = self.bytes.get(start + 4..end)?;
        self.position = end;
        Some(Segment { marker, body, start, end })
    }
}
