use tch::{Device, Kind, Tensor, nn};

use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Attentions on the same random weights, one of which drops with probability `p` and one nothing, and a batch of queries.
fn attentions(p: f64) -> ([MultiheadAttention; 2], Tensor) {
    let vs = nn::VarStore::new(Device::Cpu);
    let dropping = MultiheadAttention::new(&vs.root(), 16, 4, p);
    tch::manual_seed(3);
    for (_, mut tensor) in vs.variables().into_iter().collect::<std::collections::BTreeMap<_, _>>()
    {
        tch::no_grad(|| tensor.copy_(&(Tensor::randn_like(&tensor) * 0.5)));
    }
    let plain =
        MultiheadAttention { heads: dropping.heads.detach(), out_proj: dropping.out_proj.detach() };
    ([dropping, plain], Tensor::randn([2, 7, 16], ON_CPU))
}

/// The result and the gradient of the queries of its squares.
fn run(attention: &MultiheadAttention, queries: &Tensor) -> [Tensor; 2] {
    let queries = queries.detach().set_requires_grad(true);
    let position = Tensor::zeros([1, 7, 16], ON_CPU);
    let out = attention.forward_then(&queries, &position, &After::NOTHING);
    out.square().sum(Kind::Float).backward();
    [out.detach(), queries.grad()]
}

#[test]
fn dropout_that_drops_nothing_leaves_what_libtorch_computes() {
    // Less than one in all numbers of 32 bits.
    let ([dropping, plain], queries) = attentions(1e-12);
    let (with, without) = (run(&dropping, &queries), run(&plain, &queries));
    for (with, without) in with.iter().zip(&without) {
        // Of the largest number: gradients of these weights are in the hundreds.
        let largest = without.abs().max();
        let difference = ((with - without).abs().max() / &largest).double_value(&[]);
        assert!(difference < 1e-5, "{difference} of {largest}");
    }
}

#[test]
fn the_mean_over_many_choices_is_the_result_without_dropout() {
    let ([dropping, plain], queries) = attentions(0.3);
    let expected = run(&plain, &queries)[0].shallow_clone();
    let draws: Vec<Tensor> =
        (0..2000).map(|_| run(&dropping, &queries)[0].shallow_clone()).collect();
    let draws = Tensor::stack(&draws, 0);
    let spread = draws.std_dim([0].as_slice(), true, false);
    assert!(spread.min().double_value(&[]) > 0.0, "something is dropped");
    // Six standard deviations of a mean of so many.
    let difference = (draws.mean_dim([0].as_slice(), false, Kind::Float) - expected).abs();
    let off = (difference / (spread / 2000_f64.sqrt())).max().double_value(&[]);
    assert!(off < 6.0, "{off}");
}
