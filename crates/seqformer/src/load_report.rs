//! The result of loading a checkpoint into a network, and explanations of mismatches.

use std::fmt::Write as _;

/// Maximum number of names listed of each kind.
const LISTED: usize = 8;

/// The result of loading a checkpoint into a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters and buffers that were loaded.
    pub loaded: usize,
    /// In the network, not in the file.
    pub missing: Vec<String>,
    /// In the file, not in the network.
    pub unexpected: Vec<String>,
    /// In both, in different shapes.
    pub wrong_shape: Vec<WrongShape>,
}

/// A parameter that has another shape in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongShape {
    /// The parameter.
    pub name: String,
    /// Its shape in the network.
    pub expected: Vec<i64>,
    /// Its shape in the file.
    pub found: Vec<i64>,
}

impl LoadReport {
    /// Whether every parameter was loaded and nothing was left over.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.wrong_shape.is_empty()
    }
}

/// Describes the mismatches in a few lines, with their probable cause.
pub(crate) fn describe_mismatch(report: &LoadReport) -> String {
    let mut text = "the weights do not belong to this model".to_owned();
    if let Some(hint) = hint(report) {
        let _ = write!(text, ": {hint}");
    }
    let list = |text: &mut String, title: &str, names: Vec<String>| {
        if names.is_empty() {
            return;
        }
        let _ = write!(
            text,
            "\n  {title} ({}): {}",
            names.len(),
            names[..names.len().min(LISTED)].join(", ")
        );
        if names.len() > LISTED {
            let _ = write!(text, ", … and {} more", names.len() - LISTED);
        }
    };
    list(&mut text, "missing", report.missing.clone());
    list(&mut text, "unexpected", report.unexpected.clone());
    let shapes = report.wrong_shape.iter().map(|wrong| {
        format!("{}: expected {:?}, found {:?}", wrong.name, wrong.expected, wrong.found)
    });
    list(&mut text, "of another shape", shapes.collect());
    text
}

/// The usual reasons for a mismatch.
fn hint(report: &LoadReport) -> Option<String> {
    let classes =
        report.wrong_shape.iter().find(|wrong| wrong.name.starts_with("detr.detr.class_embed."));
    if let Some(wrong) = classes {
        let (found, expected) = (wrong.found.first()?, wrong.expected.first()?);
        return Some(format!(
            "they have {found} classes and the config {expected}; set MODEL.SeqFormer.NUM_CLASSES {found}, or use the weights' own config"
        ));
    }
    let has = |names: &[String], prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    if has(&report.unexpected, "detr.backbone.0.body.")
        || has(&report.unexpected, "detr.transformer.")
    {
        return Some(
            "they have the names of the original SeqFormer repository, not those of VNext"
                .to_owned(),
        );
    }
    if !has(&report.unexpected, "detr.") && report.missing.len() > 100 {
        return Some("this is probably a checkpoint of another kind of model".to_owned());
    }
    let layers = "detr.detr.backbone.0.backbone.layers.";
    if has(&report.unexpected, layers) {
        return Some("they have a Swin backbone and the config a ResNet".to_owned());
    }
    let deeper = "detr.detr.backbone.0.backbone.res";
    let depth = "their ResNet has another depth or width; see MODEL.RESNETS in the config";
    let names = [&report.unexpected, &report.missing];
    names.into_iter().any(|names| has(names, deeper)).then(|| depth.to_owned())
}
