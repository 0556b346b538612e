//! `MODEL`: the network.

use super::backbone::BackboneSection;
use super::read::Reader;
use super::resnets::ResNetsSection;
use super::section::section;
use super::seqformer::SeqFormerSection;
use super::swin::SwinSection;
use crate::ConfigError;
use crate::spec::Shown::{By, Nowhere};
use crate::spec::tests_in::{CONFIG, FRONT_DOOR};

section! {
    /// `MODEL`.
    ///
    /// Means and deviations are for values of 0 to 255. Of `RESNETS` and `SWIN` only what is the backbone must be in
    /// order.
    pub struct ModelSection {
        _ = "MODEL.META_ARCHITECTURE" or "'GeneralizedRCNN'", architecture,
            "Name of the model; must be SeqFormer.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        device: String = "MODEL.DEVICE" or "'cuda'", device,
            "Device: cuda, cuda:1 or cpu.",
            By("seqformer-engine/tests/device.rs", "without_a_driver_cuda_is_an_error_and_auto_is_the_cpu");
        weights: String = "MODEL.WEIGHTS" or "''", Reader::path,
            "File with the initial weights; empty to start from scratch.",
            By(FRONT_DOOR, "weights_of_single_images_start_a_training_on_videos_and_what_is_missing_is_said");
        mask_on: bool = "MODEL.MASK_ON" or "False", Reader::bool,
            "Kept for the record; masks are always predicted.", Nowhere("has none");
        pixel_mean: [f64; 3] = "MODEL.PIXEL_MEAN" or "[103.53, 116.28, 123.675]", Reader::numbers,
            "Mean of each channel, in the order of INPUT.FORMAT.",
            By("seqformer/src/clip.rs", "frames_are_normalised_and_then_padded_with_zeros");
        pixel_std: [f64; 3] = "MODEL.PIXEL_STD" or "[1.0, 1.0, 1.0]", deviations,
            "Standard deviation of each channel, in the order of INPUT.FORMAT.",
            By("seqformer/src/clip.rs", "frames_are_normalised_and_then_padded_with_zeros");
        backbone: BackboneSection = "MODEL.BACKBONE", "Which backbone.";
        resnets: ResNetsSection = "MODEL.RESNETS", "The ResNet.";
        swin: SwinSection = "MODEL.SWIN", "The Swin Transformer.";
        seqformer: SeqFormerSection = "MODEL.SeqFormer", "All behind the backbone.";
    }
}

fn architecture(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if reader.text(key)? == "SeqFormer" {
        return Ok(());
    }
    let hint = "write META_ARCHITECTURE: SeqFormer under MODEL, the only model of this program";
    Err(reader.fail_hint(key, "'SeqFormer'", hint))
}

fn device(reader: &Reader<'_>, key: &str) -> Result<String, ConfigError> {
    let device = reader.text(key)?;
    let is_known = match device.strip_prefix("cuda:") {
        Some(index) => index.parse::<u16>().is_ok(),
        None => matches!(device.as_str(), "cuda" | "cpu"),
    };
    if is_known { Ok(device) } else { Err(reader.fail(key, r#""cuda", "cuda:0" or "cpu""#)) }
}

fn deviations(reader: &Reader<'_>, key: &str) -> Result<[f64; 3], ConfigError> {
    let deviations = reader.numbers(key)?;
    if deviations.iter().any(|deviation| *deviation <= 0.0) {
        return Err(reader.fail(key, "three numbers above 0"));
    }
    Ok(deviations)
}
