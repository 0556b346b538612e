//! Times 3×3 convolutions of five frames of 384x640 by Winograd's filtering beside oneDNN's direct ones.
//!
//! `cargo bench -p seqformer-ops --bench winograd -- [bf16|f32] [INPUTSxOUTPUTSxHEIGHTxWIDTH…]` prints one
//! JSON object: milliseconds for each size.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::time::Instant;

use seqformer_ops::fused::{self, Activation, ConvLayer, Convolution};
use seqformer_ops::runtime;
use seqformer_ops::winograd_conv::WinogradConv;
use tch::{Device, Kind, Tensor};

/// Inputs, outputs, height and width of the convolutions of ResNet-50 and of the mask branch.
const SIZES: [[i64; 4]; 6] = [
    [64, 64, 96, 160],
    [128, 128, 48, 80],
    [256, 256, 24, 40],
    [512, 512, 12, 20],
    [256, 256, 48, 80],
    [256, 64, 48, 80],
];

/// Fewest milliseconds of some runs of each, which take turns, after one to warm up.
fn fewest_ms<const N: usize>(runs: usize, work: [&dyn Fn() -> Tensor; N]) -> [f64; N] {
    let mut fewest = [f64::INFINITY; N];
    for run in 0..=runs {
        for (fewest, work) in fewest.iter_mut().zip(work) {
            let start = Instant::now();
            let _output = std::hint::black_box(work());
            if run > 0 {
                *fewest = fewest.min(1e3 * start.elapsed().as_secs_f64());
            }
        }
    }
    fewest
}

/// Times one size as a JSON object.
fn report(
    frames: i64,
    [inputs, outputs, height, width]: [i64; 4],
    kind: Kind,
    runs: usize,
) -> String {
    let on = (Kind::Float, Device::Cpu);
    let input = Tensor::randn([frames, height, width, inputs], on).to_kind(kind);
    let input = input.permute([0, 3, 1, 2]);
    let weight = Tensor::randn([outputs, inputs, 3, 3], on) / (9.0 * inputs as f64).sqrt();
    let bias = Tensor::randn([outputs], on);
    let winograd = WinogradConv::new(&weight, &bias, kind == Kind::BFloat16);
    let shape = Convolution { stride: 1, padding: 1, dilation: 1, groups: 1 };
    let weight = weight.to_kind(kind).permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    let packed = fused::pack_conv2d(&weight, shape, [frames, inputs, height, width])
        .expect("there is memory for the kernel");
    let activation = Activation::Relu;
    let layer = ConvLayer { weight: &packed, bias: &bias.to_kind(kind), shape, activation };
    let direct = || fused::conv2d(&input, &layer, None).expect("the shapes fit");
    let by_tiles = || match &winograd {
        Some(winograd) => winograd.forward(&input, activation).expect("the shapes fit"),
        None => direct(),
    };
    let [direct, by_tiles] = fewest_ms(runs, [&direct, &by_tiles]);
    let flop = (2 * 9 * frames * inputs * outputs * height * width) as f64;
    format!(
        "{{\"size\": [{inputs}, {outputs}, {height}, {width}], \"kind\": \"{kind:?}\", \
         \"has_winograd\": {}, \"direct_ms\": {direct:.3}, \"winograd_ms\": {by_tiles:.3}, \
         \"ratio\": {:.2}, \"direct_tflops\": {:.3}}}",
        winograd.is_some(),
        direct / by_tiles,
        flop / direct / 1e9,
    )
}

/// The four numbers of a size such as `64x64x96x160`.
fn size(text: &str) -> Option<[i64; 4]> {
    let numbers: Vec<i64> = text.split('x').map_while(|number| number.parse().ok()).collect();
    numbers.try_into().ok()
}

fn main() {
    // Only `cargo bench` passes `--bench`: one small run by `cargo test` then shows that the benchmark works.
    let small = !std::env::args().any(|text| text == "--bench");
    let mut sizes: Vec<[i64; 4]> = std::env::args().filter_map(|text| size(&text)).collect();
    if small {
        sizes = vec![[64, 64, 5, 7]];
    } else if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    let (frames, runs) = if small { (1, 1) } else { (5, 15) };
    runtime::keep_freed_memory();
    tch::manual_seed(0);
    let named = |name: &str| std::env::args().any(|text| text == name);
    let kinds: &[Kind] = match (named("bf16"), named("f32")) {
        (true, false) => &[Kind::BFloat16],
        (false, true) => &[Kind::Float],
        _ => &[Kind::BFloat16, Kind::Float],
    };
    let reports: Vec<String> = tch::no_grad(|| {
        let all = |size: &[i64; 4]| {
            let size = *size;
            kinds.iter().map(move |&kind| report(frames, size, kind, runs))
        };
        sizes.iter().flat_map(all).collect()
    });
    println!(
        "{{\"frames\": {frames}, \"threads\": {}, \"convolutions\": [\n{}\n]}}",
        tch::get_num_threads(),
        reports.join(",\n")
    );
}
