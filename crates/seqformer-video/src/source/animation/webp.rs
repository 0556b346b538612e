//! Animated WebP.

use std::io::Cursor;

use image_webp::WebPDecoder;
use seqformer_masks::ImageSize;

use super::MAX_DECODER_BYTES;
use super::canvas::{Blend, Canvas, Dispose, Placement};

/// Composes the frames of an animated WebP. Each is an image that could stand alone.
pub(super) struct WebPAnimation {
    bytes: Vec<u8>,
    /// Offset of the next chunk.
    position: usize,
    pub(super) canvas: Canvas,
}

impl WebPAnimation {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        // `RIFF`, a length, `WEBP`; then the header of an extended file.
        let header = bytes.get(12..30).filter(|header| header.starts_with(b"VP8X"));
        let header = header.ok_or("it has frames of an animation and is not marked as one")?;
        let size =
            ImageSize { width: number(&header[12..15]) + 1, height: number(&header[15..18]) + 1 };
        Ok(Self { bytes, position: 12, canvas: Canvas::new(size) })
    }

    pub(super) fn next_frame(&mut self) -> Result<&[u8], String> {
        let cut = || "the file ends within a frame".to_owned();
        loop {
            let chunk = self.bytes.get(self.position..).unwrap_or_default();
            let head = chunk.first_chunk::<8>().ok_or_else(cut)?;
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let body = chunk.get(8..8 + length).ok_or_else(cut)?;
            // Chunks are padded to even lengths.
            self.position += 8 + length.next_multiple_of(2);
            if !head.starts_with(b"ANMF") {
                continue;
            }
            let (place, picture) = body.split_at_checked(16).ok_or_else(cut)?;
            let flags = place[15];
            let place = Placement {
                left: 2 * number(&place[0..3]),
                top: 2 * number(&place[3..6]),
                size: ImageSize {
                    width: number(&place[6..9]) + 1,
                    height: number(&place[9..12]) + 1,
                },
                blend: if flags & 2 == 0 { Blend::Over } else { Blend::Replace },
                disposal: if flags & 1 == 0 { Dispose::Keep } else { Dispose::Clear },
            };
            let (pixels, samples) = decode_alone(place.size, picture)?;
            return self.canvas.draw(place, &pixels, samples);
        }
    }
}

/// A number of three bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// Decodes the chunks of a frame as a separate file: pixels, and the number of bytes per pixel.
fn decode_alone(size: ImageSize, chunks: &[u8]) -> Result<(Vec<u8>, usize), String> {
    let mut file = b"WEBP".to_vec();
    if chunks.starts_with(b"ALPH") {
        file.extend(b"VP8X\x0a\0\0\0\x10\0\0\0");
        file.extend(&(size.width - 1).to_le_bytes()[..3]);
        file.extend(&(size.height - 1).to_le_bytes()[..3]);
    }
    file.extend(chunks);
    let length = u32::try_from(file.len()).map_err(|_too_long| "a frame is too long")?;
    let file = [b"RIFF", &length.to_le_bytes()[..], &file].concat();
    let failed = |error: image_webp::DecodingError| error.to_string();
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(failed)?;
    decoder.set_memory_limit(MAX_DECODER_BYTES);
    if decoder.dimensions() != (size.width, size.height) || decoder.is_animated() {
        return Err("a frame has another size than its header says".to_owned());
    }
    let bytes = decoder.output_buffer_size().ok_or("a frame is too large")?;
    let mut pixels = vec![0; bytes];
    decoder.read_image(&mut pixels).map_err(failed)?;
    Ok((pixels, if decoder.has_alpha() { 4 } else { 3 }))
}
