//! PNG pictures whose pixels are numbers of objects.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::{BitDepth, ColorType, Transformations};
use seqformer_annotations::Fault;
use seqformer_masks::{ImageSize, Rle};

use crate::ConvertError;

/// How the numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Grey or an index into a palette, up to 255.
    Eight,
    /// Grey, up to 65535.
    Sixteen,
    /// Red, green, blue and alpha, from the highest byte to the lowest.
    Rgba,
}

/// A picture of numbers.
#[derive(Debug)]
pub(crate) struct LabelImage {
    /// Height and width.
    pub(crate) size: ImageSize,
    /// Row-major.
    pub(crate) values: Vec<u32>,
}

impl LabelImage {
    /// Creates an image of zeros.
    pub(crate) fn new(size: ImageSize) -> Self {
        Self { size, values: vec![0; size.num_pixels() as usize] }
    }

    /// Returns how a picture stores its pixels, by its header; `None` for pictures that cannot hold numbers.
    ///
    /// # Errors
    ///
    /// A file that is not a PNG or cannot be read.
    pub(crate) fn depth(path: &Path) -> Result<Option<Depth>, ConvertError> {
        let mut decoder = open(path)?;
        let header = decoder.read_header_info().map_err(|error| broken(path, error))?;
        Ok(depth_of(header.color_type, header.bit_depth))
    }

    /// Reads a picture, whose numbers have to be stored as `expected`.
    ///
    /// # Errors
    ///
    /// A file that is not a PNG, is broken, has too many pixels, or stores something else.
    pub(crate) fn read(path: &Path, expected: Depth) -> Result<Self, ConvertError> {
        let wrong = |expected: &str, found: String, mend: &str| {
            ConvertError::wrong(path, "the whole file", Fault::new("", expected, found, mend))
        };
        let mut decoder = open(path)?;
        let header = decoder.read_header_info().map_err(|error| broken(path, error))?;
        let size = ImageSize { height: header.height, width: header.width };
        let (color, bits) = (header.color_type, header.bit_depth);
        if size.checked().is_err() || size.num_pixels() == 0 {
            let expected = format!("an image of 1 to {} pixels", ImageSize::MAX_PIXELS);
            return Err(wrong(&expected, size.to_string(), "export the image again"));
        }
        if depth_of(color, bits) != Some(expected) {
            let expected = match expected {
                Depth::Eight => {
                    "a palette or 8-bit grey image, whose values are the numbers of objects"
                }
                Depth::Sixteen => "a 16-bit grey image, whose values are the numbers of objects",
                Depth::Rgba => {
                    "an image with four channels of 8 bits, which hold class, marks and number"
                }
            };
            let found = format!("{color:?} of {} bits", bits as u8);
            return Err(wrong(
                expected,
                found,
                "name the format with --from, or convert the image",
            ));
        }
        let broken = |error| broken(path, error);
        let mut reader = decoder.read_info().map_err(broken)?;
        let num_bytes = reader.output_buffer_size().unwrap_or(usize::MAX);
        let mut bytes = vec![0; num_bytes];
        let info = reader.next_frame(&mut bytes).map_err(broken)?;
        let rows = bytes.chunks_exact(info.line_size.max(1)).take(size.height as usize);
        let values = rows.flat_map(|row| numbers(row, bits, expected, size.width as usize));
        Ok(Self { size, values: values.collect() })
    }

    /// Returns the pixels of each number except 0.
    pub(crate) fn masks(&self) -> Result<BTreeMap<u32, Rle>, seqformer_masks::MaskError> {
        let (height, width) = (self.size.height as usize, self.size.width as usize);
        // For each number the end of its last run and all run lengths.
        let mut runs: BTreeMap<u32, (u32, Vec<u32>)> = BTreeMap::new();
        let mut close = |value: u32, start: u32, end: u32| {
            if value != 0 && start < end {
                let (last, counts) = runs.entry(value).or_default();
                counts.extend([start - *last, end - start]);
                *last = end;
            }
        };
        let (mut current, mut start, mut position) = (0, 0, 0);
        for x in 0..width {
            for y in 0..height {
                let value = self.values[y * width + x];
                if value != current {
                    close(current, start, position);
                    (current, start) = (value, position);
                }
                position += 1;
            }
        }
        close(current, start, position);
        let finish = |(value, (last, mut counts)): (u32, (u32, Vec<u32>))| {
            if last < position {
                counts.push(position - last);
            }
            Ok((value, Rle::from_counts(self.size, counts)?))
        };
        runs.into_iter().map(finish).collect()
    }

    /// Paints a mask of the same size, and tells whether it hides anything painted before.
    pub(crate) fn paint(&mut self, mask: &Rle, value: u32) -> bool {
        let mut hides = false;
        for (pixel, &is_set) in self.values.iter_mut().zip(mask.decode().as_bytes()) {
            if is_set != 0 {
                hides |= *pixel != 0;
                *pixel = value;
            }
        }
        hides
    }

    /// Writes the picture; an 8-bit one gets the palette of PASCAL VOC and DAVIS unless it is grey.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(crate) fn write(
        &self,
        path: &Path,
        depth: Depth,
        is_grey: bool,
    ) -> Result<(), ConvertError> {
        let failed = |error: png::EncodingError| match error {
            png::EncodingError::IoError(source) => ConvertError::write(path, source),
            other => ConvertError::write(path, std::io::Error::other(other)),
        };
        let file = File::create(path).map_err(|source| ConvertError::write(path, source))?;
        let mut encoder =
            png::Encoder::new(std::io::BufWriter::new(file), self.size.width, self.size.height);
        encoder.set_depth(BitDepth::Eight);
        let bytes: Vec<u8> = match depth {
            Depth::Eight => {
                encoder.set_color(if is_grey { ColorType::Grayscale } else { ColorType::Indexed });
                if !is_grey {
                    encoder.set_palette((0..=255).flat_map(palette_color).collect::<Vec<u8>>());
                }
                self.values.iter().map(|&value| value as u8).collect()
            }
            Depth::Sixteen => {
                encoder.set_color(ColorType::Grayscale);
                encoder.set_depth(BitDepth::Sixteen);
                self.values.iter().flat_map(|&value| (value as u16).to_be_bytes()).collect()
            }
            Depth::Rgba => {
                encoder.set_color(ColorType::Rgba);
                self.values.iter().flat_map(|value| value.to_be_bytes()).collect()
            }
        };
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&bytes).map_err(failed)?;
        writer.finish().map_err(failed)
    }
}

fn open(path: &Path) -> Result<png::Decoder<BufReader<File>>, ConvertError> {
    let file = File::open(path).map_err(|source| ConvertError::read(path, source))?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::IDENTITY);
    Ok(decoder)
}

fn broken(path: &Path, error: png::DecodingError) -> ConvertError {
    match error {
        png::DecodingError::IoError(source)
            if source.kind() != std::io::ErrorKind::UnexpectedEof =>
        {
            ConvertError::read(path, source)
        }
        error => {
            let fault = Fault::new("", "a PNG image", error.to_string(), "export the image again");
            ConvertError::wrong(path, "the whole file", fault)
        }
    }
}

fn depth_of(color: ColorType, bits: BitDepth) -> Option<Depth> {
    match (color, bits) {
        (ColorType::Grayscale, BitDepth::Sixteen) => Some(Depth::Sixteen),
        (ColorType::Grayscale | ColorType::Indexed, _) => Some(Depth::Eight),
        (ColorType::Rgba, BitDepth::Eight) => Some(Depth::Rgba),
        _ => None,
    }
}

/// Extracts the numbers of one row from its bytes.
fn numbers(row: &[u8], bits: BitDepth, depth: Depth, width: usize) -> Vec<u32> {
    match (depth, bits) {
        (Depth::Sixteen, _) => {
            let (pairs, _none_left) = row.as_chunks::<2>();
            pairs.iter().map(|&pair| u32::from(u16::from_be_bytes(pair))).collect()
        }
        (Depth::Rgba, _) => {
            let (pixels, _none_left) = row.as_chunks::<4>();
            pixels.iter().map(|&pixel| u32::from_be_bytes(pixel)).collect()
        }
        (Depth::Eight, BitDepth::Eight | BitDepth::Sixteen) => {
            row.iter().map(|&byte| u32::from(byte)).collect()
        }
        // Several numbers in a byte, the first in its highest bits.
        (Depth::Eight, _) => {
            let bits = bits as usize;
            let per_byte = 8 / bits;
            let number = |index: usize| {
                let shift = 8 - bits * (index % per_byte + 1);
                u32::from(row[index / per_byte] >> shift) & ((1 << bits) - 1)
            };
            (0..width).map(number).collect()
        }
    }
}

/// The colour of a number: its bits, lowest first, go to red, green and blue in turn, from their highest bits down.
fn palette_color(number: u16) -> [u8; 3] {
    let mut color = [0_u8; 3];
    for (channel, value) in color.iter_mut().enumerate() {
        for place in 0..3 {
            let bit = number >> (3 * place + channel as u16) & 1;
            *value |= (bit as u8) << (7 - place);
        }
    }
    color
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_palette_is_that_of_pascal_voc() {
        let colors = [0, 1, 2, 3, 4, 8, 255].map(palette_color);
        let expected = [
            [0, 0, 0],
            [128, 0, 0],
            [0, 128, 0],
            [128, 128, 0],
            [0, 0, 128],
            [64, 0, 0],
            [224, 224, 192],
        ];
        assert_eq!(colors, expected);
    }

    #[test]
    fn other_kinds_of_pictures_and_broken_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let image = LabelImage::new(ImageSize { height: 3, width: 5 });
        image.write(&path, Depth::Sixteen, false).unwrap();
        let said = LabelImage::read(&path, Depth::Eight).unwrap_err().to_string();
        assert!(said.contains("found Grayscale of 16 bits"), "{said}");
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            // A file without its last bytes may still have all pixels.
            let outcome = LabelImage::read(&path, Depth::Sixteen);
            assert!(outcome.is_err() || length > bytes.len() - 20, "{length}");
        }
        std::fs::write(&path, "GIF89a").unwrap();
        assert!(
            LabelImage::read(&path, Depth::Eight).unwrap_err().to_string().contains("a PNG image")
        );
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_are_masks(
            (height, width, values) in (1_u32..9, 1_u32..9).prop_flat_map(|(height, width)| {
                let values = proptest::collection::vec(0_u32..4, (height * width) as usize);
                (Just(height), Just(width), values)
            }),
            kind in 0..4_usize,
        ) {
            let (depth, is_grey, factor) = [
                (Depth::Eight, false, 80), (Depth::Eight, true, 80),
                (Depth::Sixteen, false, 20_000), (Depth::Rgba, false, 1_000_000_000),
            ][kind];
            let values: Vec<u32> = values.iter().map(|value| value * factor).collect();
            let image = LabelImage { size: ImageSize { height, width }, values };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.png");
            image.write(&path, depth, is_grey).unwrap();
            let back = LabelImage::read(&path, depth).unwrap();
            prop_assert_eq!(&back.values, &image.values);
            let mut again = LabelImage::new(image.size);
            for (value, mask) in back.masks().unwrap() {
                prop_assert_eq!(&Rle::encode(&mask.decode()), &mask);
                prop_assert!(!again.paint(&mask, value));
            }
            prop_assert_eq!(again.values, image.values);
        }
    }
}
