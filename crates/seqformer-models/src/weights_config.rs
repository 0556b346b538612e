//! The configuration that follows from weights alone: the one that they were trained with, or the recipe of the network that
//! their tensors are of.

use std::path::Path;

use seqformer_checkpoint::key_map::Dialect;
use seqformer_checkpoint::{Provenance, StateDict, read};
use seqformer_config::{CfgNode, Config};

use crate::{Architecture, Backbone, ModelsError, Outline};

/// The recipe of YouTube-VIS 2019, for all that weights do not say.
const RECIPE: &str = include_str!("../../../configs/base_ytvis.yaml");
/// Its name in messages.
const RECIPE_NAME: &str = "configs/base_ytvis.yaml";
/// Channels of a Swin-L, whose recipe has larger frames (`configs/swin_ytvis.yaml`).
const SWIN_L_CHANNELS: usize = 192;
/// Keys of a training that say nothing of its model.
const OF_THE_RUN: [&str; 3] = ["MODEL.WEIGHTS", "MODEL.DEVICE", "OUTPUT_DIR"];

/// A configuration that follows from weights.
#[derive(Debug, Clone)]
pub struct WeightsConfig {
    /// All keys. Those that belong to a run rather than to its model have their defaults: `MODEL.WEIGHTS`, `MODEL.DEVICE`
    /// and `OUTPUT_DIR`.
    pub node: CfgNode,
    /// Where it is from.
    pub origin: ConfigOrigin,
    /// The network; nothing if the file has its configuration, and tensors besides those of the network.
    pub network: Option<Architecture>,
    /// The names of the classes in the file; empty if it has none.
    pub classes: Vec<String>,
    /// Whose names the tensors have.
    dialect: Dialect,
}

/// Where the configuration of weights is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOrigin {
    /// The file has the configuration of its training.
    Stored,
    /// The network follows from the tensors, and everything else is the recipe of this dataset.
    Recipe(RecipeData),
}

/// The datasets whose recipes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipeData {
    /// YouTube-VIS 2019.
    Ytvis2019,
    /// OVIS.
    Ovis,
    /// Images of COCO.
    Coco,
}

impl RecipeData {
    /// The dataset with this number of classes; networks with another number follow the recipe of YouTube-VIS.
    fn of(num_classes: usize) -> Self {
        match num_classes {
            25 => Self::Ovis,
            80 => Self::Coco,
            _ => Self::Ytvis2019,
        }
    }

    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ytvis2019 => "YouTube-VIS 2019",
            Self::Ovis => "OVIS",
            Self::Coco => "COCO",
        }
    }

    /// What its recipe changes in that of YouTube-VIS 2019, for predictions (`configs/bases/ovis.yaml`,
    /// `configs/bases/coco.yaml`).
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ytvis2019 => &[],
            Self::Ovis => &[
                ("DATASETS.TRAIN", "['ytvis_ovis_train']"),
                ("DATASETS.TEST", "['ytvis_ovis_val']"),
            ],
            Self::Coco => &[
                ("INPUT.MIN_SIZE_TEST", "800"),
                ("INPUT.MAX_SIZE_TEST", "1333"),
                ("DATASETS.TRAIN", "['coco_2017_train']"),
                ("DATASETS.TEST", "['coco_2017_val']"),
            ],
        }
    }
}

impl WeightsConfig {
    /// Reads a weight file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, the configuration in it is of another program, or its tensors are of no whole SeqFormer.
    pub fn read(path: &Path) -> Result<Self, ModelsError> {
        Self::of(&read(path)?, path)
    }

    fn of(state: &StateDict, path: &Path) -> Result<Self, ModelsError> {
        let Provenance { config, classes, .. } = Provenance::of(state);
        let outline = Outline::of(state);
        let network = Architecture::from_tensors(&outline);
        let dialect = outline.dialect;
        if let Some(text) = config {
            let node = stored(&text, path)?;
            let (origin, network) = (ConfigOrigin::Stored, network.ok());
            return Ok(Self { node, origin, network, classes, dialect });
        }
        let network = network.map_err(|error| ModelsError::Unusable {
            path: path.to_path_buf(),
            what: format!(
                "{error}; if they are right, give their configuration with --config-file"
            ),
        })?;
        let (mut node, data) = inferred(&network, dialect)?;
        node.reset(&OF_THE_RUN);
        let (origin, network) = (ConfigOrigin::Recipe(data), Some(network));
        Ok(Self { node, origin, network, classes, dialect })
    }

    /// What was found, and from where, in one line: to be shown behind the name of the file.
    pub fn summary(&self) -> String {
        let network = self.network.as_ref().map_or_else(
            || "a network that only its configuration describes".to_owned(),
            ToString::to_string,
        );
        let size = Config::try_from(&self.node).map_or(0, |config| config.input.min_size_test);
        let ConfigOrigin::Recipe(data) = self.origin else {
            return format!("{network}; shorter side {size}; configuration stored in the file");
        };
        let mut summary = format!(
            "{network}, from the shapes of its tensors; shorter side {size} and thresholds of the recipe for {}",
            data.name()
        );
        if self.may_be_ytvis_2021() {
            summary.push_str(", and its classes (--classes ytvis_2021 for those of 2021, of which there are as many)");
        }
        summary
    }

    /// Whether the classes of YouTube-VIS 2019 are a guess: those of 2021 are as many. The original repository has trained
    /// on 2019 alone.
    fn may_be_ytvis_2021(&self) -> bool {
        let num_classes = self.network.as_ref().map(|network| network.num_classes);
        self.classes.is_empty() && num_classes == Some(40) && self.dialect == Dialect::VNext
    }
}

/// The configuration of a training without what belongs to its machine.
fn stored(text: &str, path: &Path) -> Result<CfgNode, ModelsError> {
    let mut node = CfgNode::defaults();
    let read = node.merge_from_text(text, path).map(|()| node.reset(&OF_THE_RUN));
    read.map_err(|error| ModelsError::Unusable {
        path: path.to_path_buf(),
        what: format!(
            "a configuration that this version cannot read: {error}; give one with --config-file"
        ),
    })?;
    if Config::try_from(&node).is_err() {
        // A path of the data may name a variable that only the machine of the training has.
        node.reset(&["DATASETS."]);
    }
    Ok(node)
}

/// The recipe of a network, and of which dataset it is.
pub(crate) fn inferred(
    network: &Architecture,
    dialect: Dialect,
) -> Result<(CfgNode, RecipeData), ModelsError> {
    let data = RecipeData::of(network.num_classes);
    let mut node = CfgNode::defaults();
    node.merge_from_text(RECIPE, Path::new(RECIPE_NAME))?;
    let of_network = network.settings().into_iter().map(|setting| (setting.key, setting.value));
    let mut settings: Vec<(&str, String)> = of_network.collect();
    if dialect == Dialect::Original {
        // For every backbone (`configs/bases/original_videos.yaml`).
        settings.push(("INPUT.MAX_SIZE_TEST", "640".to_owned()));
    } else if matches!(network.backbone, Backbone::Swin { embed_dim: SWIN_L_CHANNELS, .. }) {
        settings.push(("INPUT.MIN_SIZE_TEST", "480".to_owned()));
    }
    settings.extend(data.settings().iter().map(|(key, value)| (*key, (*value).to_owned())));
    let pairs: Vec<String> =
        settings.into_iter().flat_map(|(key, value)| [key.to_owned(), value]).collect();
    node.merge_from_list(&pairs)?;
    Ok((node, data))
}

#[cfg(test)]
mod tests;
