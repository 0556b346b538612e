use tch::Device;

use super::*;

#[test]
fn a_running_mean_is_the_mean_over_all_frames() {
    let on = (Kind::Float, Device::Cpu);
    // The greatest score comes in the middle; without a common unit its exponential would overflow.
    let scores = Tensor::randn([2, 7, 5, 1], on) * 30.0;
    let _greatest = scores.narrow(1, 3, 1).fill_(200.0);
    let features = Tensor::randn([2, 7, 5, 4], on);
    let expected = mean_over_frames(&features, &scores);
    for sizes in [vec![7], vec![1; 7], vec![2, 4, 1]] {
        let mut mean = RunningMean::default();
        let mut first = 0;
        for size in sizes {
            mean.add(&features.narrow(1, first, size), &scores.narrow(1, first, size));
            first += size;
        }
        let difference = (mean.mean() - &expected).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "off by {difference}");
    }
}
