//! Where a training starts: which network, with which weights, after which recipe.

use std::path::{Path, PathBuf};

use seqformer_checkpoint::key_map::Dialect;
use seqformer_checkpoint::weights::{Architecture as Named, Inspection, inspect};
use seqformer_config::{CfgNode, Config, ineffective_keys};
use seqformer_models::{Architecture, Facts, Outline};

use crate::InitError;

/// The recipe of YouTube-VIS 2019 with a ResNet-50.
const R50: (&str, &str) =
    (include_str!("../../../configs/base_ytvis.yaml"), "configs/base_ytvis.yaml");
/// The recipe of the small network, whose last stage has 192 pixels.
const SMALL: (&str, &str) =
    (include_str!("../../../configs/synth_small_128.yaml"), "configs/synth_small_128.yaml");

/// Keys that belong to a single run, and not to the recipe that it follows. So does everything in `DATASETS`.
const OF_A_RUN: [&str; 10] = [
    "MODEL.WEIGHTS",
    "MODEL.DEVICE",
    "OUTPUT_DIR",
    "SEED",
    "SOLVER.REFERENCE_WORLD_SIZE",
    "SOLVER.ACTIVATION_CHECKPOINTING",
    // Fast only with instructions for it.
    "SOLVER.AMP.ENABLED",
    "TEST.EXPECTED_RESULTS",
    "TEST.BEST_METRIC",
    "VERSION",
];

/// Channels of a head of a Swin Transformer.
const SWIN_HEAD_DIM: usize = 32;

/// The network of a training that starts from random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A quarter of the width and half of the layers; trains on a CPU.
    Small,
    /// ResNet-50 and the transformer of the paper.
    R50,
}

/// Weights to start from.
#[derive(Debug, Clone)]
pub struct Weights {
    /// What the configuration calls them: a path, a name or an address.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

/// What the initial weights were trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knows {
    /// A whole SeqFormer was trained before.
    Everything,
    /// The backbone was trained on images.
    Images,
    /// Nothing: all numbers are random.
    Nothing,
}

/// A recipe with its network, and what is known at the start.
#[derive(Debug, Clone)]
pub struct Start {
    /// The recipe, without anything that belongs to a single run.
    pub(crate) node: CfgNode,
    /// Clips of a batch in the recipe.
    pub reference_batch: usize,
    /// Its learning rate for such a batch.
    pub(crate) reference_rate: f64,
    /// The short edge in evaluation, in pixels.
    pub(crate) reference_edge: u32,
    /// Frames of a clip.
    pub(crate) num_frames: usize,
    /// Iterations of the warm-up.
    pub(crate) warmup: u64,
    /// Instance queries.
    pub(crate) num_queries: usize,
    /// The network in a few words.
    pub network: String,
    /// What the weights know.
    pub knows: Knows,
    /// The number of classes of a SeqFormer that was trained before.
    pub num_classes: Option<usize>,
}

impl Start {
    /// Starts from random numbers.
    ///
    /// # Errors
    ///
    /// None that can occur.
    pub fn random(network: Network) -> Result<Self, InitError> {
        let (recipe, name, more) = match network {
            Network::Small => (SMALL, "small network: ResNet-50 of a quarter of the width", "192"),
            Network::R50 => (R50, "ResNet-50", "360"),
        };
        let mut node = parsed(recipe)?;
        set(&mut node, &[("INPUT.MIN_SIZE_TEST", more)])?;
        set(&mut node, &FROM_RANDOM)?;
        Self::new(&node, name.to_owned(), Knows::Nothing, None)
    }

    /// Finds out what weights are of.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is of no network that can start a training.
    pub fn from_weights(file: &Path) -> Result<Self, InitError> {
        let outline = Outline::read(file)?;
        if Architecture::from_tensors(&outline).is_err() {
            return Self::from_backbone(file);
        }
        let facts = Facts::read(file)?;
        let classes = Some(facts.network.num_classes);
        let mut node = facts.config()?;
        set(&mut node, &[("MODEL.RESNETS.CALIBRATE_NORM", "False")])?;
        Self::new(&node, facts.network.to_string(), Knows::Everything, classes)
    }

    /// Takes the recipe of the whole network around a backbone that was trained on images.
    fn from_backbone(file: &Path) -> Result<Self, InitError> {
        let Inspection { architecture, dialect, .. } = inspect(file)?;
        let unknown =
            || InitError::Weights { path: file.to_path_buf(), found: dialect.to_string() };
        let named = architecture.ok_or_else(unknown)?;
        let mut node = parsed(R50)?;
        set(&mut node, &[("MODEL.RESNETS.CALIBRATE_NORM", "True")])?;
        let mut settings = backbone_settings(&named);
        if dialect == Dialect::Caffe2 {
            settings.extend(caffe2_input(&named));
        }
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        set(&mut node, &settings)?;
        Self::new(&node, named.to_string(), Knows::Images, None)
    }

    fn new(
        node: &CfgNode,
        network: String,
        knows: Knows,
        num_classes: Option<usize>,
    ) -> Result<Self, InitError> {
        let node = without_run(node)?;
        let config = Config::try_from(&node)?;
        Ok(Self {
            reference_batch: config.solver.ims_per_batch,
            reference_rate: config.solver.base_lr,
            reference_edge: config.input.min_size_test,
            num_frames: config.input.sampling_frame_num,
            warmup: config.solver.warmup_iters,
            num_queries: usize::try_from(config.model.seqformer.num_queries).unwrap_or(0),
            node,
            network,
            knows,
            num_classes,
        })
    }
}

/// From random numbers the whole backbone has to learn, its statistics are computed, and a warm-up is needed.
const FROM_RANDOM: [(&str, &str); 5] = [
    ("MODEL.BACKBONE.FREEZE_AT", "0"),
    ("MODEL.RESNETS.CALIBRATE_NORM", "True"),
    ("SOLVER.BACKBONE_MULTIPLIER", "1.0"),
    ("SOLVER.WARMUP_FACTOR", "0.05"),
    ("SOLVER.WARMUP_ITERS", "200"),
];

fn parsed((text, name): (&str, &str)) -> Result<CfgNode, InitError> {
    let mut node = CfgNode::defaults();
    node.merge_from_text(text, Path::new(name))?;
    Ok(node)
}

/// Sets keys to values as the command line has them.
pub(crate) fn set(node: &mut CfgNode, pairs: &[(&str, &str)]) -> Result<(), InitError> {
    let words = pairs.iter().flat_map(|(key, value)| [(*key).to_owned(), (*value).to_owned()]);
    Ok(node.merge_from_list(&words.collect::<Vec<_>>())?)
}

/// Leaves out what belongs to a single run, and what has no effect.
fn without_run(node: &CfgNode) -> Result<CfgNode, InitError> {
    let mut recipe = CfgNode::defaults();
    let ineffective = ineffective_keys(node);
    for key in recipe.keys() {
        let is_left_out = OF_A_RUN.contains(&key.as_str())
            || key.starts_with("DATASETS.")
            || ineffective.contains(&key);
        if let (false, Some(value)) = (is_left_out, node.get(&key)) {
            set(&mut recipe, &[(&key, &value.to_string())])?;
        }
    }
    Ok(recipe)
}

/// The input that backbones of Caffe2 were trained on: blue first, and plain ResNets not divided by a deviation.
fn caffe2_input(named: &Named) -> Vec<(&'static str, String)> {
    let is_resnext = matches!(named, Named::ResNet { groups, .. } if *groups > 1);
    let std = if is_resnext { "[57.375, 57.12, 58.395]" } else { "[1.0, 1.0, 1.0]" };
    let stride = if is_resnext { "False" } else { "True" };
    vec![
        ("INPUT.FORMAT", "BGR".to_owned()),
        ("MODEL.PIXEL_MEAN", "[103.53, 116.28, 123.675]".to_owned()),
        ("MODEL.PIXEL_STD", std.to_owned()),
        ("MODEL.RESNETS.STRIDE_IN_1X1", stride.to_owned()),
    ]
}

/// The keys of a backbone that was found by its shapes.
fn backbone_settings(named: &Named) -> Vec<(&'static str, String)> {
    match named {
        Named::ResNet { depth, groups, width_per_group } => {
            let res2 = if *depth < 50 { "64" } else { "256" };
            vec![
                ("MODEL.BACKBONE.NAME", "build_resnet_backbone".to_owned()),
                ("MODEL.RESNETS.DEPTH", depth.to_string()),
                ("MODEL.RESNETS.NUM_GROUPS", groups.to_string()),
                ("MODEL.RESNETS.WIDTH_PER_GROUP", width_per_group.to_string()),
                ("MODEL.RESNETS.RES2_OUT_CHANNELS", res2.to_owned()),
            ]
        }
        Named::Swin { embed_dim, depths, window_size } => {
            let heads: Vec<usize> =
                (0..depths.len()).map(|stage| (embed_dim << stage) / SWIN_HEAD_DIM).collect();
            vec![
                ("MODEL.BACKBONE.NAME", "D2SwinTransformer".to_owned()),
                ("MODEL.SWIN.EMBED_DIM", embed_dim.to_string()),
                ("MODEL.SWIN.DEPTHS", format!("{depths:?}")),
                ("MODEL.SWIN.NUM_HEADS", format!("{heads:?}")),
                ("MODEL.SWIN.WINDOW_SIZE", window_size.to_string()),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use seqformer_config::Value;

    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/synth_small/model.safetensors")
    }

    #[test]
    fn weights_bring_their_network_but_no_run() {
        let start = Start::from_weights(&shipped()).unwrap();
        assert_eq!((start.knows, start.num_classes), (Knows::Everything, Some(6)));
        // The recipe is the configuration that they carry.
        assert_eq!((start.reference_batch, start.reference_rate), (6, 0.0003));
        assert_eq!((start.reference_edge, start.num_frames), (192, 2));
        let value = |key| start.node.get(key).cloned();
        assert_eq!(value("MODEL.SeqFormer.HIDDEN_DIM"), Some(Value::Int(128)));
        assert_eq!(value("MODEL.RESNETS.CALIBRATE_NORM"), Some(Value::Bool(false)));
        let defaults = CfgNode::defaults();
        for key in OF_A_RUN.into_iter().chain(["DATASETS.TRAIN", "DATASETS.TEST"]) {
            assert_eq!(start.node.get(key), defaults.get(key), "{key}");
        }
    }

    #[test]
    fn random_numbers_leave_nothing_frozen() {
        for network in [Network::Small, Network::R50] {
            let start = Start::random(network).unwrap();
            assert_eq!(start.node.get("MODEL.BACKBONE.FREEZE_AT"), Some(&Value::Int(0)));
            assert_eq!(start.knows, Knows::Nothing);
        }
    }

    #[test]
    fn a_file_without_a_network_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.pth");
        std::fs::write(&file, "notes").unwrap();
        let said = Start::from_weights(&file).unwrap_err().to_string();
        assert!(said.contains("notes.pth"), "{said}");
    }
}
