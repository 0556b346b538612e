//! What a caller chooses about a prediction.

use seqformer::Precision;
use seqformer::inference::SelectionRule;
use seqformer_config::config::{ImageFormat, ResultRule};

use crate::EngineError;

/// How a video is prepared and which results are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorOptions {
    /// Short edge of the network's input in pixels; 0 leaves frames as they are.
    pub short_edge: u32,
    /// Limit of the long edge in pixels.
    pub max_size: u32,
    /// Whether the weights want blue first.
    pub channels: ImageFormat,
    /// Whose rule makes results of what the network finds.
    pub results: ResultRule,
    /// Which queries and classes become results. By the rule of the original repository, `max_queries` counts pairs of
    /// query and class.
    pub rule: SelectionRule,
    /// Cuts videos into overlapping clips; `None`: every video is decoded as a whole.
    pub clips: Option<ClipOptions>,
    /// The numbers in which the network computes.
    pub precision: Precision,
    /// Bytes that the process may hold, or its tensors on a GPU; none: no limit.
    pub max_memory: Option<u64>,
}

impl PredictorOptions {
    /// Makes sure that the options go together.
    ///
    /// # Errors
    ///
    /// If videos are cut into clips, but results are made by the rule of the original repository.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        if self.results == ResultRule::Original && self.clips.is_some() {
            let what = "MODEL.SeqFormer.RESULT_RULE 'original' is a rule for whole videos: leave out clips \
                        (MODEL.SeqFormer.CLIP_MATCHING, --clip-length and --clip-stride), or set it to 'vnext'";
            return Err(EngineError::Unsupported(what.to_owned()));
        }
        Ok(())
    }
}

/// How videos are cut into clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipOptions {
    /// Frames of a clip.
    pub length: usize,
    /// Frames from the start of a clip to that of the next.
    pub stride: usize,
    /// Whether every frame is handed on before the next one is read, as of a camera; several at once are faster. The
    /// result is the same.
    pub live: bool,
}

impl ClipOptions {
    /// Clips of `length` frames, a new one every `stride`, of a video that can be read ahead.
    pub fn new(length: usize, stride: usize) -> Self {
        Self { length, stride, live: false }
    }
}
