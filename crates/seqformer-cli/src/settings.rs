//! The configuration of a run: the file, the pairs of the command line, and warnings about them.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seqformer_config::{CfgNode, Config, DeviceChoice, Origin, closest_key, ineffective_keys};
use seqformer_data::{Categories, DataError, read_categories};
use seqformer_models::WeightsConfig;

use crate::class_names::{self, Class};
use crate::output;

/// The only key whose value may be taken from the data.
const NUM_CLASSES: &str = "MODEL.SeqFormer.NUM_CLASSES";

/// ResNet-50 with 40 classes.
const RECIPE: &str = include_str!("../../../configs/base_ytvis.yaml");

/// A configuration as a tree and as typed settings.
#[derive(Debug)]
pub struct Settings {
    /// All keys, and where their values come from.
    pub node: CfgNode,
    /// The typed settings.
    pub config: Config,
    /// The weights that they follow from; nothing if they are from a file or the built-in recipe.
    pub of_weights: Option<WeightsConfig>,
}

impl Settings {
    /// Reads `file`, then applies the pairs.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and invalid keys or values.
    pub fn load(file: &Path, pairs: &[String]) -> Result<Self> {
        Self::load_or_recipe(Some(file), pairs)
    }

    /// Reads `file`, or the embedded recipe of YouTube-VIS 2019, then applies the pairs.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn load_or_recipe(file: Option<&Path>, pairs: &[String]) -> Result<Self> {
        let node = read_node(file, pairs)?;
        for key in ineffective_keys(&node) {
            tracing::warn!("{key} has no effect in this program");
        }
        let config = Config::try_from(&node)?;
        Self { node, config, of_weights: None }.with_own_classes()
    }

    /// Takes the configuration that follows from the weights, then applies the pairs.
    ///
    /// # Errors
    ///
    /// Weights that cannot be read or of which no configuration follows, and invalid keys or values.
    pub fn from_weights(weights: &Path, pairs: &[String]) -> Result<Self> {
        let of_weights = WeightsConfig::read(weights)?;
        let mut node = of_weights.node.clone();
        let before = ineffective_keys(&node);
        node.merge_from_list(pairs)?;
        for key in ineffective_keys(&node).iter().filter(|key| !before.contains(key)) {
            tracing::warn!("{key} has no effect in this program");
        }
        let config = Config::try_from(&node)?;
        Ok(Self { node, config, of_weights: Some(of_weights) })
    }

    /// Tells the user in one line what the configuration is, if it follows from weights.
    pub fn say_what_follows(&self, weights: &Path) {
        if let Some(found) = &self.of_weights {
            output::note(&format!("{}: {}", weights.display(), found.summary()));
        }
    }

    /// The classes of a prediction: those of `file`, or else those of the datasets of the configuration; nothing if only the
    /// weights can name them.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that has another number of classes.
    pub fn classes(&self, file: Option<&Path>) -> Result<Option<Vec<Class>>> {
        let num_classes = usize::try_from(self.config.model.seqformer.num_classes)?;
        if let Some(path) = file {
            return class_names::read(path, num_classes).map(Some);
        }
        let config = &self.config;
        let own = match &self.of_weights {
            None => own_categories(config)?,
            // Whatever has become of the files of the training, it does not matter here.
            Some(_) => own_categories(config).ok().flatten(),
        };
        let own = own.filter(|own| own.len() == num_classes);
        let own = own.map(|own| class_names::of_categories(&own));
        // They give the names in the weights their ids, and do not replace them.
        let stored = self.of_weights.as_ref().map_or(&[][..], |found| &found.classes);
        let agrees = |classes: &Vec<Class>| {
            stored.is_empty() || classes.iter().map(|class| &class.name).eq(stored)
        };
        let names = config.datasets.test.iter().chain(&config.datasets.train);
        let official = || class_names::of_datasets(names, num_classes).filter(agrees);
        Ok(own.filter(agrees).or_else(official))
    }

    /// Adapts the recipe to the number of processes of a training, if it was made for another number.
    ///
    /// # Errors
    ///
    /// If the recipe cannot be adapted.
    pub fn scale_to(&mut self, world_size: u32) -> Result<()> {
        if self.node.scale_to_world_size(world_size)? {
            self.config = Config::try_from(&self.node)?;
            tracing::warn!(
                "the recipe is adapted to {world_size} instead of SOLVER.REFERENCE_WORLD_SIZE devices: {} clips per \
                 batch, {} iterations",
                self.config.solver.ims_per_batch,
                self.config.solver.max_iter
            );
        }
        Ok(())
    }

    /// Takes the number of classes from a user's dataset, unless it is set explicitly.
    fn with_own_classes(mut self) -> Result<Self> {
        if self.node.origin(NUM_CLASSES).is_some_and(|origin| *origin != Origin::Default) {
            return Ok(self);
        }
        if let Some(categories) = own_categories(&self.config)? {
            let count = categories.len().to_string();
            self.node.merge_from_list(&[NUM_CLASSES.to_owned(), count])?;
            self.config = Config::try_from(&self.node)?;
        }
        Ok(self)
    }

    /// The device of the command line, or that of the configuration if it is set there.
    ///
    /// # Errors
    ///
    /// If the device of the configuration is invalid.
    pub fn device(&self, asked: Option<DeviceChoice>) -> Result<DeviceChoice> {
        if let Some(choice) = asked {
            return Ok(choice);
        }
        if self.node.origin("MODEL.DEVICE").is_none_or(|origin| *origin == Origin::Default) {
            return Ok(DeviceChoice::Auto);
        }
        self.config
            .model
            .device
            .parse()
            .map_err(|message: String| anyhow::anyhow!("MODEL.DEVICE: {message}"))
    }
}

/// Reads `file`, or the built-in recipe, then applies the pairs.
///
/// # Errors
///
/// If a file cannot be read, or a key or value is invalid.
pub fn read_node(file: Option<&Path>, pairs: &[String]) -> Result<CfgNode> {
    let mut node = CfgNode::defaults();
    match file {
        Some(file) => node.merge_from_file(file),
        None => node.merge_from_text(RECIPE, Path::new("configs/base_ytvis.yaml")),
    }
    .with_context(|| "the configuration cannot be used")?;
    node.merge_from_list(pairs)?;
    Ok(node)
}

/// The classes of the first dataset of `DATASETS.TRAIN`, or else of `DATASETS.TEST`, if it is a user's dataset whose
/// file exists.
///
/// # Errors
///
/// A file that is not an annotation file.
pub fn own_categories(config: &Config) -> Result<Option<Categories>, DataError> {
    let name = config.datasets.train.first().or(config.datasets.test.first());
    let own = name.and_then(|name| config.datasets.own(name)).filter(|own| own.json.is_file());
    own.map(|own| read_categories(&own.json)).transpose()
}

/// Splits positional arguments into inputs and `KEY VALUE` pairs.
///
/// # Errors
///
/// If there is no input before the first key, or one after it.
pub fn split_inputs(words: &[String]) -> Result<(&[String], &[String])> {
    let first_key = words.iter().position(|word| looks_like_key(word)).unwrap_or(words.len());
    let (inputs, pairs) = words.split_at(first_key);
    if inputs.is_empty() {
        bail!(
            "expected a folder of images or a video file before {}, which looks like a configuration key",
            words[0]
        );
    }
    // Keys and values alternate, so a file in the position of a key was given too late.
    let mut rest = pairs.iter();
    while let Some(word) = rest.next() {
        if Path::new(word).exists() && !word.contains('=') {
            bail!("{word}: inputs go before the KEY VALUE pairs, which start with {}", pairs[0]);
        }
        if !word.contains('=') {
            rest.next();
        }
    }
    Ok((inputs, pairs))
}

/// Extensions of videos and images.
const MEDIA: [&str; 26] = [
    "mp4", "m4v", "mov", "qt", "avi", "mkv", "webm", "flv", "f4v", "wmv", "mpg", "mpeg", "mts",
    "m2ts", "ts", "vob", "3gp", "ogv", "mxf", "gif", "jpg", "jpeg", "png", "webp", "bmp", "tif",
];

/// Whether this is a key such as `MODEL.WEIGHTS` or `SEED=1`, and not an existing file or the name of a missing one.
fn looks_like_key(word: &str) -> bool {
    let key = word.split_once('=').map_or(word, |(key, _)| key);
    let section = key.split_once('.').map_or(key, |(section, _)| section);
    let shouts = section.starts_with(|first: char| first.is_ascii_uppercase())
        && section.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if !shouts || key.contains(['/', '\\']) || Path::new(word).exists() {
        return false;
    }
    let defaults = CfgNode::defaults();
    let is_section = defaults.keys().iter().any(|known| known.split('.').next() == Some(section));
    if is_section || word.contains('=') {
        return true;
    }
    // An unknown section: a mistyped key, or a file that does not exist.
    let extension = key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_media = key.contains('.') && MEDIA.contains(&extension.as_str());
    key.contains('.') && !is_media && closest_key(key).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(words: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let (inputs, pairs) = split_inputs(&words).map_err(|error| error.to_string())?;
        Ok((inputs.to_vec(), pairs.to_vec()))
    }

    #[test]
    fn inputs_end_where_the_first_key_stands() {
        let cases: [(&[&str], usize); 11] = [
            (&["a.mp4"], 1),
            (&["a.mp4", "frames/", "MODEL.DEVICE", "cpu"], 2),
            (&["a.mp4", "SEED", "1"], 1),
            (&["a.mp4", "INPUT.MIN_SIZE_TEST=480"], 1),
            (&["a.mp4", "MODEL.SeqFormer.NUM_CLASES", "3"], 1),
            (&["a.mp4", "MODLE.DEVICE", "cpu"], 1),
            // Files that are not there, in capitals.
            (&["A.MP4", "SEED", "1"], 1),
            (&["GOOD.MP4", "CLIP.MP4"], 2),
            (&["CAM1/FRAMES", "CAM1/MODEL.MOV", "SEED", "1"], 2),
            (&["DSC_0001.XYZ"], 1),
            (&["FRAMES", "SEED=1"], 1),
        ];
        for (words, inputs) in cases {
            let (found, pairs) = split(words).unwrap();
            assert_eq!(found.len(), inputs, "{words:?}");
            assert_eq!(pairs.len(), words.len() - inputs, "{words:?}");
        }
    }

    #[test]
    fn keys_without_an_input_and_inputs_behind_keys_are_explained() {
        let message = split(&["MODEL.DEVICE", "cpu"]).unwrap_err();
        assert!(message.contains("before MODEL.DEVICE"), "{message}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let late = file.path().display().to_string();
        let message = split(&["a.mp4", "SEED", "1", &late]).unwrap_err();
        assert!(message.contains("inputs go before the KEY VALUE pairs"), "{message}");
        // The value of a key may be a file.
        assert!(split(&["a.mp4", "MODEL.WEIGHTS", &late]).is_ok());
    }
}
