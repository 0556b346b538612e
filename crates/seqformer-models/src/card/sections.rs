//! The parts of a card that the program writes.

use std::fmt::Write as _;

use seqformer_config::Config;
use seqformer_logs::MetricsRecord;
use serde_json::Value;

use crate::facts::{CONFIG, Facts};

/// What a validation measures, as it is shown.
const SCORES: [&str; 8] = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10"];

/// A part of the card that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// Its name in the marks.
    pub(super) name: &'static str,
    /// Its lines, heading included.
    pub(super) text: String,
}

/// Entries of the front matter, each as it stands behind its key and colon.
pub(super) fn metadata(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut entries = vec![
        ("library_name", " seqformer".to_owned()),
        ("pipeline_tag", " image-segmentation".to_owned()),
        ("tags", "\n- video-instance-segmentation\n- seqformer".to_owned()),
    ];
    if let Some((scores, data)) = facts.scores.as_ref().zip(datasets(facts, "TEST")) {
        let mut index = format!(
            "\n- name: {}\n  results:\n  - task:\n      type: image-segmentation\n      name: Video instance \
             segmentation\n    dataset:\n      type: custom\n      name: {}\n    metrics:",
            quoted(&facts.name),
            quoted(&data)
        );
        for (name, value) in shown(scores) {
            let line = format!("\n    - type: {name}\n      name: {name}\n      value: {value:.1}");
            index.push_str(&line);
        }
        entries.push(("model-index", index));
    }
    entries
}

/// The parts of the card that are ours.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    let sections = [
        ("model", Some(about_model(facts))),
        ("training", about_training(facts)),
        ("metrics", about_scores(facts)),
        ("use", Some(about_use(facts))),
    ];
    let section =
        |(name, text): (&'static str, Option<String>)| Some(Section { name, text: text? });
    sections.into_iter().filter_map(section).collect()
}

fn about_model(facts: &Facts) -> String {
    let mut text = format!("## Model\n\n- Network: {}\n", facts.network);
    if facts.trained_with.is_none() {
        let _written = writeln!(text, "- Assumed: {}", facts.network.assumptions().join("; "));
    }
    if facts.classes.is_empty() {
        text.push_str("- Classes: their names are not in the weights\n");
    } else {
        let _written = writeln!(text, "- Classes: {}", facts.classes.join(", "));
    }
    for published in &facts.may_be {
        let (id, training) = (published.id, published.training);
        let _written = writeln!(
            text,
            "- Tensors as in {id} of <https://github.com/wjf5203/SeqFormer> ({training}); whether it is that model was \
             not verified"
        );
    }
    text
}

/// The names of the datasets of `DATASETS.TRAIN` or `DATASETS.TEST`, without their folders.
fn datasets(facts: &Facts, which: &str) -> Option<String> {
    let config = Config::try_from(facts.trained_with.as_ref()?).ok()?;
    let names = if which == "TRAIN" { config.datasets.train } else { config.datasets.test };
    (!names.is_empty())
        .then(|| names.iter().map(|name| last_parts(name)).collect::<Vec<_>>().join(", "))
}

fn about_training(facts: &Facts) -> Option<String> {
    let node = facts.trained_with.as_ref()?;
    let config = Config::try_from(node).ok()?;
    let solver = &config.solver;
    let data = datasets(facts, "TRAIN").unwrap_or_else(|| "none named".to_owned());
    let start = match config.model.weights.as_str() {
        "" => "random weights".to_owned(),
        weights => last_parts(weights),
    };
    Some(format!(
        "## Training\n\n- Data: {data}\n- Started from: {start}\n- {} iterations of {} clips with {} frames, learning rate \
         {}\n- The whole configuration is `{CONFIG}`; the same training again:\n\n```\nseqformer train --config-file \
         {CONFIG}\n```\n",
        solver.max_iter, solver.ims_per_batch, config.input.sampling_frame_num, solver.base_lr
    ))
}

fn about_scores(facts: &Facts) -> Option<String> {
    let scores = facts.scores.as_ref()?;
    let shown = shown(scores);
    if shown.is_empty() {
        return None;
    }
    let (names, values): (Vec<&str>, Vec<String>) =
        shown.iter().map(|(name, value)| (*name, format!("{value:.1}"))).unzip();
    let data = datasets(facts, "TEST").unwrap_or_else(|| "the validation videos".to_owned());
    Some(format!(
        "## Metrics\n\nOn {data}, after {} iterations, in per cent, by `seqformer`'s own evaluation:\n\n| {} |\n|{}\n| {} \
         |\n",
        scores.iteration + 1,
        names.join(" | "),
        " --- |".repeat(names.len()),
        values.join(" | ")
    ))
}

fn about_use(facts: &Facts) -> String {
    format!(
        "## Use\n\n```\nseqformer models pull hf://ORG/REPO --name {name}\nseqformer predict --config-file {CONFIG} \
         --weights {name} --output found video.mp4\n```\n\n`{CONFIG}` is in this repository. The weights are safetensors: \
         nothing in them is run.\n",
        name = facts.name
    )
}

/// The scores of a validation, without those that it does not have.
fn shown(record: &MetricsRecord) -> Vec<(&'static str, f64)> {
    let value = |score: &str| {
        let of_task = |task: &str| {
            let name = format!("{task}{score}");
            record.values.iter().find(|(known, value)| *known == name && value.is_finite())
        };
        of_task("segm/").map(|(_, value)| *value)
    };
    SCORES.into_iter().filter_map(|score| Some((score, value(score)?))).collect()
}

/// The end of a path, which says what it is of without the folders of a machine; names stay as they are.
fn last_parts(path: &str) -> String {
    let parts: Vec<&str> = path.rsplit('/').take(2).collect();
    if path.contains("://") {
        path.to_owned()
    } else {
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    }
}

/// A text as YAML has it, which reads JSON's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
