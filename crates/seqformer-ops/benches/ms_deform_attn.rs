//! Times multi-scale deformable attention at encoder scale: frames of 360x640, all tokens as queries.
//!
//! `cargo bench -p seqformer-ops -- [FRAMES]` prints one JSON object. Its bound is a plain read of as many bytes as
//! the forward pass gathers. The inputs are those of the
//! PyTorch benchmark: locations around each token's centre with a spread of two cells.
//!
//! `forward_backward` is given a dense gradient of the output, as the product behind attention gives it in a network.
//! `forward_backward_of_sum` starts from a sum, whose gradient is one number for all: making it dense is part of that time,
//! and no network does it.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::time::Instant;

use seqformer_ops::{
    FeatureLevels, LevelSize, PredictedPoints, ms_deform_attn, ms_deform_attn_at_offsets,
    reference, runtime,
};
use tch::{Device, Kind, Tensor};

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);
const HEADS: i64 = 8;
const CHANNELS: i64 = 32;
const POINTS: i64 = 4;

struct Inputs {
    levels: FeatureLevels,
    value: Tensor,
    locations: Tensor,
    weights: Tensor,
    /// The same points as a network predicts them.
    offsets: Tensor,
    logits: Tensor,
    references: Tensor,
}

/// Inputs for frames padded to `height` x `width`.
fn inputs(frames: i64, height: i64, width: i64) -> Inputs {
    let size =
        |stride| LevelSize { height: height.div_euclid(stride), width: width.div_euclid(stride) };
    let sizes: Vec<LevelSize> = [8, 16, 32, 64].map(size).to_vec();
    let levels = FeatureLevels::new(&sizes).expect("the levels have cells");
    tch::manual_seed(0);
    let tokens = levels.num_tokens();
    let centres = sizes.iter().map(|size| {
        let axis = |cells: i64| (Tensor::arange(cells, ON_CPU) + 0.5) / cells as f64;
        let grid = Tensor::meshgrid_indexing(&[axis(size.height), axis(size.width)], "ij");
        Tensor::stack(&[&grid[1], &grid[0]], -1).view([-1, 2])
    });
    let centres = Tensor::cat(&centres.collect::<Vec<_>>(), 0).view([1, tokens, 1, 1, 1, 2]);
    let scale: Vec<f32> =
        sizes.iter().flat_map(|size| [size.width as f32, size.height as f32]).collect();
    let scale = Tensor::from_slice(&scale).view([1, 1, 1, -1, 1, 2]);
    let num_levels = levels.len() as i64;
    let offsets = Tensor::randn([frames, tokens, HEADS, num_levels, POINTS, 2], ON_CPU) * 2.0;
    let spread = &offsets / scale;
    let logits = Tensor::randn([frames, tokens, HEADS, num_levels * POINTS], ON_CPU);
    let weights = logits.softmax(-1, Kind::Float);
    let references = centres.view([1, tokens, 1, 2]).repeat([1, 1, num_levels, 1]);
    Inputs {
        value: Tensor::randn([frames, tokens, HEADS, CHANNELS], ON_CPU),
        locations: centres + spread,
        weights: weights.view([frames, tokens, HEADS, num_levels, POINTS]),
        offsets,
        logits,
        references,
        levels,
    }
}

/// Reads as many bytes as the forward pass gathers, by going through the values again and again.
fn read_gathered_bytes(inputs: &Inputs) -> Tensor {
    const CORNERS: i64 = 4;
    let sizes = inputs.weights.size();
    let gathered = (sizes.iter().product::<i64>() * CORNERS * CHANNELS) as usize;
    let times = gathered.div_ceil(inputs.value.numel());
    let sums: Vec<Tensor> = (0..times).map(|_| inputs.value.sum(Kind::Float)).collect();
    Tensor::stack(&sums, 0)
}

/// Median seconds of a few runs, after one to warm up.
fn median_secs<T>(runs: usize, mut run: impl FnMut() -> T) -> f64 {
    std::hint::black_box(run());
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(run());
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// A forward pass with inputs that ask for gradients: the output, and the inputs.
fn differentiable_forward(inputs: &Inputs) -> (Tensor, [Tensor; 3]) {
    let leaves = [&inputs.value, &inputs.locations, &inputs.weights]
        .map(|tensor| tensor.detach().set_requires_grad(true));
    let [value, locations, weights] = &leaves;
    let out = ms_deform_attn(value, &inputs.levels, locations, weights).expect("the shapes fit");
    (out, leaves)
}

/// Both passes, given the gradient of the output as a network gives it: a dense tensor, here of ones, which libtorch
/// writes first.
fn forward_backward(inputs: &Inputs) -> Vec<Tensor> {
    let (out, leaves) = differentiable_forward(inputs);
    Tensor::run_backward(&[out], &leaves, false, false)
}

/// Both passes and a sum, whose gradient is one number that the operation has to spread first.
fn forward_backward_of_sum(inputs: &Inputs) {
    let (out, _leaves) = differentiable_forward(inputs);
    out.sum(Kind::Float).backward();
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|text| text != "--bench").collect();
    // `cargo test --benches` passes `--test`: one small run then shows that the benchmark works.
    let small = arguments.iter().any(|text| text == "--test");
    let frames =
        arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(if small { 1 } else { 5 });
    let runs = if small { 1 } else { 9 };
    runtime::keep_freed_memory();
    let (height, width) = if small { (64, 64) } else { (384, 640) };
    let inputs = inputs(frames, height, width);
    let Inputs { levels, value, locations, weights, offsets, logits, references } = &inputs;
    let points = PredictedPoints { offsets, logits, references };
    let forward = |value: &Tensor| {
        tch::no_grad(|| ms_deform_attn(value, levels, locations, weights)).expect("the shapes fit")
    };
    let bf16 = value.to_kind(Kind::BFloat16);
    let report = [
        ("read_gathered_bytes", median_secs(runs, || read_gathered_bytes(&inputs))),
        ("forward", median_secs(runs, || forward(value))),
        ("forward_bf16", median_secs(runs, || forward(&bf16))),
        (
            "forward_at_offsets",
            median_secs(runs, || {
                tch::no_grad(|| ms_deform_attn_at_offsets(value, levels, &points, None))
            }),
        ),
        ("forward_backward", median_secs(runs, || forward_backward(&inputs))),
        ("forward_backward_of_sum", median_secs(runs, || forward_backward_of_sum(&inputs))),
        (
            "forward_reference",
            median_secs(runs.min(3), || {
                tch::no_grad(|| reference::ms_deform_attn(value, levels, locations, weights))
            }),
        ),
    ];
    let fields: Vec<String> =
        report.iter().map(|(name, secs)| format!("\"{name}_secs\": {secs:.5}")).collect();
    println!(
        "{{\"frames\": {frames}, \"tokens\": {}, \"threads\": {}, {}}}",
        levels.num_tokens(),
        tch::get_num_threads(),
        fields.join(", ")
    );
}
