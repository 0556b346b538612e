//! A weight that is not a number is seen in all results, however the network was prepared.

use seqformer::{KeepLayers, Memory, Precision};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor};

use crate::golden_forward::loaded_model;
use crate::stages::Stages;

const SIZE: ImageSize = ImageSize { height: 64, width: 96 };

/// Class logits and mask logits of two frames.
fn logits(model: &dyn Stages) -> [Tensor; 2] {
    let [height, width] = SIZE.sides();
    let size = [2, 3, height, width];
    let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Int64, Device::Cpu));
    let frames = (index.square() * 31).remainder(251).to_kind(Kind::Uint8).view(size);
    let layer = model.last_layer();
    tch::no_grad(|| {
        let layout = model.token_layout(&[SIZE]);
        let images = model.preprocess(&frames, SIZE).unwrap();
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
                    Some(precision) => logits(&model.prepare(variables, precision)),
                    None => logits(&model),
                };
                for logits in logits {
                    let all = bool::try_from(logits.isnan().all()).unwrap();
                    assert!(all, "{value} in {name}, prepared for {prepared:?}: {logits:?}");
                }
            }
        }
    }
}
