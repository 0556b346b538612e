//! Transfers the masks of frames from the device, to be encoded as run lengths.
//!
//! On the CPU, logits are used directly and threads interpolate them. A GPU computes one bit per pixel, and the copy
//! overlaps with computing the masks of the next frames.

use seqformer_cuda::kernels::PixelSize;
use seqformer_cuda::transfer::Download;
use seqformer_masks::{ImageSize, Rle};
use seqformer_ops::packed_masks::MaskPacker;
use tch::{Device, Kind, Tensor};

use super::frame_bits::FrameBits;
use super::frame_masks::FrameLogits;
use super::geometry::{Enlargement, FrameGeometry};
use crate::EngineError;

/// The masks of one frame in host memory.
#[derive(Debug)]
pub(super) enum FrameMasks {
    /// At the resolution of the network's cells.
    Logits(FrameLogits),
    /// At the resolution of the video.
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

/// Transfers the masks of a video to the host.
#[derive(Debug)]
pub(super) struct MaskReader(Way);

#[derive(Debug)]
enum Way {
    Plain,
    /// With the packer for logits of the first size, and the batch that is being copied.
    Packed {
        packer: Option<MaskPacker>,
        coming: Option<Download>,
    },
}

impl MaskReader {
    /// Prepares for the masks of one video, computed on `device`.
    pub(super) fn new(device: Device, enlargement: Enlargement) -> Self {
        // The packing kernel supports only this enlargement.
        let packs = device.is_cuda() && enlargement == Enlargement::ByInput;
        if packs { Self::packing() } else { Self(Way::Plain) }
    }

    /// Packs masks on any device.
    pub(super) fn packing() -> Self {
        Self(Way::Packed { packer: None, coming: None })
    }

    /// Takes the logits `[I, T', h, w]` of the next frames, and returns the masks of frames whose copy has finished, in
    /// order.
    ///
    /// # Errors
    ///
    /// If the device fails or runs out of memory.
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

    /// The masks of the remaining frames.
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
    /// If the device fails or runs out of memory.
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
    let pixel_size = |size: ImageSize| {
        let [height, width] = size.sides();
        PixelSize { height, width }
    };
    let output = pixel_size(output);
    if by_frame.numel() == 0 {
        let pixels = output.height * output.width;
        let bytes = pixels.unsigned_abs().div_ceil(8) as i64;
        return Tensor::zeros([size[0], 0, bytes], (Kind::Uint8, by_frame.device()));
    }
    let packer = packer.get_or_insert_with(|| {
        let cells = PixelSize { height: size[2], width: size[3] };
        MaskPacker::new(cells, pixel_size(input), output, by_frame.device())
    });
    packer.pack(by_frame)
}

fn arrived(coming: Download) -> Result<Vec<FrameMasks>, EngineError> {
    let packed = coming.wait()?; // [T', I, bytes]
    let frames = 0..packed.size()[0];
    Ok(frames.map(|frame| FrameMasks::Bits(FrameBits::new(&packed.get(frame)))).collect())
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;

    use super::*;

    fn geometry(output: ImageSize) -> FrameGeometry {
        FrameGeometry {
            input: ImageSize { height: 29, width: 61 },
            output,
            enlargement: Enlargement::ByInput,
        }
    }

    /// Logits of six frames and three instances.
    fn logits() -> Tensor {
        tch::manual_seed(9);
        Tensor::randn([3, 6, 8, 16], (Kind::Float, Device::Cpu))
    }

    fn codes(masks: Vec<FrameMasks>, geometry: FrameGeometry) -> Vec<Vec<Rle>> {
        masks.iter().map(|masks| masks.encode(geometry)).collect()
    }

    #[test]
    fn packed_masks_come_in_order_and_are_those_of_the_logits_bit_by_bit() {
        let logits = logits();
        for output in [(29, 61), (90, 180), (7, 5)] {
            let geometry = geometry(ImageSize { height: output.0, width: output.1 });
            let expected = codes(
                MaskReader::new(Device::Cpu, Enlargement::ByInput).push(&logits, geometry).unwrap(),
                geometry,
            );
            let mut reader = MaskReader::packing();
            let mut found = Vec::new();
            for (first, length) in [(0, 3), (3, 2), (5, 1)] {
                found.extend(reader.push(&logits.narrow(1, first, length), geometry).unwrap());
            }
            // The last part is still on its way.
            assert_eq!(found.len(), 5);
            found.extend(reader.finish().unwrap());
            assert_eq!(codes(found, geometry), expected, "{output:?}");
            let one = reader.read(&logits.select(1, 4), geometry).unwrap();
            assert_eq!(one.encode(geometry), expected[4]);
        }
    }

    #[test]
    fn frames_without_instances_have_no_masks() {
        let geometry = geometry(ImageSize { height: 29, width: 61 });
        for none in
            [logits().narrow(0, 0, 0), Tensor::zeros([0, 1, 0, 0], (Kind::Float, Device::Cpu))]
        {
            let mut reader = MaskReader::packing();
            let mut masks = reader.push(&none, geometry).unwrap();
            masks.extend(reader.finish().unwrap());
            assert_eq!(codes(masks, geometry), vec![Vec::<Rle>::new(); none.size()[1] as usize]);
        }
    }
}
