//! Times one training step of the full-size R50 network on one clip, or on several equal ones.
//!
//! `cargo bench -p seqformer-engine -- [--device DEVICE] [--clips N] [FRAMES] [HEIGHT] [WIDTH] [KEY VALUE …]` prints one JSON
//! object: the median seconds of each stage, and the peak memory of the process, or of the tensors on a GPU. The
//! instances are ellipses that drift to the right, as in the PyTorch benchmark.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::path::Path;
use std::time::Instant;

use seqformer::{ClipTarget, KeepLayers, SeqFormer, mean_instances, named_tensors};
use seqformer_config::{CfgNode, Config};
use seqformer_engine::{DeviceChoice, Optimizer, builder, forget_gpu_peak, gpu_peak, open_device};
use seqformer_masks::ImageSize;
use seqformer_ops::precision::autocast;
use tch::{Cuda, Device, Kind, Tensor, nn};

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);
const INSTANCES: i64 = 4;

fn config(overrides: &[String]) -> Config {
    let mut node = CfgNode::defaults();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/base_ytvis.yaml");
    node.merge_from_file(&file).expect("the configuration is part of the repository");
    node.merge_from_list(overrides).expect("KEY VALUE pairs");
    Config::try_from(&node).expect("the values fit their keys")
}

fn target(num_frames: i64, size: ImageSize, num_classes: i64) -> ClipTarget {
    let [height, width] = size.sides();
    let (mut masks, mut boxes) = (Vec::new(), Vec::new());
    let axis = |cells: i64| (Tensor::arange(cells, ON_CPU)) / cells as f64;
    let (y, x) = (axis(height).unsqueeze(1), axis(width).unsqueeze(0));
    for i in 0..INSTANCES {
        for t in 0..num_frames {
            let cx = (i + 1) as f64 / (INSTANCES + 1) as f64 + 0.01 * t as f64;
            let cy = 0.3 + 0.4 * (i % 2) as f64;
            let (w, h) = (0.15 + 0.05 * (i % 3) as f64, 0.3);
            let distance = ((&x - cx) / (w / 2.0)).square() + ((&y - cy) / (h / 2.0)).square();
            masks.push(distance.lt(1.0));
            boxes.push(Tensor::from_slice(&[cx as f32, cy as f32, w as f32, h as f32]));
        }
    }
    ClipTarget {
        labels: (0..INSTANCES).map(|i| i * 7 % num_classes).collect(),
        boxes: Tensor::stack(&boxes, 0).view([INSTANCES, num_frames, 4]),
        masks: Tensor::stack(&masks, 0).view([INSTANCES, num_frames, height, width]),
        size,
        exhaustive: None,
    }
}

/// Most memory that the process ever held, in MiB.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? / 1024)
}

/// Waits until a GPU has done what it was given, so that the time of a stage is its own.
fn finish(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

fn median(mut secs: Vec<f64>) -> f64 {
    secs.sort_by(f64::total_cmp);
    secs[secs.len() / 2]
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|text| text != "--bench" && text != "--test").collect();
    let small = std::env::args().any(|text| text == "--test");
    let (choice, arguments) = match arguments.as_slice() {
        [option, device, rest @ ..] if option == "--device" => {
            (device.parse().expect("cpu, cuda or cuda:N"), rest)
        }
        rest => (DeviceChoice::Cpu, rest),
    };
    let (num_clips, arguments) = match arguments {
        [option, number, rest @ ..] if option == "--clips" => {
            (number.parse().expect("a number of clips"), rest)
        }
        rest => (1, rest),
    };
    let device = open_device(choice).unwrap_or_else(|error| panic!("{error}"));
    let numbers: Vec<i64> = arguments.iter().map_while(|text| text.parse().ok()).collect();
    let config = config(&arguments[numbers.len()..]);
    let default = if small { [2, 64, 64] } else { [5, 320, 576] };
    let at = |index: usize| numbers.get(index).copied().unwrap_or(default[index]);
    let (num_frames, size) = (at(0), ImageSize::from_sides(at(1), at(2)).expect("sides of frames"));
    let [height, width] = size.sides();
    seqformer_ops::runtime::keep_freed_memory();
    let vs = nn::VarStore::new(device);
    let mut model = SeqFormer::new(&vs.root(), &builder::model_config(&config)).expect("a network");
    model.set_recomputed_parts(builder::recomputed_parts(&config));
    for parameter in named_tensors(&vs) {
        let values = seqformer_testing::formula_weights(&parameter.name, &parameter.tensor.size());
        let values = Tensor::from_slice(&values).view_as(&parameter.tensor);
        tch::no_grad(|| parameter.tensor.shallow_clone().copy_(&values));
    }
    let mut optimizer = Optimizer::new(&vs, &builder::optimizer_config(&config));
    let (matcher, criterion) = (builder::matcher(&config), builder::criterion(&config));
    let grad_clip = builder::grad_clip(&config);
    tch::manual_seed(0);
    let frames = Tensor::randint(256, [num_frames, 3, height, width], ON_CPU).to_device(device);
    let clips: Vec<Tensor> = (0..num_clips).map(|_| frames.shallow_clone()).collect();
    let of_one = || target(num_frames, size, config.model.seqformer.num_classes).to_device(device);
    let targets: Vec<ClipTarget> = (0..num_clips).map(|_| of_one()).collect();
    let num_boxes = mean_instances(&targets, 1, |sum| sum);
    let (mut forward, mut backward, mut step) = (Vec::new(), Vec::new(), Vec::new());
    let runs = if small { 1 } else { 4 };
    for _ in 0..runs {
        finish(device);
        forget_gpu_peak(device);
        let start = Instant::now();
        let forward_train = || model.forward_train(&clips, &targets, &matcher, KeepLayers::All);
        let output = if config.solver.amp_enabled {
            autocast(device, forward_train)
        } else {
            forward_train()
        };
        let losses = criterion.forward(&output.expect("the clip fits"), &targets, num_boxes);
        let loss = losses.total();
        finish(device);
        let forward_secs = start.elapsed().as_secs_f64();
        let gradients = optimizer.gradients(&loss).expect("the loss has gradients");
        drop((loss, losses));
        finish(device);
        let backward_secs = start.elapsed().as_secs_f64() - forward_secs;
        let gradients = match grad_clip {
            Some(clip) => clip.apply(gradients).expect("the gradients have a norm").gradients,
            None => gradients,
        };
        optimizer.step(&gradients, 1.0).expect("the parameters have the shapes of the gradients");
        finish(device);
        forward.push(forward_secs);
        backward.push(backward_secs);
        step.push(start.elapsed().as_secs_f64());
    }
    // The first step finds cold caches.
    if runs > 1 {
        for times in [&mut forward, &mut backward, &mut step] {
            times.remove(0);
        }
    }
    println!(
        "{{\"device\": \"{choice}\", \"clips\": {num_clips}, \"frames\": {num_frames}, \"height\": {}, \"width\": {}, \"threads\": {}, \"forward_secs\": {:.3}, \"backward_secs\": {:.3}, \"step_secs\": {:.3}, \"peak_mib\": {}}}",
        size.height,
        size.width,
        tch::get_num_threads(),
        median(forward),
        median(backward),
        median(step),
        gpu_peak(device)
            .map(|bytes| bytes >> 20)
            .or_else(peak_mib)
            .map_or("null".to_owned(), |peak| peak.to_string()),
    );
}
