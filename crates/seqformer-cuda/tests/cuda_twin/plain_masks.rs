//! The mask head in plain tensor operations.

use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The mask head as a network without kernels computes it; see `mask_head.rs` of the crate `seqformer`.
pub(crate) fn plain_masks(
    features: &Tensor,
    params: &Tensor,
    references: &Tensor,
    stride: i64,
) -> Tensor {
    let (frames, channels, height, width) = features.size4().expect("features are [T, C, h, w]");
    let instances = params.size()[0];
    let centres = |cells: i64| Tensor::arange(cells, FLOAT) * stride as f64 + stride as f64 / 2.0;
    let x = centres(width).unsqueeze(0).expand([height, width], false).flatten(0, 1);
    let y = centres(height).unsqueeze(1).expand([height, width], false).flatten(0, 1);
    let relative = references.unsqueeze(-1) - Tensor::stack(&[x, y], 0); // [T, I, 2, h * w]
    let shared = features.reshape([frames, 1, channels, height * width]);
    let input = Tensor::cat(&[relative, shared.expand([-1, instances, -1, -1], false)], 2);
    let mut start = 0;
    let mut take = |size: &[i64]| {
        let count: i64 = size.iter().product();
        start += count;
        let of_all = [&[1, instances], size].concat();
        params.narrow(1, start - count, count).reshape(of_all)
    };
    let weights = [take(&[8, channels + 2]), take(&[8, 8]), take(&[1, 8])];
    let biases = [take(&[8, 1]), take(&[8, 1]), take(&[1, 1])];
    let hidden = (weights[0].matmul(&input) + &biases[0]).relu();
    let hidden = (weights[1].matmul(&hidden) + &biases[1]).relu();
    let logits = weights[2].matmul(&hidden) + &biases[2]; // [T, I, 1, h * w]
    let map = logits.view([frames, instances, height, width]).replication_pad2d([0, 1, 0, 1]);
    let map = map.upsample_bilinear2d([2 * height + 1, 2 * width + 1], true, None, None);
    let map = map.replication_pad2d([1, 0, 1, 0]);
    map.narrow(2, 0, 2 * height).narrow(3, 0, 2 * width).transpose(0, 1)
}
