//! Animated PNG.

use std::io::Cursor;

use seqformer_masks::ImageSize;

use super::MAX_DECODER_BYTES;
use super::canvas::{Blend, Canvas, Dispose, Placement};

/// Composes the frames of an APNG.
pub(super) struct PngAnimation {
    reader: png::Reader<Cursor<Vec<u8>>>,
    pub(super) canvas: Canvas,
}

impl PngAnimation {
    pub(super) fn open(stream: Cursor<Vec<u8>>) -> Result<Self, String> {
        let limits = png::Limits { bytes: MAX_DECODER_BYTES };
        let mut decoder = png::Decoder::new_with_limits(stream, limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
        let (width, height) = reader.info().size();
        let canvas = Canvas::new(ImageSize { height, width });
        // An image outside the animation is a fallback for programs without support for animation.
        if !canvas.pixels.is_empty() && reader.info().frame_control().is_none() {
            let bytes = reader.output_buffer_size().ok_or("the frames are too large")?;
            reader.next_frame(&mut vec![0; bytes]).map_err(|error| error.to_string())?;
        }
        Ok(Self { reader, canvas })
    }

    pub(super) fn next_frame(&mut self) -> Result<&[u8], String> {
        let bytes = self.reader.output_buffer_size().ok_or("the frames are too large")?;
        let mut pixels = vec![0; bytes];
        let frame = self.reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
        let Some(place) = self.reader.info().frame_control() else {
            return Err("a frame has no place".to_owned());
        };
        let place = Placement {
            left: place.x_offset,
            top: place.y_offset,
            size: ImageSize { height: frame.height, width: frame.width },
            blend: match place.blend_op {
                png::BlendOp::Source => Blend::Replace,
                png::BlendOp::Over => Blend::Over,
            },
            disposal: match place.dispose_op {
                png::DisposeOp::None => Dispose::Keep,
                png::DisposeOp::Background => Dispose::Clear,
                png::DisposeOp::Previous => Dispose::Restore,
            },
        };
        self.canvas.draw(place, &pixels, frame.color_type.samples())
    }
}
