use tch::Device;

use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

#[test]
fn full_size_and_tiny_controllers_give_the_published_numbers() {
    assert_eq!(num_dynamic_params(256), 169);
    assert_eq!(num_dynamic_params(64), 121);
}

#[test]
fn doubling_repeats_the_border_and_averages_neighbours() {
    let map = Tensor::from_slice(&[1.0_f32, 3.0, 7.0]).view([1, 1, 1, 3]);
    let doubled = aligned_double(&map);
    assert_eq!(doubled.size(), [1, 1, 2, 6]);
    let row: Vec<f32> = Vec::try_from(doubled.view([2, 6]).get(0)).unwrap();
    assert_eq!(row, [1.0, 1.0, 2.0, 3.0, 5.0, 7.0]);
}

#[test]
fn each_instance_applies_its_own_three_layers() {
    tch::manual_seed(3);
    let (instances, frames, channels, height, width) = (3, 2, 2, 3, 4);
    let features = Tensor::rand([frames, channels, height, width], ON_CPU);
    let params = Tensor::randn([instances, num_dynamic_params(64)], ON_CPU);
    let points = Tensor::rand([frames, instances, 2], ON_CPU) * 30.0;
    let masks = dynamic_masks(&features, &params, &points);
    assert_eq!(masks.size(), [instances, frames, 2 * height, 2 * width]);
    // By hand, at cell (row 1, column 2) of instance 1 on frame 1; it is shown at twice its place plus one.
    let value = |tensor: &Tensor, at: &[i64]| tensor.double_value(at);
    let mut input = vec![
        value(&points, &[1, 1, 0]) - (8.0 * 2.0 + 4.0),
        value(&points, &[1, 1, 1]) - (8.0 + 4.0),
    ];
    input.extend((0..channels).map(|c| value(&features, &[1, c, 1, 2])));
    let at = |index: usize| value(&params, &[1, index as i64]);
    let layer = |input: &[f64], outputs: usize, weights: usize, biases: usize| -> Vec<f64> {
        let sum = |o: usize| {
            input
                .iter()
                .enumerate()
                .map(|(i, x)| x * at(weights + o * input.len() + i))
                .sum::<f64>()
        };
        (0..outputs).map(|o| sum(o) + at(biases + o)).collect()
    };
    let relu = |values: Vec<f64>| values.into_iter().map(|x| x.max(0.0)).collect::<Vec<_>>();
    let hidden = relu(layer(&input, 8, 0, 104));
    let hidden = relu(layer(&hidden, 8, 32, 112));
    let expected = layer(&hidden, 1, 96, 120)[0];
    let found = value(&masks, &[1, 1, 3, 5]);
    assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{found} and {expected}");
}
