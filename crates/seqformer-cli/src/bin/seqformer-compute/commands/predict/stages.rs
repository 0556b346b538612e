//! The progress bars of a prediction.

use seqformer_engine::Progress;

use crate::progress::Stage;

/// The progress bars of a video.
pub(super) struct Stages<'a> {
    name: &'a str,
    encoding: Option<Stage>,
    masking: Option<Stage>,
    num_frames: usize,
}

impl<'a> Stages<'a> {
    pub(super) fn new(name: &'a str, total: Option<usize>) -> Self {
        let encoding = Some(Stage::new(format!("{name}: encoding"), total));
        Self { name, encoding, masking: None, num_frames: 0 }
    }

    pub(super) fn set(&mut self, progress: Progress) {
        match progress {
            Progress::Encoded(done) => {
                self.num_frames = done;
                if let Some(stage) = &mut self.encoding {
                    stage.set(done);
                }
            }
            Progress::Decoded => {
                if let Some(stage) = self.encoding.take() {
                    stage.finish();
                }
                let name = format!("{}: masks", self.name);
                self.masking = Some(Stage::new(name, Some(self.num_frames)));
            }
            Progress::Masks(done) => {
                if let Some(stage) = &mut self.masking {
                    stage.set(done);
                }
            }
        }
    }

    pub(super) fn finish(self) {
        for stage in [self.encoding, self.masking].into_iter().flatten() {
            stage.finish();
        }
    }
}
