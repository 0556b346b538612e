//! Times clip-matching inference of the full-size R50 network on the CPU.
//!
//! `cargo bench -p seqformer --bench clip_video -- [FRAMES] [HEIGHT] [WIDTH] [LENGTH] [STRIDE] [bf16]` prints one
//! JSON object: seconds per stage and for the whole, the median of a few runs. Frames arrive one by one.
//! Weights follow the common formula of the tests.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::time::Instant;

use seqformer::config::{BackboneConfig, ResNetConfig, TransformerConfig};
use seqformer::inference::{
    ClipPredictor, ClipRule, ClipTracker, FinishedFrame, InferenceModel, final_masks,
};
use seqformer::{Precision, SeqFormer, SeqFormerConfig};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor, nn};

/// Frames that are read before the network runs.
const FRAMES_AT_ONCE: i64 = 4;

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
    let default = if small { [3, 64, 64, 2, 1] } else { [10, 360, 640, 5, 1] };
    let at = |index: usize| numbers.get(index).copied().unwrap_or(default[index]);
    let (frames, size) = (at(0), ImageSize::from_sides(at(1), at(2)).expect("sides of frames"));
    let rule = ClipRule { length: at(3) as usize, stride: at(4) as usize, max_queries: 10 };
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
    let runs = if small { 1 } else { 3 };
    let mut times: Vec<Times> =
        (0..runs + i32::from(!small)).map(|_| run(&model, &video, size, rule)).collect();
    times.drain(..usize::from(!small));
    let median = |stage: fn(&Times) -> f64| {
        let mut secs: Vec<f64> = times.iter().map(stage).collect();
        secs.sort_by(f64::total_cmp);
        secs[secs.len() / 2]
    };
    println!(
        "{{\"frames\": {frames}, \"height\": {}, \"width\": {}, \"clip_length\": {}, \"clip_stride\": {}, \"threads\": {}, \"network_secs\": {:.4}, \"tracker_secs\": {:.4}, \"masks_secs\": {:.4}, \"total_secs\": {:.4}}}",
        size.height,
        size.width,
        rule.length,
        rule.stride,
        tch::get_num_threads(),
        median(|times| times.network),
        median(|times| times.tracker),
        median(|times| times.masks),
        median(|times| times.network + times.tracker + times.masks),
    );
}

/// Seconds of the network, the tracker, and the final masks.
#[derive(Default)]
struct Times {
    network: f64,
    tracker: f64,
    masks: f64,
}

fn run(model: &InferenceModel, video: &Tensor, size: ImageSize, rule: ClipRule) -> Times {
    let mut times = Times::default();
    let mut predictor = ClipPredictor::new(model, size, rule).expect("clips have frames");
    let mut tracker = ClipTracker::default();
    for part in video.split(FRAMES_AT_ONCE, 0) {
        predictor.push(&part).expect("the frames have the size of the video");
        run_clips(&mut predictor, &mut tracker, size, &mut times);
    }
    predictor.end().expect("there are frames");
    run_clips(&mut predictor, &mut tracker, size, &mut times);
    times
}

fn run_clips(
    predictor: &mut ClipPredictor<'_>,
    tracker: &mut ClipTracker,
    size: ImageSize,
    times: &mut Times,
) {
    let mut more = true;
    while more {
        let clip =
            timed(&mut times.network, || predictor.next_clip().expect("the frames can be encoded"));
        more = clip.is_some();
        let finished: Vec<FinishedFrame> = timed(&mut times.tracker, || {
            if let Some(clip) = &clip {
                tracker.update(clip);
            }
            tracker.finish_frames(predictor.first_needed())
        });
        timed(&mut times.masks, || {
            for frame in &finished {
                drop(final_masks(&frame.mask_logits, size, size));
            }
        });
    }
}

fn timed<T>(secs: &mut f64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *secs += start.elapsed().as_secs_f64();
    result
}
