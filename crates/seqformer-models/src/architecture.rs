//! The network that weights are of: all that a configuration says of it, from names and shapes alone.
//!
//! The names are those of VNext `projects/SeqFormer`; the network is its `models/seqformer.py`,
//! `deformable_transformer.py` and `segmentation_condInst.py`.

mod backbone;
mod config;
mod shapes;
mod tensors;

use std::fmt;

use seqformer_checkpoint::key_map::Dialect;

use crate::Outline;
pub use backbone::Backbone;
use tensors::Tensors;

/// Heads of every published model.
const USUAL_HEADS: usize = 8;
/// Points of every published model.
const USUAL_POINTS: usize = 4;
/// Rows of the class head that have a class, by the rows that there are: the original repository counts from 1 and has one
/// row more than it uses, and for COCO it has a row for each id up to 90.
const ORIGINAL_CLASSES: [(usize, usize); 2] = [(42, 40), (91, 80)];

/// A SeqFormer.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The image network.
    pub backbone: Backbone,
    /// Channels of the transformer.
    pub hidden_dim: usize,
    /// Attention heads; see [`Architecture::assumptions`].
    pub num_heads: usize,
    /// Feature levels.
    pub num_levels: usize,
    /// Sampling points for each head and level in the encoder.
    pub num_encoder_points: usize,
    /// The same in the decoder.
    pub num_decoder_points: usize,
    /// Encoder layers.
    pub num_encoder_layers: usize,
    /// Decoder layers.
    pub num_decoder_layers: usize,
    /// Hidden channels of the feed-forward layers.
    pub feedforward_dim: usize,
    /// Instance queries.
    pub num_queries: usize,
    /// Rows of the class head.
    pub class_rows: usize,
    /// Rows of it that belong to a class.
    pub num_classes: usize,
}

/// Why tensors are of no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchitectureError {
    /// They are of something else.
    #[error(
        "expected weights of a whole SeqFormer, found those of {0}; they can start a training (MODEL.WEIGHTS), and cannot \
         predict"
    )]
    OtherModel(Dialect),
    /// A tensor that every SeqFormer has, or that the others ask for.
    #[error("tensor {tensor:?}: expected one of this name, found none; the file is incomplete")]
    Missing {
        /// Its name.
        tensor: String,
    },
    /// A tensor that does not go with the others.
    #[error(
        "tensor {tensor:?}: expected {expected}, found {found:?}; the file was put together from several networks"
    )]
    Contradicts {
        /// Its name.
        tensor: String,
        /// The shape that the others ask for.
        expected: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A tensor that no SeqFormer has.
    #[error("tensor {tensor:?}: expected none of this name; the file is of another network")]
    Unexpected {
        /// Its name.
        tensor: String,
    },
    /// A ResNet of no known depth.
    #[error(
        "expected a ResNet of 18, 34, 50, 101 or 152 layers, found {blocks:?} blocks in res2 to res5"
    )]
    UnknownDepth {
        /// Blocks of the four stages.
        blocks: [usize; 4],
    },
}

/// A key of the configuration and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The full key.
    pub key: &'static str,
    /// Its value, as a configuration has it.
    pub value: String,
}

/// `KEY = value`
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)
    }
}

impl Architecture {
    /// Finds the network to which exactly these tensors belong.
    ///
    /// # Errors
    ///
    /// If there is none; the error names the tensor that does not go with the others.
    pub fn from_tensors(outline: &Outline) -> Result<Self, ArchitectureError> {
        if !matches!(outline.dialect, Dialect::VNext | Dialect::Original) {
            return Err(ArchitectureError::OtherModel(outline.dialect));
        }
        let tensors = Tensors(&outline.shapes);
        let [num_levels, hidden_dim] = tensors.sides("detr.detr.transformer.level_embed")?;
        let [num_queries, _] = tensors.sides("detr.detr.query_embed.weight")?;
        let [class_rows, _] = tensors.sides("detr.detr.class_embed.0.weight")?;
        let layers = |kind: &str| {
            tensors.count(|i| format!("detr.detr.transformer.{kind}.layers.{i}.linear1.weight"))
        };
        let [feedforward_dim, _] =
            tensors.sides("detr.detr.transformer.encoder.layers.0.linear1.weight")?;
        let per_level = |kind: &str| {
            let name = format!("detr.detr.transformer.{kind}.attention_weights.weight");
            let [rows, inputs] = tensors.sides(&name)?;
            let contradicts = move || ArchitectureError::Contradicts {
                tensor: name.clone(),
                expected: format!("rows for each of {num_levels} levels"),
                found: vec![rows, inputs],
            };
            if rows == 0 || num_levels == 0 || rows % num_levels != 0 {
                return Err(contradicts());
            }
            Ok((rows / num_levels, contradicts))
        };
        let (in_encoder, _) = per_level("encoder.layers.0.self_attn")?;
        let (in_decoder, contradicts) = per_level("decoder.layers.0.cross_attn")?;
        let num_heads = heads(in_encoder, in_decoder, hidden_dim).ok_or_else(contradicts)?;
        let of_original = ORIGINAL_CLASSES
            .iter()
            .find(|(rows, _)| *rows == class_rows && outline.dialect == Dialect::Original);
        let found = Self {
            backbone: Backbone::from_tensors(tensors)?,
            hidden_dim,
            num_heads,
            num_levels,
            num_encoder_points: in_encoder / num_heads,
            num_decoder_points: in_decoder / num_heads,
            num_encoder_layers: layers("encoder"),
            num_decoder_layers: layers("decoder"),
            feedforward_dim,
            num_queries,
            class_rows,
            num_classes: of_original.map_or(class_rows, |(_, classes)| *classes),
        };
        tensors.compare_with(&found.shapes())?;
        Ok(found)
    }

    /// The names and shapes of all its tensors, in the names of VNext, the box heads under their first name.
    pub fn shapes(&self) -> seqformer_checkpoint::key_map::Shapes {
        shapes::of(self)
    }

    /// What a configuration says of this network, for [`seqformer_config::CfgNode::merge_from_list`].
    pub fn settings(&self) -> Vec<Setting> {
        let number = |key, value: usize| Setting { key, value: value.to_string() };
        let mut settings = self.backbone.settings();
        settings.extend([
            number("MODEL.SeqFormer.NUM_CLASSES", self.num_classes),
            number("MODEL.SeqFormer.HIDDEN_DIM", self.hidden_dim),
            number("MODEL.SeqFormer.NHEADS", self.num_heads),
            number("MODEL.SeqFormer.NUM_FEATURE_LEVELS", self.num_levels),
            number("MODEL.SeqFormer.ENC_N_POINTS", self.num_encoder_points),
            number("MODEL.SeqFormer.DEC_N_POINTS", self.num_decoder_points),
            number("MODEL.SeqFormer.ENC_LAYERS", self.num_encoder_layers),
            number("MODEL.SeqFormer.DEC_LAYERS", self.num_decoder_layers),
            number("MODEL.SeqFormer.DIM_FEEDFORWARD", self.feedforward_dim),
            number("MODEL.SeqFormer.NUM_OBJECT_QUERIES", self.num_queries),
        ]);
        settings
    }

    /// What the shapes leave open, and how it was decided: as all published models have it.
    pub fn assumptions(&self) -> Vec<String> {
        let (heads, points) = (self.num_heads, self.num_encoder_points);
        let mut assumptions = vec![format!(
            "{heads} heads of {points} points: the shapes give their product alone, {}",
            heads * points
        )];
        assumptions.extend(self.backbone.assumptions());
        assumptions.push("frames in RGB, normalised as for ImageNet".to_owned());
        assumptions
    }
}

/// The number of heads, from heads times points in the encoder and in the decoder.
fn heads(in_encoder: usize, in_decoder: usize, hidden_dim: usize) -> Option<usize> {
    let fits = |heads: &usize| {
        *heads > 0 && [in_encoder, in_decoder, hidden_dim].iter().all(|number| number % heads == 0)
    };
    [USUAL_HEADS, in_encoder / USUAL_POINTS].into_iter().find(fits)
}

/// In one line, as in `ResNet-50, 6 + 6 layers of 256 channels, 300 queries, 40 classes`.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} + {} layers of {} channels, {} queries, {} classes",
            self.backbone,
            self.num_encoder_layers,
            self.num_decoder_layers,
            self.hidden_dim,
            self.num_queries,
            self.num_classes
        )
    }
}

#[cfg(test)]
mod tests;
