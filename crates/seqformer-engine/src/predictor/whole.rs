//! Whole videos: all frames go through the network first, then the masks of the best queries are
//! computed.

use seqformer::inference::{
    DecodedVideo, Launch, Selection, SelectionRule, WholeVideo, select, select_pairs,
};
use seqformer_config::config::ResultRule;
use tch::Tensor;

use super::batch_policy::BatchPolicy;
use super::drive::{FinalFrame, FrameStream, MaskDelivery, MaskSink, VideoPass};
use super::{Predictor, Progress};
use crate::EngineError;

/// A video whose frames are decoded together.
pub(super) struct Whole<'a> {
    pub(super) video: WholeVideo<'a>,
    /// The rule that selects results.
    pub(super) results: ResultRule,
    /// Selects the queries whose masks are computed.
    pub(super) rule: SelectionRule,
}

/// The result of a whole video.
pub(super) struct WholeEnd<'a> {
    pub(super) decoded: DecodedVideo<'a>,
    pub(super) selection: Selection,
}

impl<'a> VideoPass for Whole<'a> {
    type End = WholeEnd<'a>;

    fn push(&mut self, frames: &Tensor, _encoded: usize) -> Result<Vec<FinalFrame>, EngineError> {
        self.video.push(frames)?;
        Ok(Vec::new())
    }

    fn finish(self, masks: &mut MaskDelivery<'_>) -> Result<WholeEnd<'a>, EngineError> {
        let decoded = self.video.decode()?;
        let SelectionRule { max_queries, class_threshold } = self.rule;
        let selection = match self.results {
            ResultRule::VNext => select(&decoded.pred_logits(), self.rule),
            ResultRule::Original => {
                select_pairs(&decoded.pred_logits(), max_queries, class_threshold)
            }
        };
        masks.reached(Progress::Decoded);
        let logits = |part| decoded.mask_logits(&selection.queries, part);
        masks.parts(decoded.num_parts(), selection.queries.len(), &logits)?;
        Ok(WholeEnd { decoded, selection })
    }
}

impl Predictor {
    /// Runs the network on a whole video.
    pub(super) fn drive_whole(
        &self,
        inputs: FrameStream<'_>,
        launch: Launch,
        sink: &mut dyn MaskSink,
    ) -> Result<WholeEnd<'_>, EngineError> {
        let geometry = inputs.geometry();
        let batches = BatchPolicy::whole(self.model.device(), self.memory_plan(geometry, None));
        let mut video = WholeVideo::new(&self.model, geometry.input);
        video.set_launch(launch);
        self.drive(
            inputs,
            Whole { video, results: self.options.results, rule: self.options.rule },
            batches,
            sink,
        )
    }
}
