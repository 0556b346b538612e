//! Every key with its default and its meaning: the one source of both.
//!
//! Sources: detectron2 0.6 `detectron2/config/defaults.py`, VNext
//! `projects/SeqFormer/seqformer/config.py`.

mod checked_by;
mod detectron2;
mod own;

pub use own::OWN_KEYS;

/// A key, its default, and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// The full key.
    pub key: &'static str,
    /// The default, as a Python literal.
    pub default: &'static str,
    /// One sentence of meaning; empty for a key that is accepted but has no effect.
    pub doc: &'static str,
}

impl KeySpec {
    const fn new(key: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self { key, default, doc }
    }

    /// Whether this program uses the key.
    pub const fn has_effect(&self) -> bool {
        !self.doc.is_empty()
    }
}

/// All keys: first those that have an effect, then those that are only accepted.
pub const KEYS: &[&[KeySpec]] = &[USED, detectron2::UNUSED];

const USED: &[KeySpec] = &[
    KeySpec::new("VERSION", "2", "Version of the names of the keys."),
    KeySpec::new("OUTPUT_DIR", "'./output'", "Folder for logs, checkpoints and results."),
    KeySpec::new("SEED", "-1", "Seed of all randomness; negative draws a new one."),
    KeySpec::new(
        "CUDNN_BENCHMARK",
        "False",
        "Lets cuDNN try several algorithms and keep the fastest.",
    ),
    KeySpec::new(
        "MODEL.META_ARCHITECTURE",
        "'GeneralizedRCNN'",
        "Name of the model; must be SeqFormer.",
    ),
    KeySpec::new("MODEL.DEVICE", "'cuda'", "Device: cuda, cuda:1 or cpu."),
    KeySpec::new(
        "MODEL.WEIGHTS",
        "''",
        "File with the initial weights; empty to start from scratch.",
    ),
    KeySpec::new("MODEL.MASK_ON", "False", "Kept for the record; masks are always predicted."),
    KeySpec::new(
        "MODEL.PIXEL_MEAN",
        "[103.53, 116.28, 123.675]",
        "Mean of each channel, in the order of INPUT.FORMAT.",
    ),
    KeySpec::new(
        "MODEL.PIXEL_STD",
        "[1.0, 1.0, 1.0]",
        "Standard deviation of each channel, in the order of INPUT.FORMAT.",
    ),
    KeySpec::new(
        "MODEL.BACKBONE.NAME",
        "'build_resnet_backbone'",
        "Backbone: build_resnet_backbone or D2SwinTransformer.",
    ),
    KeySpec::new(
        "MODEL.BACKBONE.FREEZE_AT",
        "2",
        "Stages of a ResNet that are not trained: 0 none, 1 the stem, 2 also res2, up to 5.",
    ),
    KeySpec::new(
        "MODEL.RESNETS.CALIBRATE_NORM",
        "False",
        "Layers of the backbone that MODEL.WEIGHTS lacks, or all without it: takes their frozen statistics from the first training clips.",
    ),
    KeySpec::new("MODEL.RESNETS.DEPTH", "50", "Layers: 18, 34, 50, 101 or 152."),
    KeySpec::new(
        "MODEL.RESNETS.OUT_FEATURES",
        "['res4']",
        "Output maps; must be res2, res3, res4 and res5.",
    ),
    KeySpec::new("MODEL.RESNETS.NUM_GROUPS", "1", "Groups of the 3x3 convolutions (ResNeXt)."),
    KeySpec::new("MODEL.RESNETS.NORM", "'FrozenBN'", "Normalisation; only FrozenBN is supported."),
    KeySpec::new("MODEL.RESNETS.WIDTH_PER_GROUP", "64", "Channels of one group in res2."),
    KeySpec::new(
        "MODEL.RESNETS.STRIDE_IN_1X1",
        "True",
        "Strides in the first 1x1 convolution of a block, not in its 3x3.",
    ),
    KeySpec::new("MODEL.RESNETS.RES5_DILATION", "1", "Dilation of res5: 1 or 2."),
    KeySpec::new(
        "MODEL.RESNETS.RES2_OUT_CHANNELS",
        "256",
        "Output channels of res2, doubled with every stage.",
    ),
    KeySpec::new("MODEL.RESNETS.STEM_OUT_CHANNELS", "64", "Output channels of the stem."),
    KeySpec::new(
        "MODEL.RESNETS.DEFORM_ON_PER_STAGE",
        "[False, False, False, False]",
        "Deformable convolutions in res2 to res5; not supported.",
    ),
    KeySpec::new(
        "MODEL.SWIN.PRETRAIN_IMG_SIZE",
        "224",
        "Side of the images of the pre-training in pixels; sizes the position embedding.",
    ),
    KeySpec::new("MODEL.SWIN.PATCH_SIZE", "4", "Side of a patch in pixels; must be 4."),
    KeySpec::new(
        "MODEL.SWIN.EMBED_DIM",
        "96",
        "Channels of the first stage, doubled with every stage.",
    ),
    KeySpec::new("MODEL.SWIN.DEPTHS", "[2, 2, 6, 2]", "Blocks in each stage."),
    KeySpec::new("MODEL.SWIN.NUM_HEADS", "[3, 6, 12, 24]", "Attention heads in each stage."),
    KeySpec::new("MODEL.SWIN.WINDOW_SIZE", "7", "Side of an attention window in tokens."),
    KeySpec::new(
        "MODEL.SWIN.MLP_RATIO",
        "4.0",
        "Hidden channels of the feed-forward layers over their channels.",
    ),
    KeySpec::new("MODEL.SWIN.QKV_BIAS", "True", "Biases in the query, key and value projections."),
    KeySpec::new(
        "MODEL.SWIN.QK_SCALE",
        "None",
        "Scale of the queries; None for one over the root of the head's channels.",
    ),
    KeySpec::new("MODEL.SWIN.DROP_RATE", "0.0", "Dropout of the features."),
    KeySpec::new("MODEL.SWIN.ATTN_DROP_RATE", "0.0", "Dropout of the attention weights."),
    KeySpec::new(
        "MODEL.SWIN.DROP_PATH_RATE",
        "0.3",
        "Rate of skipped residual branches in the last block, rising linearly from 0.",
    ),
    KeySpec::new("MODEL.SWIN.APE", "False", "Adds a learned absolute position embedding."),
    KeySpec::new("MODEL.SWIN.PATCH_NORM", "True", "Normalises after the patch embedding."),
    KeySpec::new(
        "MODEL.SWIN.OUT_FEATURES",
        "['res2', 'res3', 'res4', 'res5']",
        "Output maps; must be res2, res3, res4 and res5.",
    ),
    KeySpec::new(
        "MODEL.SWIN.USE_CHECKPOINT",
        "False",
        "Recomputes activations in the backward pass to save memory.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.NUM_CLASSES",
        "80",
        "Number of classes: 40 for YouTube-VIS, 25 for OVIS.",
    ),
    KeySpec::new("MODEL.SeqFormer.MASK_WEIGHT", "2.0", "Weight of the focal loss of the masks."),
    KeySpec::new("MODEL.SeqFormer.DICE_WEIGHT", "5.0", "Weight of the dice loss of the masks."),
    KeySpec::new(
        "MODEL.SeqFormer.GIOU_WEIGHT",
        "2.0",
        "Weight of the generalised IoU loss of the boxes.",
    ),
    KeySpec::new("MODEL.SeqFormer.L1_WEIGHT", "5.0", "Weight of the L1 loss of the boxes."),
    KeySpec::new("MODEL.SeqFormer.CLASS_WEIGHT", "2.0", "Weight of the focal loss of the classes."),
    KeySpec::new(
        "MODEL.SeqFormer.DEEP_SUPERVISION",
        "True",
        "Losses after every decoder layer, not only after the last.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.MASK_STRIDE",
        "4",
        "Stride of the predicted masks in pixels; must be 4.",
    ),
    KeySpec::new("MODEL.SeqFormer.FOCAL_ALPHA", "0.25", "Alpha of the focal loss of the classes."),
    KeySpec::new("MODEL.SeqFormer.SET_COST_CLASS", "2", "Cost of the class in the matcher."),
    KeySpec::new("MODEL.SeqFormer.SET_COST_BOX", "5", "Cost of the box distance in the matcher."),
    KeySpec::new(
        "MODEL.SeqFormer.SET_COST_GIOU",
        "2",
        "Cost of the generalised IoU in the matcher.",
    ),
    KeySpec::new("MODEL.SeqFormer.NHEADS", "8", "Attention heads of the transformer."),
    KeySpec::new("MODEL.SeqFormer.DROPOUT", "0.1", "Dropout of the transformer."),
    KeySpec::new(
        "MODEL.SeqFormer.DIM_FEEDFORWARD",
        "1024",
        "Hidden channels of the feed-forward layers.",
    ),
    KeySpec::new("MODEL.SeqFormer.ENC_LAYERS", "6", "Encoder layers."),
    KeySpec::new("MODEL.SeqFormer.DEC_LAYERS", "6", "Decoder layers."),
    KeySpec::new(
        "MODEL.SeqFormer.HIDDEN_DIM",
        "256",
        "Channels of the transformer; a multiple of 32 and of NHEADS.",
    ),
    KeySpec::new("MODEL.SeqFormer.NUM_OBJECT_QUERIES", "300", "Instance queries."),
    KeySpec::new(
        "MODEL.SeqFormer.DEC_N_POINTS",
        "4",
        "Sampling points per head and level in the decoder.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.ENC_N_POINTS",
        "4",
        "Sampling points per head and level in the encoder.",
    ),
    KeySpec::new("MODEL.SeqFormer.NUM_FEATURE_LEVELS", "4", "Feature levels; must be 4."),
    KeySpec::new(
        "MODEL.SeqFormer.DROP_ABSENT",
        "False",
        "Leaves out instances that no frame of a clip shows; the reference trains on them as class 0.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.MULTI_CLS_ON",
        "True",
        "One result for each class above APPLY_CLS_THRES, not only for the best class.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.APPLY_CLS_THRES",
        "0.05",
        "Threshold of MULTI_CLS_ON; scores must be above it.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.RESULT_RULE",
        "'vnext'",
        "How results are made of a video: vnext takes the 10 best queries with all classes above APPLY_CLS_THRES and \
         enlarges masks in two steps; original, with which the published numbers were made, takes the 10 best pairs \
         of query and class, enlarges masks in one step, and leaves out instances without a pixel.",
    ),
    KeySpec::new(
        "MODEL.SeqFormer.CLIP_MATCHING",
        "False",
        "Infers overlapping clips and joins them, not the whole video at once.",
    ),
    KeySpec::new("MODEL.SeqFormer.CLIP_LENGTH", "5", "Frames of a clip of CLIP_MATCHING."),
    KeySpec::new(
        "MODEL.SeqFormer.CLIP_STRIDE",
        "1",
        "Frames between the starts of two clips of CLIP_MATCHING.",
    ),
    KeySpec::new("INPUT.SAMPLING_FRAME_NUM", "1", "Frames of a training clip."),
    KeySpec::new(
        "INPUT.SAMPLING_FRAME_RANGE",
        "10",
        "How far a frame may lie from the first chosen one.",
    ),
    KeySpec::new("INPUT.SAMPLING_INTERVAL", "1", "Distance between the candidate frames."),
    KeySpec::new("INPUT.SAMPLING_FRAME_SHUFFLE", "False", "Shuffles the frames of a clip."),
    KeySpec::new(
        "INPUT.AUGMENTATIONS",
        "[]",
        "Any of brightness, contrast, saturation and rotation.",
    ),
    KeySpec::new(
        "INPUT.MIN_SIZE_TRAIN",
        "(800,)",
        "Short edges to choose from in training, in pixels.",
    ),
    KeySpec::new(
        "INPUT.MIN_SIZE_TRAIN_SAMPLING",
        "'choice'",
        "How the short edge is drawn: choice, range, choice_by_clip or range_by_clip.",
    ),
    KeySpec::new("INPUT.MAX_SIZE_TRAIN", "1333", "Limit of the long edge in training, in pixels."),
    KeySpec::new(
        "INPUT.MIN_SIZE_TEST",
        "800",
        "Short edge in evaluation, in pixels; 0 does not resize.",
    ),
    KeySpec::new("INPUT.MAX_SIZE_TEST", "1333", "Limit of the long edge in evaluation, in pixels."),
    KeySpec::new(
        "INPUT.RANDOM_FLIP",
        "'horizontal'",
        "Flips: none, horizontal, vertical or flip_by_clip.",
    ),
    KeySpec::new("INPUT.CROP.ENABLED", "False", "Crops at random in training."),
    KeySpec::new(
        "INPUT.CROP.TYPE",
        "'relative_range'",
        "What SIZE means: relative_range, relative, absolute or absolute_range.",
    ),
    KeySpec::new("INPUT.CROP.SIZE", "[0.9, 0.9]", "Size of the crop, in pixels or as fractions."),
    KeySpec::new("INPUT.FORMAT", "'BGR'", "Channel order: RGB or BGR."),
    KeySpec::new(
        "INPUT.COCO_PRETRAIN",
        "False",
        "Trains on pseudo-clips alone: several views of one image in place of the frames of a video.",
    ),
    KeySpec::new(
        "INPUT.PAD_TO_BATCH",
        "True",
        "Pads training clips to the largest of the whole batch, so that neither SOLVER.MICRO_BATCH_SIZE nor the number \
         of processes changes a number; off: to the largest of those that go through the network together, as the \
         reference does on several GPUs.",
    ),
    KeySpec::new(
        "INPUT.PRETRAIN_SAME_CROP",
        "False",
        "All views of a pseudo-clip are the same; otherwise each has a flip and a crop of its own.",
    ),
    KeySpec::new(
        "INPUT.PRETRAIN_TYPE",
        "'v1'",
        "How pseudo-clips are made: v1 flips and crops, coco2seq also warps, shifts, turns and blurs.",
    ),
    KeySpec::new("DATASETS.TRAIN", "()", "Names of the datasets to train on."),
    KeySpec::new("DATASETS.TEST", "()", "Names of the datasets to evaluate on."),
    KeySpec::new(
        "DATASETS.DATASET_RATIO",
        "[]",
        "Share of each dataset of TRAIN in the samples; empty gives every record the same chance.",
    ),
    KeySpec::new(
        "DATASETS.CATEGORY_MAP",
        "[]",
        "Pairs of category ids, from the images of a joint training to the first dataset of TRAIN; empty takes \
         the table from COCO, or equal names.",
    ),
    KeySpec::new("DATALOADER.NUM_WORKERS", "4", "Loading threads for each device."),
    KeySpec::new(
        "DATALOADER.ASPECT_RATIO_GROUPING",
        "True",
        "Batches hold wide clips only, or tall clips only.",
    ),
    KeySpec::new(
        "DATALOADER.FILTER_EMPTY_ANNOTATIONS",
        "True",
        "Skips videos without annotations.",
    ),
    KeySpec::new(
        "DATALOADER.SAMPLER_TRAIN",
        "'TrainingSampler'",
        "Order of the records: TrainingSampler, or RepeatFactorTrainingSampler, which repeats those with rare \
         classes.",
    ),
    KeySpec::new(
        "DATALOADER.REPEAT_THRESHOLD",
        "0.0",
        "Classes in a smaller share of the records are repeated by RepeatFactorTrainingSampler.",
    ),
    KeySpec::new("SOLVER.OPTIMIZER", "'ADAMW'", "Optimizer: ADAMW or SGD."),
    KeySpec::new(
        "SOLVER.LR_SCHEDULER_NAME",
        "'WarmupMultiStepLR'",
        "Schedule: WarmupMultiStepLR or WarmupCosineLR.",
    ),
    KeySpec::new("SOLVER.MAX_ITER", "40000", "Iterations of the whole training."),
    KeySpec::new("SOLVER.BASE_LR", "0.001", "Learning rate."),
    KeySpec::new("SOLVER.BASE_LR_END", "0.0", "Last learning rate of WarmupCosineLR."),
    KeySpec::new(
        "SOLVER.BACKBONE_MULTIPLIER",
        "0.1",
        "Factor of the learning rate of the backbone.",
    ),
    KeySpec::new("SOLVER.MOMENTUM", "0.9", "Momentum of SGD."),
    KeySpec::new("SOLVER.WEIGHT_DECAY", "0.0001", "Weight decay of all parameters."),
    KeySpec::new("SOLVER.GAMMA", "0.1", "Factor of the learning rate at each of STEPS."),
    KeySpec::new("SOLVER.STEPS", "(30000,)", "Iterations after which the learning rate drops."),
    KeySpec::new(
        "SOLVER.WARMUP_FACTOR",
        "0.001",
        "Share of the learning rate at the start of the warm-up.",
    ),
    KeySpec::new("SOLVER.WARMUP_ITERS", "1000", "Iterations of the warm-up."),
    KeySpec::new("SOLVER.WARMUP_METHOD", "'linear'", "Course of the warm-up: linear or constant."),
    KeySpec::new("SOLVER.CHECKPOINT_PERIOD", "5000", "Iterations between two checkpoints."),
    KeySpec::new(
        "SOLVER.KEEP_CHECKPOINTS",
        "0",
        "How many of the newest periodic checkpoints stay on disk; 0 keeps all.",
    ),
    KeySpec::new("SOLVER.IMS_PER_BATCH", "16", "Clips in a batch, over all devices."),
    KeySpec::new(
        "SOLVER.MICRO_BATCH_SIZE",
        "0",
        "Clips that go through the network at once, their gradients added up; 0 for the whole batch.",
    ),
    KeySpec::new(
        "SOLVER.ACTIVATION_CHECKPOINTING",
        "()",
        "Parts of which training keeps only the inputs of each layer, to run it again for the gradients: \
         backbone, encoder, decoder. Needs less memory and more time, and changes no number.",
    ),
    KeySpec::new(
        "SOLVER.REFERENCE_WORLD_SIZE",
        "0",
        "Number of devices that the other settings are meant for; 0 does not adapt them.",
    ),
    KeySpec::new("SOLVER.CLIP_GRADIENTS.ENABLED", "False", "Limits the gradients."),
    KeySpec::new(
        "SOLVER.CLIP_GRADIENTS.CLIP_TYPE",
        "'value'",
        "What is limited: full_model, value or norm.",
    ),
    KeySpec::new("SOLVER.CLIP_GRADIENTS.CLIP_VALUE", "1.0", "The limit."),
    KeySpec::new("SOLVER.CLIP_GRADIENTS.NORM_TYPE", "2.0", "The p of the norm of CLIP_TYPE norm."),
    KeySpec::new(
        "SOLVER.SAMPLING_MULTIPLIER",
        "1.0",
        "Factor of the learning rate of sampling offsets and reference points; 0.1 in the original repository.",
    ),
    KeySpec::new("SOLVER.AMP.ENABLED", "False", "Trains in mixed precision."),
    KeySpec::new(
        "TEST.BEST_METRIC",
        "''",
        "The score that chooses model_best.pth, by its name in metrics.json; empty for the AP of the first dataset of \
         DATASETS.TEST.",
    ),
    KeySpec::new(
        "TEST.EXPECTED_RESULTS",
        "[]",
        "Results that an evaluation, also that after a training, must reach: lists of task, metric, value and \
         tolerance. Of several datasets, NAME/segm is a task of one; segm alone is one of the first.",
    ),
    KeySpec::new(
        "TEST.EVAL_PERIOD",
        "0",
        "Iterations between two evaluations; 0 evaluates only after training.",
    ),
];

/// The one section whose names the user chooses: a dataset each.
pub const CUSTOM_DATASETS: &str = "DATASETS.CUSTOM";

/// What each entry of [`CUSTOM_DATASETS`] has.
pub const CUSTOM_DATASET_FIELDS: &[KeySpec] = &[
    KeySpec::new("json", "''", "The annotation file."),
    KeySpec::new(
        "image_root",
        "''",
        "The folder that its file names are relative to; empty looks beside the annotation file.",
    ),
    KeySpec::new("type", "'ytvis'", "The format: ytvis for videos, coco for images."),
];

/// The words of the last column.
fn tested(key: &str) -> String {
    if let Some((file, test)) = checked_by::test_of(key) {
        let name = file.split('/').next().unwrap_or_default();
        return format!("{name}: {}", test.replace('_', " "));
    }
    let unchecked = checked_by::UNCHECKED.iter().find(|(known, _)| *known == key);
    unchecked.map(|(_, why)| (*why).to_owned()).unwrap_or_default()
}

/// Writes all keys with their defaults and meanings, as Markdown.
pub fn reference_page() -> String {
    use std::fmt::Write as _;
    let mut page = String::from(
        "# Configuration keys\n\n\
         Every key of detectron2 0.6 and of SeqFormer is accepted; `seqformer config --keys` prints this page, and \
         `seqformer config --config-file FILE` the values that a file comes to. Values are Python literals; a whole \
         number is taken where a number is wanted. In paths, `~`, `~user`, `$NAME` and `${NAME}` are filled in.\n\n\
         ## Keys with an effect\n\nThe last column names the test that shows it, and its crate.\n\n\
         | key | default | meaning | tested |\n|---|---|---|---|\n",
    );
    let cell = |text: &str| text.replace('|', "\\|");
    for spec in KEYS.iter().copied().flatten().filter(|spec| spec.has_effect()) {
        let (key, default, doc) = (spec.key, cell(spec.default), cell(spec.doc));
        let _always = writeln!(page, "| `{key}` | `{default}` | {doc} | {} |", tested(key));
    }
    page += "\n## Datasets of your own\n\n\
         Each entry of `DATASETS.CUSTOM` has a name, which `DATASETS.TRAIN` and `DATASETS.TEST` then use. Its classes \
         are those of the annotation file, and `MODEL.SeqFormer.NUM_CLASSES` follows from them unless it is written \
         down.\n\n| field | default | meaning |\n|---|---|---|\n";
    for field in CUSTOM_DATASET_FIELDS {
        let _always = writeln!(
            page,
            "| `{CUSTOM_DATASETS}.NAME.{}` | `{}` | {} |",
            field.key, field.default, field.doc
        );
    }
    page += "\n```yaml\nDATASETS:\n  CUSTOM:\n    street:\n      json: street/annotations.json\n      \
             image_root: street/frames\n      type: ytvis\n  TRAIN: [street]\n```\n\n\
             ## Keys without an effect\n\n\
             These are accepted so that files written for detectron2 load; one that is set to another value than its \
             default gives a warning.\n\n| key | default |\n|---|---|\n";
    for spec in KEYS.iter().copied().flatten().filter(|spec| !spec.has_effect()) {
        let _always = writeln!(page, "| `{}` | `{}` |", spec.key, cell(spec.default));
    }
    page
}

#[cfg(test)]
mod tests;
