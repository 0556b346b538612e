//! The masks of frames on their way from the device to run lengths.
//!
//! On the CPU logits are taken as they are, and threads interpolate them. From a GPU a bit a pixel comes back, made where
//! the logits are, while the masks of the next frames are computed.

use seqformer_masks::Rle;
use seqformer_ops::packed_masks::{MaskPacker, PixelSize};
use seqformer_ops::transfer::Download;
use tch::{Device, Kind, Tensor};

use super::frame_bits::FrameBits;
use super::frame_masks::FrameLogits;
use super::geometry::{Enlargement, FrameGeometry};
use crate::EngineError;

/// The masks of one frame in plain memory.
#[derive(Debug)]
pub(super) enum FrameMasks {
    /// In the size of the network's cells.
    Logits(FrameLogits),
    /// In the size of the video.
    Bits(FrameBits),
}

impl FrameMasks {
    /// The masks of all instances.
    pub(super) fn encode(&self, frame: FrameGeometry) -> Vec<Rle> {
        match self {
            Self::Logits(logits) => logits.encode(frame),
            Self::Bits(bits) => bits.encode(frame.output),
        }
    }
}

/// Brings the masks of a video to the host.
#[derive(Debug)]
pub(super) struct MaskReader(Way);

#[derive(Debug)]
enum Way {
    Plain,
    /// With the packer for logits of the size that came first, and the part that is being copied.
    Packed {
        packer: Option<MaskPacker>,
        coming: Option<Download>,
    },
}

impl MaskReader {
    /// Prepares for the masks of one video that are made on `device`.
    pub(super) fn new(device: Device, enlargement: Enlargement) -> Self {
        // The kernel for bits knows one way to enlarge masks.
        let packs = device.is_cuda() && enlargement == Enlargement::ByInput;
        if packs { Self::packing() } else { Self(Way::Plain) }
    }

    /// Packs on whatever device the logits are.
    pub(super) fn packing() -> Self {
        Self(Way::Packed { packer: None, coming: None })
    }

    /// Takes the logits `[I, T', h, w]` of the next frames, and gives the masks of frames that have come so far, in
    /// their order.
    ///
    /// # Errors
    ///
    /// If the device fails or has no memory left.
    pub(super) fn push(
        &mut self,
        logits: &Tensor,
        geometry: FrameGeometry,
    ) -> Result<Vec<FrameMasks>, EngineError> {
        let by_frame = logits.transpose(0, 1); // [T', I, h, w]
        match &mut self.0 {
            Way::Plain => Ok(plain(&by_frame)),
            Way::Packed { packer, coming } => {
                let packed = pack(packer, geometry, &by_frame);
                let before = coming.replace(Download::start(&packed)?);
                before.map_or_else(|| Ok(Vec::new()), arrived)
            }
        }
    }

    /// The masks of the frames that have not come yet.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub(super) fn finish(&mut self) -> Result<Vec<FrameMasks>, EngineError> {
        match &mut self.0 {
            Way::Plain => Ok(Vec::new()),
            Way::Packed { coming, .. } => coming.take().map_or_else(|| Ok(Vec::new()), arrived),
        }
    }

    /// Takes the logits `[I, h, w]` of one frame, and waits for its masks.
    ///
    /// # Errors
    ///
    /// If the device fails or has no memory left.
    pub(super) fn read(
        &mut self,
        logits: &Tensor,
        geometry: FrameGeometry,
    ) -> Result<FrameMasks, EngineError> {
        let mut masks = self.push(&logits.unsqueeze(1), geometry)?;
        masks.extend(self.finish()?);
        Ok(masks.pop().unwrap_or_else(|| FrameMasks::Logits(FrameLogits::new(logits))))
    }
}

/// Of `[T', I, h, w]`.
fn plain(by_frame: &Tensor) -> Vec<FrameMasks> {
    let frames = 0..by_frame.size()[0];
    frames.map(|frame| FrameMasks::Logits(FrameLogits::new(&by_frame.get(frame)))).collect()
}

/// `[T', I, h, w]` → `[T', I, bytes]`
fn pack(packer: &mut Option<MaskPacker>, geometry: FrameGeometry, by_frame: &Tensor) -> Tensor {
    let size = by_frame.size();
    let FrameGeometry { input, output, .. } = geometry;
    let output = PixelSize { height: i64::from(output.height), width: i64::from(output.width) };
    if by_frame.numel() == 0 {
        let pixels = output.height * output.width;
        let bytes = pixels.unsigned_abs().div_ceil(8) as i64;
        return Tensor::zeros([size[0], 0, bytes], (Kind::Uint8, by_frame.device()));
    }
    let packer = packer.get_or_insert_with(|| {
        let cells = PixelSize { height: size[2], width: size[3] };
        let input = PixelSize { height: input.height, width: input.width };
        MaskPacker::new(cells, input, output, by_frame.device())
    });
    packer.pack(by_frame)
}

fn arrived(coming: Download) -> Result<Vec<FrameMasks>, EngineError> {
    let packed = coming.wait()?; // [T', I, bytes]
    let frames = 0..packed.size()[0];
    Ok(frames.map(|frame| FrameMasks::Bits(FrameBits::new(&packed.get(frame)))).collect())
}

#[cfg(test)]
mod tests;
