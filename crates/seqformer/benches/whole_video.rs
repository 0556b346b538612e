//! Times whole-video inference of the full-size R50 network on the CPU.
//!
//! `cargo bench -p seqformer -- [FRAMES] [HEIGHT] [WIDTH] [bf16]` prints one JSON object: seconds per stage and
//! for the whole, the median of a few runs, and a second one of the parts of one push. Weights follow the common formula of the tests.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::time::Instant;

use seqformer::config::{BackboneConfig, ResNetConfig, TransformerConfig};
use seqformer::inference::{InferenceModel, SelectionRule, WholeVideo, final_masks, select};
use seqformer::{Precision, SeqFormer, SeqFormerConfig};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor, nn};

/// Frames that are encoded together.
const PART: i64 = 5;

fn r50() -> SeqFormerConfig {
    SeqFormerConfig {
        pixel_mean: [123.675, 116.28, 103.53],
        pixel_std: [58.395, 57.12, 57.375],
        backbone: BackboneConfig::ResNet(ResNetConfig {
            depth: 50,
            stem_out_channels: 64,
            res2_out_channels: 256,
            num_groups: 1,
            width_per_group: 64,
            stride_in_1x1: false,
            res5_dilation: 1,
            freeze_at: 2,
        }),
        transformer: TransformerConfig {
            hidden_dim: 256,
            num_heads: 8,
            num_encoder_layers: 6,
            num_decoder_layers: 6,
            feedforward_dim: 1024,
            dropout: 0.1,
            num_encoder_points: 4,
            num_decoder_points: 4,
        },
        num_classes: 40,
        num_queries: 300,
        query_groups: 1,
    }
}

/// Fills every parameter by the common formula.
fn fill(vs: &nn::VarStore) {
    let mut variables: Vec<_> = vs.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, mut variable) in variables {
        let values = seqformer_testing::common_weights(&name, &variable.size());
        let values = Tensor::from_slice(&values).view(variable.size().as_slice());
        tch::no_grad(|| variable.copy_(&values));
    }
}

fn main() {
    let numbers: Vec<i64> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let small = std::env::args().any(|text| text == "--test");
    let default = if small { [1, 32, 32] } else { [5, 360, 640] };
    let at = |index: usize| numbers.get(index).copied().unwrap_or(default[index]);
    let (frames, size) = (at(0), ImageSize::from_sides(at(1), at(2)).expect("sides of frames"));
    seqformer_ops::runtime::keep_freed_memory();
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &r50()).expect("the sizes make a network");
    fill(&vs);
    let bf16 = std::env::args().any(|text| text == "bf16");
    let model = model.prepare(vs, if bf16 { Precision::Bf16 } else { Precision::F32 });
    tch::manual_seed(0);
    let [height, width] = size.sides();
    let video = Tensor::randint(256, [frames, height, width, 3], (Kind::Uint8, Device::Cpu));
    let video = video.permute([0, 3, 1, 2]);
    let runs = if small { 1 } else { 5 };
    let mut times: Vec<[f64; 4]> =
        (0..runs + i32::from(!small)).map(|_| run(&model, &video, size)).collect();
    times.drain(..usize::from(!small));
    let median = |stage: usize| {
        let mut secs: Vec<f64> = times.iter().map(|times| times[stage]).collect();
        secs.sort_by(f64::total_cmp);
        secs[secs.len() / 2]
    };
    println!(
        "{{\"frames\": {frames}, \"height\": {}, \"width\": {}, \"threads\": {}, \"encode_secs\": {:.4}, \"decode_secs\": {:.4}, \"masks_secs\": {:.4}, \"total_secs\": {:.4}}}",
        size.height,
        size.width,
        tch::get_num_threads(),
        median(0),
        median(1),
        median(2),
        median(3)
    );
    let parts =
        stages(&model, &video.narrow(0, 0, frames.min(PART)), size, if small { 1 } else { 4 });
    let fields: Vec<String> =
        parts.iter().map(|(name, secs)| format!("\"{name}_secs\": {secs:.4}")).collect();
    println!("{{\"frames\": {}, {}}}", frames.min(PART), fields.join(", "));
}

/// Seconds of each part of the network for the frames of one push, the median of a few runs.
fn stages(
    model: &InferenceModel,
    frames: &Tensor,
    size: ImageSize,
    runs: usize,
) -> Vec<(&'static str, f64)> {
    let layout = model.token_layout(&[size]);
    let names = ["preprocess", "backbone", "project", "encode", "mask_features", "read_frames"];
    let mut times = vec![Vec::new(); names.len()];
    for _ in 0..runs {
        let mut start = Instant::now();
        let mut stage = 0;
        let mut stop = || {
            times[stage].push(start.elapsed().as_secs_f64());
            (stage, start) = (stage + 1, Instant::now());
        };
        tch::no_grad(|| {
            let images = model.preprocess(frames, size).expect("the frames have this size");
            stop();
            let features = model.backbone_features(&images);
            stop();
            let maps = model.project(&features);
            stop();
            let memory = model.encode(&maps, &layout, &mut |_| {});
            stop();
            drop(model.mask_features(&memory.get(0), &layout));
            stop();
            drop(model.read_frames(&memory, &layout));
            stop();
        });
    }
    let median = |mut secs: Vec<f64>| {
        secs.sort_by(f64::total_cmp);
        secs[secs.len() / 2]
    };
    names.into_iter().zip(times.into_iter().map(median)).collect()
}

/// Seconds of encoder, decoder and masks, and of all.
fn run(model: &InferenceModel, video: &Tensor, size: ImageSize) -> [f64; 4] {
    let start = Instant::now();
    let mut encoder = WholeVideo::new(model, size);
    for part in video.split(PART, 0) {
        encoder.push(&part).expect("the frames have the size of the video");
    }
    let encoded = start.elapsed().as_secs_f64();
    let decoded = encoder.decode().expect("there are frames");
    let rule = SelectionRule { max_queries: 10, class_threshold: Some(0.05) };
    let selection = select(&decoded.pred_logits(), rule);
    let decoded_at = start.elapsed().as_secs_f64();
    for part in 0..decoded.num_parts() {
        let logits = decoded.mask_logits(&selection.queries, part);
        for frame in 0..logits.size()[1] {
            drop(final_masks(&logits.select(1, frame), size, size));
        }
    }
    let total = start.elapsed().as_secs_f64();
    [encoded, decoded_at - encoded, total - decoded_at, total]
}
