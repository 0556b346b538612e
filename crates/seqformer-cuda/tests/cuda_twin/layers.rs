//! The ends of convolutions and of residual blocks: against plain tensor operations.

use tch::{Device, Kind, Tensor};

use crate::emulator::{Gpu, Placement, Request, split};
use crate::max_difference;

const PLACEMENTS: [Placement; 3] = [Placement::AtEnd, Placement::AtStart, Placement::NotAligned];
const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// `relu(map + bias + residual)` by the kernel. Maps are `[N, H, W, C]` if `channels_last`, and `[N, C, H, W]` otherwise.
fn epilogue(
    [map, bias]: [&Tensor; 2],
    residual: Option<&Tensor>,
    (channels_last, relu): (bool, bool),
    placement: Placement,
) -> Tensor {
    let size = map.size();
    let (channels, cells) = if channels_last { (size[3], 1) } else { (size[1], size[2] * size[3]) };
    let request = Request::new("epilogue", placement)
        .numbers(&[map.numel() as i64, cells, channels, i64::from(relu)])
        .numbers(&[i64::from(map.kind() == Kind::BFloat16)])
        .buffer(Some(map))
        .buffer(Some(bias))
        .buffer(residual);
    let answer = request.run(Gpu::Hopper).expect("the kernel runs");
    split(&answer, &[(&size, map.kind())]).remove(0)
}

#[test]
fn the_end_of_a_convolution_agrees_with_plain_tensor_operations() {
    tch::manual_seed(3);
    for kind in [Kind::Float, Kind::BFloat16] {
        // By 16 bytes and one by one; more than a block, and one cell.
        for size in [[2, 9, 7, 16], [1, 5, 3, 6], [1, 1, 1, 8], [2, 1, 3, 1]] {
            let map = Tensor::randn(size, FLOAT).to_kind(kind);
            let residual = map.randn_like();
            for channels_last in [true, false] {
                let channels = if channels_last { size[3] } else { size[1] };
                let bias = Tensor::randn([channels], FLOAT).to_kind(kind);
                let along = if channels_last { [1, 1, 1, -1] } else { [1, -1, 1, 1] };
                for (residual, relu) in
                    [(None, true), (Some(&residual), true), (Some(&residual), false), (None, false)]
                {
                    let [wide, added] =
                        [&map, &bias.view(along)].map(|tensor| tensor.to_kind(Kind::Float));
                    let mut expected = wide + added;
                    if let Some(residual) = residual {
                        expected += residual.to_kind(Kind::Float);
                    }
                    if relu {
                        expected = expected.relu();
                    }
                    for placement in PLACEMENTS {
                        let found =
                            epilogue([&map, &bias], residual, (channels_last, relu), placement);
                        assert_eq!(
                            found,
                            expected.to_kind(kind),
                            "{kind:?} {size:?} {placement:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_goes_through_relu() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let map = Tensor::from_slice(&[
            1.0,
            f32::NAN,
            -f32::NAN,
            f32::NEG_INFINITY,
            -2.0,
            f32::INFINITY,
            0.5,
            -0.5,
        ]);
        let (map, bias) =
            (map.view([1, 1, 1, 8]).to_kind(kind), Tensor::zeros([8], (kind, Device::Cpu)));
        let found = epilogue([&map, &bias], None, (true, true), Placement::AtStart);
        let found = Vec::<f32>::try_from(found.to_kind(Kind::Float).flatten(0, 3)).unwrap();
        assert!(found[1].is_nan() && found[2].is_nan());
        assert_eq!(
            [found[0], found[3], found[4], found[5], found[6], found[7]],
            [1.0, 0.0, 0.0, f32::INFINITY, 0.5, 0.0]
        );
    }
}

#[test]
fn normalized_sums_agree_with_plain_tensor_operations() {
    tch::manual_seed(4);
    // Fewer channels than a warp has lanes, a rest, as many as there may be; a block that is not full.
    for (rows, channels) in [(11, 256), (3, 20), (8, 100), (1, 512), (2, 1)] {
        for kind in [Kind::Float, Kind::BFloat16] {
            let update = (Tensor::randn([rows, channels], FLOAT) * 3.0 + 5.0).to_kind(kind);
            let residual = Tensor::randn([rows, channels], FLOAT);
            let [weight, bias] = [(); 2].map(|()| Tensor::randn([channels], FLOAT));
            let sum = update.to_kind(Kind::Float) + &residual;
            let expected = sum.layer_norm([channels], Some(&weight), Some(&bias), 1e-5, false);
            for (placement, with_rounded) in PLACEMENTS.into_iter().zip([true, false, true]) {
                let request = Request::new("norm", placement)
                    .numbers(&[rows, channels, i64::from(kind == Kind::BFloat16)])
                    .numbers(&[i64::from(with_rounded)])
                    .buffer(Some(&update))
                    .buffer(Some(&residual))
                    .buffer(Some(&weight))
                    .buffer(Some(&bias));
                let answer = request.run(Gpu::Hopper).unwrap();
                let size = [rows, channels];
                let full = (&size[..], Kind::Float);
                let parts = [full, (&size[..], Kind::BFloat16)];
                let found = split(&answer, &parts[..=usize::from(with_rounded)]);
                let off = max_difference(&found[0], &expected);
                assert!(off < 2e-5, "{rows}x{channels} of {kind:?}: {off:e}");
                if with_rounded {
                    assert_eq!(found[1], found[0].to_kind(Kind::BFloat16));
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_stays_in_its_row() {
    let update = Tensor::zeros([4, 40], FLOAT);
    let _planted = update.get(2).narrow(0, 39, 1).fill_(f64::NAN);
    let ones = Tensor::ones([40], FLOAT);
    let request =
        Request::new("norm", Placement::AtEnd).numbers(&[4, 40, 0, 1]).buffer(Some(&update));
    let request = request
        .buffer(Some(&Tensor::randn([4, 40], FLOAT)))
        .buffer(Some(&ones))
        .buffer(Some(&ones));
    let answer = request.run(Gpu::Ampere).unwrap();
    let found = split(&answer, &[(&[4, 40], Kind::Float), (&[4, 40], Kind::BFloat16)]);
    for numbers in found {
        let rows =
            Vec::<i64>::try_from(numbers.isnan().sum_dim_intlist(1, false, Kind::Int64)).unwrap();
        assert_eq!(rows, [0, 0, 40, 0]);
    }
}
