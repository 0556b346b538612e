//! `INPUT.CUTOUTS`.

use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::{self, By};

const CLIPS: &str = "seqformer-data/src/cutout_clip/tests.rs";
const COMPOSED: Shown =
    By(CLIPS, "composed_clips_have_the_share_and_the_cut_outs_that_were_asked_for");
/// The most cut-outs of a clip.
const MAX_OBJECTS: i64 = 50;

section! {
    /// `INPUT.CUTOUTS`: clips of images in which objects of other images move.
    pub struct CutoutsSection {
        probability: f64 = "INPUT.CUTOUTS.PROBABILITY" or "0.0", probability,
            "The probability that a clip of an image shows objects of other images of the dataset, cut out and moving \
             in front of it, each with a path, a size and an occlusion of its own, instead of views of the image. \
             Frames are chosen by SAMPLING_*, and the crop does not apply.",
            COMPOSED;
        objects: [usize; 2] = "INPUT.CUTOUTS.OBJECTS" or "(1, 4)", objects,
            "Minimum and maximum number of such objects in a clip.", COMPOSED;
    }
}

fn probability(reader: &Reader<'_>, key: &str) -> Result<f64, ConfigError> {
    let probability = reader.float(key)?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(reader.fail(key, "a probability from 0 to 1"));
    }
    if probability > 0.0 && reader.text("INPUT.DATA_PATH")? == "original" {
        let why =
            "the original repository has no such clips; write DATA_PATH: vnext, or PROBABILITY: 0";
        return Err(reader.fail_hint(key, "0 with DATA_PATH original", why));
    }
    Ok(probability)
}

fn objects(reader: &Reader<'_>, key: &str) -> Result<[usize; 2], ConfigError> {
    let [low, high] = reader.integers(key)?;
    if low < 1 || low > high || high > MAX_OBJECTS {
        return Err(reader.fail(key, "two whole numbers from 1 to 50, the smaller one first"));
    }
    Ok([low, high].map(|count| count as usize))
}
