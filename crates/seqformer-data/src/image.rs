//! Images from files.
//!
//! Reference: detectron2 `data/detection_utils.py`, `read_image` with format RGB, on Pillow 9.5.

mod animation;
mod jpeg;
mod log;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use seqformer_masks::ImageSize;

use crate::DataError;

pub use animation::animation_delays;
pub use log::read_image_logged;

/// A 4-channel image of 16 bits at [`ImageSize::MAX_PIXELS`], and as much for the decoder.
const MAX_DECODER_BYTES: u64 = 2 * 8 * ImageSize::MAX_PIXELS;

/// An image with three bytes per pixel: red, green, blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    /// Height and width.
    pub size: ImageSize,
    /// Row-major, channels innermost; `3 * height * width` bytes.
    pub pixels: Vec<u8>,
}

impl RgbImage {
    /// Creates a black image.
    pub fn new(size: ImageSize) -> Self {
        Self { size, pixels: vec![0; 3 * size.num_pixels() as usize] }
    }
}

/// An image, and notes about how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedImage {
    /// The pixels, in upright orientation.
    pub image: RgbImage,
    /// Notes such as "16-bit PNG reduced to 8 bits".
    pub notes: Vec<String>,
}

/// Reads the first image of a JPEG, PNG, WebP, GIF or BMP file.
///
/// # Errors
///
/// As [`decode_image`], and a file that cannot be read.
pub fn read_image(path: &Path) -> Result<DecodedImage, DataError> {
    let bytes =
        fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    decode_image(&bytes, path)
}

/// Decodes the first image of a JPEG, PNG, WebP, GIF or BMP file in memory.
///
/// The kind is recognized by the content; `path` is used only in messages. The EXIF orientation is
/// applied, and transparency is dropped.
///
/// # Errors
///
/// An unknown kind, broken or truncated data, or more than [`ImageSize::MAX_PIXELS`] pixels.
pub fn decode_image(bytes: &[u8], path: &Path) -> Result<DecodedImage, DataError> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::decode(bytes, path),
        Ok(
            format @ (ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif | ImageFormat::Bmp),
        ) => decode_other(bytes, format, path),
        Ok(format) => {
            let found = format!("{format:?}").to_uppercase();
            Err(DataError::UnknownImageKind { path: path.to_owned(), found })
        }
        Err(_unknown) => {
            let found = if bytes.is_empty() { "an empty file" } else { "something else" };
            Err(DataError::UnknownImageKind { path: path.to_owned(), found: found.to_owned() })
        }
    }
}

/// Tells whether EXIF data turns or mirrors an image file, as [`decode_image`] does and not every program.
pub fn is_turned_by_exif(bytes: &[u8]) -> bool {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::is_turned(bytes),
        Ok(format @ (ImageFormat::Png | ImageFormat::WebP)) => {
            let decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder();
            let orientation = decoder.and_then(|mut decoder| decoder.orientation());
            orientation.is_ok_and(|orientation| orientation != Orientation::NoTransforms)
        }
        _ => false,
    }
}

fn decode_other(bytes: &[u8], format: ImageFormat, path: &Path) -> Result<DecodedImage, DataError> {
    let kind = match format {
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        _ => "BMP",
    };
    let broken = |error: image::ImageError| DataError::BrokenImage {
        path: path.to_owned(),
        kind,
        reason: error.to_string(),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_size(ImageSize { height, width }, path)?;
    let orientation = decoder.orientation().map_err(broken)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let mut notes = Vec::new();
    if decoded.color().bytes_per_pixel() / decoded.color().channel_count() > 1 {
        notes.push(format!("16-bit {kind} reduced to 8 bits"));
    }
    if let Some(frames) = animation_delays(bytes).filter(|frames| frames.len() > 1) {
        notes.push(format!("animated {kind}: the first of {} pictures is read", frames.len()));
    }
    let image = RgbImage { size: ImageSize { height, width }, pixels: into_rgb(decoded) };
    Ok(DecodedImage { image: upright(image, orientation), notes })
}

/// Rejects images without pixels and implausibly large images before allocating memory.
fn check_size(size: ImageSize, path: &Path) -> Result<(), DataError> {
    if size.num_pixels() == 0 || size.checked().is_err() {
        return Err(DataError::ImageSize { path: path.to_owned(), size });
    }
    Ok(())
}

/// Drops alpha, replicates grey, and keeps the high byte of 16-bit samples.
///
/// Differs: Pillow clips 16-bit grey at 255, which turns nearly every image white.
fn into_rgb(decoded: DynamicImage) -> Vec<u8> {
    let high = |sample: u16| (sample >> 8) as u8;
    match decoded {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageRgba8(image) => {
            image.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
        }
        DynamicImage::ImageLuma8(image) => image.pixels().flat_map(|pixel| [pixel[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(image) => {
            image.pixels().flat_map(|pixel| [pixel[0]; 3]).collect()
        }
        DynamicImage::ImageRgb16(image) => {
            image.pixels().flat_map(|pixel| pixel.0.map(high)).collect()
        }
        DynamicImage::ImageRgba16(image) => {
            image.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]].map(high)).collect()
        }
        DynamicImage::ImageLuma16(image) => {
            image.pixels().flat_map(|pixel| [high(pixel[0]); 3]).collect()
        }
        DynamicImage::ImageLumaA16(image) => {
            image.pixels().flat_map(|pixel| [high(pixel[0]); 3]).collect()
        }
        other => other.into_rgb8().into_raw(),
    }
}

/// Applies the EXIF orientation.
fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return image;
    }
    let ImageSize { height, width } = image.size;
    let buffer = image::RgbImage::from_raw(width, height, image.pixels)
        .expect("an RgbImage has three bytes per pixel");
    let mut dynamic = DynamicImage::ImageRgb8(buffer);
    dynamic.apply_orientation(orientation);
    let size = ImageSize { height: dynamic.height(), width: dynamic.width() };
    RgbImage { size, pixels: dynamic.into_rgb8().into_raw() }
}

#[cfg(test)]
mod tests;
