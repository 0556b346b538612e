//! Whole videos: all frames through the network first, then the masks of the best queries.

use seqformer::inference::{
    DecodedVideo, Launch, Selection, SelectionRule, WholeVideo, select, select_pairs,
};
use seqformer_config::config::ResultRule;
use tch::Tensor;

use super::batch_policy::BatchPolicy;
use super::drive::{FinalFrame, Inputs, MaskDelivery, MaskSink, VideoPass};
use super::{Predictor, Progress};
use crate::EngineError;

/// A video whose frames meet in one decoder.
pub(super) struct Whole<'a> {
    pub(super) video: WholeVideo<'a>,
    /// Whose rule makes results.
    pub(super) results: ResultRule,
    /// Which queries have masks.
    pub(super) rule: SelectionRule,
}

/// What a whole video has come to.
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
    /// Takes a video through the network as a whole.
    pub(super) fn drive_whole(
        &self,
        inputs: Inputs<'_>,
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
