//! A weight or a pixel that is not a number is seen in the results, however the network was prepared and in every
//! instruction set that its kernels have.

use std::process::{Command, Stdio};

use seqformer::{KeepLayers, Memory, Precision};
use seqformer_kernels::InstructionSet;
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor};

use crate::golden_forward::loaded_model;
use crate::stages::Stages;

const SIZE: ImageSize = ImageSize { height: 64, width: 96 };

/// Class logits and mask logits of a clip of two frames, whose pixel in the middle of the second is `planted`.
fn logits(model: &dyn Stages, planted: Option<f64>) -> [Tensor; 2] {
    let [height, width] = SIZE.sides();
    let size = [2, 3, height, width];
    let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Int64, Device::Cpu));
    let frames = (index.square() * 31).remainder(251).to_kind(Kind::Uint8).view(size);
    let layer = model.last_layer();
    tch::no_grad(|| {
        let layout = model.token_layout(&[SIZE]);
        let images = model.preprocess(&frames, SIZE).unwrap();
        if let Some(value) = planted {
            let mut pixel = images.get(1).narrow(1, height / 2, 1).narrow(2, width / 2, 1);
            let _planted = pixel.fill_(value);
        }
        let memory = model.encode_images(&images, &layout);
        let features = model.mask_features(&memory.get(0), &layout);
        let memory = Memory { parts: vec![memory] };
        let output = model.decode(&memory, &layout, KeepLayers::Last).layers.remove(0);
        let heads = model.heads(&output, layer, &[SIZE]);
        let params = heads.dynamic_params.get(0);
        let masks = model.masks(&features, &params, &heads.reference_points_px.get(0));
        [heads.pred_logits, masks]
    })
}

/// Plants `value` in the weight whose name ends so.
fn plant(variables: &tch::nn::VarStore, name: &str, value: f64) {
    let (_, weight) = variables
        .variables()
        .into_iter()
        .find(|(found, _)| found.ends_with(name))
        .unwrap_or_else(|| panic!("no weight is called {name}"));
    tch::no_grad(|| {
        let _planted = weight.view([-1]).narrow(0, weight.numel() as i64 / 2, 1).fill_(value);
    });
}

#[test]
fn a_weight_that_is_not_a_number_is_seen_in_all_results() {
    for name in ["stem.conv1.weight", "res2.0.conv2.weight", "res3.0.shortcut.weight"] {
        for value in [f64::NAN, -f64::NAN] {
            for prepared in [None, Some(Precision::F32), Some(Precision::Bf16)] {
                let (variables, model) = loaded_model();
                plant(&variables, name, value);
                let logits = match prepared {
                    Some(precision) => logits(&model.prepare(variables, precision), None),
                    None => logits(&model, None),
                };
                for logits in logits {
                    let all = bool::try_from(logits.isnan().all()).unwrap();
                    assert!(all, "{value} in {name}, prepared for {prepared:?}: {logits:?}");
                }
            }
        }
    }
}

#[test]
fn a_pixel_that_is_not_a_number_is_seen_in_its_clip() {
    for value in [f64::NAN, -f64::NAN, f64::INFINITY] {
        let (_, model) = loaded_model();
        let expected = logits(&model, Some(value)).map(|logits| logits.isfinite().logical_not());
        for precision in [Precision::F32, Precision::Bf16] {
            let (variables, model) = loaded_model();
            let found = logits(&model.prepare(variables, precision), Some(value));
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    bool::try_from(expected.any()).unwrap(),
                    "{value} is nowhere in the results of libtorch"
                );
                let lost = expected.logical_and(&found.isfinite());
                let count = i64::try_from(lost.sum(Kind::Int64)).unwrap();
                assert_eq!(count, 0, "{value}, prepared for {precision:?}: {found:?}");
            }
        }
    }
}

#[test]
fn both_are_seen_in_every_instruction_set() {
    let tests = [
        "a_weight_that_is_not_a_number_is_seen_in_all_results",
        "a_pixel_that_is_not_a_number_is_seen_in_its_clip",
    ];
    for set in InstructionSet::available().skip(1) {
        // libtorch and oneDNN have names of their own; theirs for less than AVX2 are far slower.
        let (aten, onednn) = match set.name() {
            "avx512" => ("avx512", "AVX512_CORE"),
            "avx2" => ("avx2", "AVX2"),
            _ => ("default", "SSE41"),
        };
        for test in tests {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &format!("not_a_number::{test}")])
                .env("SEQFORMER_INSTRUCTION_SET", set.name())
                .env("ATEN_CPU_CAPABILITY", aten)
                .env("ONEDNN_MAX_CPU_ISA", onednn)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains("1 passed"),
                "{}, {test}: {text}",
                set.name()
            );
        }
    }
}
