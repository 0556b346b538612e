//! Options of a prediction.

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
    /// Whether the weights expect BGR.
    pub channels: ImageFormat,
    /// The rule that selects results.
    pub results: ResultRule,
    /// Which queries and classes become results. By the rule of the original repository, `max_queries` counts pairs of
    /// query and class.
    pub rule: SelectionRule,
    /// Splits videos into overlapping clips; `None` decodes every video as a whole.
    pub clips: Option<ClipOptions>,
    /// The precision of the network.
    pub precision: Precision,
    /// Memory limit in bytes, for the process or for its tensors on a GPU; `None` for no limit.
    pub max_memory: Option<u64>,
}

impl PredictorOptions {
    /// Keeps at most `max_tracks` objects of a video, or of a clip, and, if results are selected by their score, those above
    /// `score_threshold`.
    pub fn limit(&mut self, max_tracks: u32, score_threshold: Option<f64>) {
        self.rule.max_queries = i64::from(max_tracks);
        let has_threshold =
            self.rule.class_threshold.is_some() || self.results == ResultRule::Original;
        if has_threshold && score_threshold.is_some() {
            self.rule.class_threshold = score_threshold;
        }
    }

    /// Checks that the options can be combined.
    ///
    /// # Errors
    ///
    /// If videos are split into clips, but results are selected by the rule of the original repository.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        if self.results == ResultRule::Original && self.clips.is_some() {
            let what = "MODEL.SeqFormer.RESULT_RULE 'original' is a rule for whole videos: leave out clips \
                        (MODEL.SeqFormer.CLIP_MATCHING, --clip-length and --clip-stride), or set it to 'vnext'";
            return Err(EngineError::Unsupported(what.to_owned()));
        }
        Ok(())
    }
}

/// How videos are split into clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipOptions {
    /// Frames per clip.
    pub length: usize,
    /// Frames from the start of a clip to the start of the next.
    pub stride: usize,
    /// Whether every frame is passed on before the next one is read, as from a camera; several at once are faster. The
    /// result is the same.
    pub live: bool,
}

impl ClipOptions {
    /// Clips of `length` frames, one every `stride` frames, of a video that can be read ahead.
    pub fn new(length: usize, stride: usize) -> Self {
        Self { length, stride, live: false }
    }
}
