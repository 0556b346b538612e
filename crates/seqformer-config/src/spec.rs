//! What is known of a key besides its values.

/// A key, its default, and what it does.
#[derive(Debug)]
pub(crate) struct KeySpec {
    /// The full key.
    pub(crate) key: &'static str,
    /// The default, as a Python literal.
    pub(crate) default: &'static str,
    /// What it does; nothing for a key that is only accepted.
    pub(crate) effect: Option<Effect>,
}

/// What a key does in this program.
#[derive(Debug)]
pub(crate) struct Effect {
    /// A sentence.
    pub(crate) meaning: &'static str,
    /// What shows it.
    pub(crate) shown: Shown,
}

/// What shows the effect of a key.
#[derive(Debug)]
pub(crate) enum Shown {
    /// A test: its file, below `crates`, and its name.
    By(&'static str, &'static str),
    /// No test, and why.
    Nowhere(&'static str),
}

impl KeySpec {
    /// A key that is accepted, so that files with it load, but has no effect.
    pub(crate) const fn unused(key: &'static str, default: &'static str) -> Self {
        Self { key, default, effect: None }
    }
}

/// Files of tests that show several keys.
pub(crate) mod tests_in {
    pub(crate) const AUGMENTATION: &str = "seqformer-data/src/augmentation/tests.rs";
    pub(crate) const BACKBONES: &str = "seqformer/tests/it/backbones.rs";
    pub(crate) const BUILDER: &str = "seqformer-engine/src/builder/tests.rs";
    pub(crate) const CLIP_SAMPLING: &str = "seqformer-data/src/clip_sampling.rs";
    pub(crate) const CONFIG: &str = "seqformer-config/src/config/tests.rs";
    pub(crate) const FRONT_DOOR: &str = "seqformer-cli/tests/it/front_door.rs";
    pub(crate) const GOLDEN_TRAIN: &str = "seqformer/tests/it/golden_train.rs";
    pub(crate) const LR_SCHEDULE: &str = "seqformer-engine/src/lr_schedule.rs";
    pub(crate) const OPTIMIZER: &str = "seqformer-engine/src/optimizer/tests.rs";
    pub(crate) const PREDICTOR: &str = "seqformer-engine/src/predictor/tests.rs";
    pub(crate) const SAMPLER: &str = "seqformer-data/src/sampler/tests.rs";
    pub(crate) const STILL_TO_CLIP: &str = "seqformer-data/src/still_to_clip/tests.rs";
    pub(crate) const TRAIN: &str = "seqformer-cli/tests/it/train.rs";
}
