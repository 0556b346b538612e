//! A folder as the Hub expects it: weights, configuration and card.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::weights::{TargetDialect, TargetPrecision, convert};
use seqformer_files::{OutputError, Outputs, TemporaryFolder};

use crate::ModelsError;
use crate::card::{CARD, card};
use crate::facts::Facts;

/// The names in such a folder.
const WEIGHTS: &str = "model.safetensors";
const CONFIG_JSON: &str = "config.json";
const CONFIG_YAML: &str = "config.yaml";

/// What a person says of a model.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// What it is called [default: the name of the folder or file].
    pub name: Option<String>,
    /// An identifier of the Hub, such as `apache-2.0` [default: `other`].
    pub licence: Option<String>,
}

/// Writes a folder from the folder of a training, or from a weight file; it appears when all is in it.
///
/// A card that is in the folder of the training is the beginning of the new one.
///
/// # Errors
///
/// If something of this name is there, the model cannot be read (see [`Facts::read`]), or the folder cannot be written.
pub fn push_folder(from: &Path, output: &Path, about: &About) -> Result<Facts, ModelsError> {
    let mut outputs = Outputs::new(false);
    outputs.add_input(from);
    outputs.claim(output).map_err(|error| match error {
        OutputError::Exists { output } => ModelsError::FolderExists { path: output },
        other => other.into(),
    })?;
    let mut facts = Facts::read(from)?;
    if let Some(parent) = output.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(ModelsError::io(parent))?;
    }
    let folder = TemporaryFolder::beside(output).map_err(ModelsError::io(output))?;
    let weights = folder.path().join(WEIGHTS);
    convert(&facts.weights, &weights, TargetDialect::VNext, TargetPrecision::Keep)?;
    // Class heads of the original repository have other rows now.
    let converted = Facts::read(&weights)?;
    facts.network = converted.network;
    if let Some(name) = &about.name {
        facts.name.clone_from(name);
    }
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        let written = seqformer_files::replace(&path, |file| file.write_all(text.as_bytes()));
        written.map_err(ModelsError::io(&path))
    };
    write(CONFIG_JSON, &format!("{:#}\n", facts.config_json()?))?;
    write(CONFIG_YAML, &facts.config()?.dump())?;
    let earlier = if from.is_dir() { read_card(&from.join(CARD))? } else { None };
    write(CARD, &card(earlier.as_deref(), &facts, about.licence.as_deref())?)?;
    std::fs::rename(folder.path(), output).map_err(ModelsError::io(output))?;
    folder.keep();
    Ok(facts)
}

/// Writes or updates the card of a training in its folder.
///
/// # Errors
///
/// If the model cannot be read (see [`Facts::read`]), or the card cannot be read, updated or written.
pub fn write_card(run: &Path, about: &About) -> Result<PathBuf, ModelsError> {
    if !run.is_dir() {
        let what = "expected the folder of a training, with its config.yaml".to_owned();
        return Err(ModelsError::Unusable { path: run.to_path_buf(), what });
    }
    let mut facts = Facts::read(run)?;
    if let Some(name) = &about.name {
        facts.name.clone_from(name);
    }
    let path = run.join(CARD);
    let earlier = read_card(&path)?;
    let text = card(earlier.as_deref(), &facts, about.licence.as_deref())?;
    if earlier.as_ref() != Some(&text) {
        seqformer_files::replace(&path, |file| file.write_all(text.as_bytes()))
            .map_err(ModelsError::io(&path))?;
    }
    Ok(path)
}

fn read_card(path: &Path) -> Result<Option<String>, ModelsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ModelsError::io(path)(error)),
    }
}
