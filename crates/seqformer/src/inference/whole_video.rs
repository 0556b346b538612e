//! Inference that decodes all frames of a video at once.
//!
//! The encoder and the mask head see a few frames at a time; only the encoder's memory, which the
//! decoder needs in every layer, is kept for each frame.

use tch::{Kind, Tensor};

use crate::{
    DecoderLayerOutput, FrameSize, Heads, KeepLayers, Memory, ModelError, SeqFormer, TokenLayout,
};

/// A video whose frames are being encoded.
#[derive(Debug)]
pub struct WholeVideo<'a> {
    model: &'a SeqFormer,
    frame_size: FrameSize,
    layout: TokenLayout,
    memory: Memory,
}

/// A decoded video: classes and boxes of all queries, and masks on demand.
#[derive(Debug)]
pub struct DecodedVideo<'a> {
    model: &'a SeqFormer,
    layout: TokenLayout,
    memory: Memory,
    output: DecoderLayerOutput,
    heads: Heads,
}

impl<'a> WholeVideo<'a> {
    /// Begins a video whose frames all have `frame_size`.
    pub fn new(model: &'a SeqFormer, frame_size: FrameSize) -> Self {
        let layout = tch::no_grad(|| model.token_layout(&[frame_size]));
        Self { model, frame_size, layout, memory: Memory::default() }
    }

    /// Encodes the next frames together, `[T', 3, H, W]` of 0 to 255.
    ///
    /// # Errors
    ///
    /// If the frames are not of the size of this video.
    pub fn push(&mut self, frames: &Tensor) -> Result<(), ModelError> {
        self.frame_size.check(frames)?;
        let memory = tch::no_grad(|| -> Result<Tensor, ModelError> {
            let images = self.model.preprocess(frames, self.frame_size)?;
            Ok(self.model.encode_images(&images, &self.layout, false))
        })?;
        self.memory.parts.push(memory);
        Ok(())
    }

    /// Size of the frames, without padding.
    pub fn frame_size(&self) -> FrameSize {
        self.frame_size
    }

    /// Frames encoded so far.
    pub fn num_frames(&self) -> i64 {
        self.memory.num_frames()
    }

    /// Decodes the video.
    ///
    /// # Errors
    ///
    /// If no frame was pushed.
    pub fn decode(self) -> Result<DecodedVideo<'a>, ModelError> {
        if self.memory.parts.is_empty() {
            let (expected, found) = ("at least one".to_owned(), "none".to_owned());
            return Err(ModelError::Frames { expected, found });
        }
        let Self { model, frame_size, layout, memory } = self;
        let (output, heads) = tch::no_grad(|| {
            let mut output = model.decode(&memory, &layout, KeepLayers::Last, false);
            let output = output.layers.remove(0);
            let heads = model.heads(&output, model.last_layer(), &[frame_size]);
            (output, heads)
        });
        Ok(DecodedVideo { model, layout, memory, output, heads })
    }
}

impl DecodedVideo<'_> {
    /// Class logits of all queries, `[Q, K]`.
    pub fn pred_logits(&self) -> Tensor {
        self.heads.pred_logits.get(0)
    }

    /// Boxes (cx, cy, w, h) of all queries in 0..1 of the padded frame, `[T, Q, 4]`.
    pub fn pred_boxes(&self) -> Tensor {
        self.output.pred_boxes.get(0)
    }

    /// Parts in which the masks can be had, in the order of the frames.
    pub fn num_parts(&self) -> usize {
        self.memory.parts.len()
    }

    /// Mask logits of some queries on the frames of one part: `[I, T', H / 4, W / 4]`, padded.
    pub fn mask_logits(&self, queries: &[i64], part: usize) -> Tensor {
        tch::no_grad(|| {
            let memory = self.memory.parts[part].get(0); // [T', S, C]
            let first: i64 = self.memory.parts[..part].iter().map(|part| part.size()[1]).sum();
            let queries =
                Tensor::from_slice(queries).to_kind(Kind::Int64).to_device(memory.device());
            let params = self.heads.dynamic_params.get(0).index_select(0, &queries);
            let points = self.heads.reference_points_px.get(0).narrow(0, first, memory.size()[0]);
            let features = self.model.mask_features(&memory, &self.layout);
            self.model.masks(&features, &params, &points.index_select(1, &queries))
        })
    }
}
