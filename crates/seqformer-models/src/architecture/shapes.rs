//! The complete list of the tensors that a network has.

use seqformer_checkpoint::key_map::Shapes;

use super::Architecture;
use super::backbone::Backbone;
use super::tensors::{BACKBONE, STAGES};

/// Hidden channels of the dynamic mask head (CondInst, section 3).
const DYNAMIC_CHANNELS: usize = 8;

/// All tensors of a network.
pub(super) fn of(network: &Architecture) -> Shapes {
    let mut list = List { shapes: Shapes::new(), prefix: BACKBONE };
    let outputs = match &network.backbone {
        Backbone::ResNet { .. } => list.resnet(&network.backbone),
        Backbone::Swin { .. } => list.swin(&network.backbone),
    };
    list.prefix = "detr.detr.";
    list.detector(network, outputs);
    list.prefix = "detr.";
    list.mask_head(network.hidden_dim);
    list.shapes
}

struct List {
    shapes: Shapes,
    prefix: &'static str,
}

impl List {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.shapes.insert(format!("{}{name}", self.prefix), shape.to_vec());
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs]);
        self.add(&format!("{name}.bias"), &[outputs]);
    }

    fn norm(&mut self, name: &str, channels: usize) {
        self.add(&format!("{name}.weight"), &[channels]);
        self.add(&format!("{name}.bias"), &[channels]);
    }

    fn conv(&mut self, name: &str, inputs: usize, outputs: usize, side: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs, side, side]);
        self.add(&format!("{name}.bias"), &[outputs]);
    }

    /// A convolution without bias, and a frozen batch normalisation.
    fn frozen(&mut self, name: &str, shape: [usize; 4]) {
        self.add(&format!("{name}.weight"), &shape);
        for part in ["weight", "bias", "running_mean", "running_var"] {
            self.add(&format!("{name}.norm.{part}"), &shape[..1]);
        }
    }

    /// Gives the channels of its stages.
    fn resnet(&mut self, backbone: &Backbone) -> [usize; STAGES] {
        let Backbone::ResNet {
            depth,
            num_groups,
            width_per_group,
            stem_out_channels,
            res2_out_channels,
        } = *backbone
        else {
            return [0; STAGES];
        };
        self.frozen("stem.conv1", [stem_out_channels, 3, 7, 7]);
        let blocks = match depth {
            18 => [2, 2, 2, 2],
            101 => [3, 4, 23, 3],
            152 => [3, 8, 36, 3],
            _ => [3, 4, 6, 3],
        };
        let mut inputs = stem_out_channels;
        for (stage, count) in blocks.into_iter().enumerate() {
            let outputs = res2_out_channels << stage;
            let width = (num_groups * width_per_group) << stage;
            for block in 0..count {
                let name = |part: &str| format!("res{}.{block}.{part}", stage + 2);
                if inputs != outputs {
                    self.frozen(&name("shortcut"), [outputs, inputs, 1, 1]);
                }
                if depth < 50 {
                    self.frozen(&name("conv1"), [outputs, inputs, 3, 3]);
                    self.frozen(&name("conv2"), [outputs, outputs, 3, 3]);
                } else {
                    self.frozen(&name("conv1"), [width, inputs, 1, 1]);
                    self.frozen(&name("conv2"), [width, width / num_groups, 3, 3]);
                    self.frozen(&name("conv3"), [outputs, width, 1, 1]);
                }
                inputs = outputs;
            }
        }
        [0, 1, 2, 3].map(|stage| res2_out_channels << stage)
    }

    /// Gives the channels of its stages.
    fn swin(&mut self, backbone: &Backbone) -> [usize; STAGES] {
        let Backbone::Swin {
            embed_dim,
            depths,
            num_heads,
            window_size,
            mlp_dim,
            qkv_bias,
            patch_norm,
            position_image_size,
        } = *backbone
        else {
            return [0; STAGES];
        };
        self.conv("patch_embed.proj", 3, embed_dim, 4);
        if patch_norm {
            self.norm("patch_embed.norm", embed_dim);
        }
        if let Some(size) = position_image_size {
            self.add("absolute_pos_embed", &[1, embed_dim, size / 4, size / 4]);
        }
        let tokens = window_size * window_size;
        for stage in 0..STAGES {
            let (channels, hidden) = (embed_dim << stage, mlp_dim << stage);
            for block in 0..depths[stage] {
                let name = |part: &str| format!("layers.{stage}.blocks.{block}.{part}");
                self.norm(&name("norm1"), channels);
                let offsets = (2 * window_size - 1).pow(2);
                self.add(&name("attn.relative_position_bias_table"), &[offsets, num_heads[stage]]);
                self.add(&name("attn.relative_position_index"), &[tokens, tokens]);
                self.add(&name("attn.qkv.weight"), &[3 * channels, channels]);
                if qkv_bias {
                    self.add(&name("attn.qkv.bias"), &[3 * channels]);
                }
                self.linear(&name("attn.proj"), channels, channels);
                self.norm(&name("norm2"), channels);
                self.linear(&name("mlp.fc1"), channels, hidden);
                self.linear(&name("mlp.fc2"), hidden, channels);
            }
            if stage + 1 < STAGES {
                let name = format!("layers.{stage}.downsample");
                self.add(&format!("{name}.reduction.weight"), &[2 * channels, 4 * channels]);
                self.norm(&format!("{name}.norm"), 4 * channels);
            }
            self.norm(&format!("norm{stage}"), channels);
        }
        [0, 1, 2, 3].map(|stage| embed_dim << stage)
    }

    fn detector(&mut self, network: &Architecture, stages: [usize; STAGES]) {
        let channels = network.hidden_dim;
        // The levels are res3 to res5, and more that are made of the last one.
        for level in 0..network.num_levels {
            let name = format!("input_proj.{level}");
            let coarser = if level == STAGES - 1 { stages[STAGES - 1] } else { channels };
            let (inputs, side) = stages.get(level + 1).map_or((coarser, 3), |inputs| (*inputs, 1));
            self.conv(&format!("{name}.0"), inputs, channels, side);
            self.norm(&format!("{name}.1"), channels);
        }
        self.add("transformer.level_embed", &[network.num_levels, channels]);
        self.linear("transformer.reference_points", channels, 2);
        self.add("query_embed.weight", &[network.num_queries, 2 * channels]);
        for i in 0..network.num_encoder_layers {
            let name = format!("transformer.encoder.layers.{i}");
            self.deformable(&format!("{name}.self_attn"), network, network.num_encoder_points);
            self.norm(&format!("{name}.norm1"), channels);
            self.feedforward(&name, "", network);
            self.norm(&format!("{name}.norm2"), channels);
        }
        for i in 0..network.num_decoder_layers {
            let name = format!("transformer.decoder.layers.{i}");
            self.deformable(&format!("{name}.cross_attn"), network, network.num_decoder_points);
            for kind in ["", "_box"] {
                self.add(
                    &format!("{name}.self_attn{kind}.in_proj_weight"),
                    &[3 * channels, channels],
                );
                self.add(&format!("{name}.self_attn{kind}.in_proj_bias"), &[3 * channels]);
                self.linear(&format!("{name}.self_attn{kind}.out_proj"), channels, channels);
                self.feedforward(&name, kind, network);
                for norm in ["norm1", "norm2", "norm3"] {
                    self.norm(&format!("{name}.{norm}{kind}"), channels);
                }
            }
            self.linear(&format!("{name}.time_attention_weights"), channels, 1);
            let head = format!("transformer.decoder.bbox_embed.{i}.layers");
            self.perceptron(&head, channels, 4);
            self.linear(&format!("class_embed.{i}"), channels, network.class_rows);
        }
    }

    /// Multi-scale deformable attention.
    fn deformable(&mut self, name: &str, network: &Architecture, points: usize) {
        let channels = network.hidden_dim;
        let samples = network.num_heads * network.num_levels * points;
        self.linear(&format!("{name}.sampling_offsets"), channels, 2 * samples);
        self.linear(&format!("{name}.attention_weights"), channels, samples);
        for part in ["value_proj", "output_proj", "output_proj_box"] {
            self.linear(&format!("{name}.{part}"), channels, channels);
        }
    }

    fn feedforward(&mut self, name: &str, kind: &str, network: &Architecture) {
        let (channels, hidden) = (network.hidden_dim, network.feedforward_dim);
        self.linear(&format!("{name}.linear1{kind}"), channels, hidden);
        self.linear(&format!("{name}.linear2{kind}"), hidden, channels);
    }

    fn perceptron(&mut self, name: &str, channels: usize, outputs: usize) {
        self.linear(&format!("{name}.0"), channels, channels);
        self.linear(&format!("{name}.1"), channels, channels);
        self.linear(&format!("{name}.2"), channels, outputs);
    }

    /// The mask branch, and the controller that gives each instance its three convolutions.
    fn mask_head(&mut self, channels: usize) {
        let (quarter, features) = (channels / 4, channels / 32);
        let weights = (features + 2 + DYNAMIC_CHANNELS + 1) * DYNAMIC_CHANNELS;
        let biases = 2 * DYNAMIC_CHANNELS + 1;
        self.perceptron("controller.layers", channels, weights + biases);
        self.conv("mask_head.lay1", channels, quarter, 3);
        self.conv("mask_head.lay2", quarter, features, 3);
        for name in ["lay3", "lay4", "dcn"] {
            self.conv(&format!("mask_head.{name}"), channels, channels, 3);
        }
    }
}
