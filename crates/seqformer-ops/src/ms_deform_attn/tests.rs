use super::*;
use crate::LevelSize;

fn levels() -> FeatureLevels {
    let size = |height, width| LevelSize { height, width };
    FeatureLevels::new(&[size(9, 13), size(5, 7), size(2, 1)]).unwrap()
}

struct Inputs {
    value: Tensor,
    locations: Tensor,
    weights: Tensor,
}

/// Values, locations partly outside the maps, and weights, all leaves that ask for gradients.
fn inputs(kind: Kind, channels: i64) -> Inputs {
    tch::manual_seed(7);
    let on = (kind, Device::Cpu);
    let leaf = |tensor: Tensor| tensor.set_requires_grad(true);
    Inputs {
        value: leaf(Tensor::randn([2, levels().num_tokens(), 3, channels], on)),
        locations: leaf(Tensor::rand([2, 17, 3, 3, 4, 2], on) * 1.6 - 0.3)
            .detach()
            .set_requires_grad(true),
        weights: leaf(Tensor::rand([2, 17, 3, 3, 4], on)),
    }
}

fn gradients(out: &Tensor, inputs: &Inputs, grad_out: &Tensor) -> Vec<Tensor> {
    let leaves = [&inputs.value, &inputs.locations, &inputs.weights];
    Tensor::run_backward(&[(out * grad_out).sum(out.kind())], &leaves, false, false)
}

fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

fn to_double(inputs: &Inputs) -> Inputs {
    let leaf = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double).set_requires_grad(true);
    Inputs {
        value: leaf(&inputs.value),
        locations: leaf(&inputs.locations),
        weights: leaf(&inputs.weights),
    }
}

#[test]
fn kernels_agree_with_the_reference_in_double_precision() {
    for channels in [4, 8, 24, 32] {
        let single = inputs(Kind::Float, channels);
        let double = to_double(&single);
        let out =
            ms_deform_attn(&single.value, &levels(), &single.locations, &single.weights).unwrap();
        let expected =
            reference::ms_deform_attn(&double.value, &levels(), &double.locations, &double.weights);
        assert!(max_difference(&out, &expected) < 1e-5);
        let grad_out = Tensor::randn_like(&out);
        let ours = gradients(&out, &single, &grad_out);
        let expected = gradients(&expected, &double, &grad_out.to_kind(Kind::Double));
        for (name, (a, b)) in
            ["value", "locations", "weights"].iter().zip(ours.iter().zip(&expected))
        {
            let largest = b.abs().max().double_value(&[]);
            assert!(
                max_difference(a, b) < 1e-5 * largest.max(1.0),
                "{name} with {channels} channels"
            );
        }
    }
}

#[test]
fn bfloat16_values_are_summed_in_single_precision() {
    let single = inputs(Kind::Float, 32);
    let value = single.value.detach().to_kind(Kind::BFloat16).set_requires_grad(true);
    let out = ms_deform_attn(&value, &levels(), &single.locations, &single.weights).unwrap();
    assert_eq!(out.kind(), Kind::BFloat16);
    let rounded = value.to_kind(Kind::Float);
    let exact = ms_deform_attn(&rounded, &levels(), &single.locations, &single.weights).unwrap();
    let once = exact.to_kind(Kind::BFloat16);
    assert_eq!(max_difference(&out, &once), 0.0, "only the result is rounded");
    let grad = Tensor::run_backward(&[out.sum(Kind::Float)], &[&value], false, false);
    assert_eq!(grad[0].kind(), Kind::BFloat16);
}

#[test]
fn no_graph_is_kept_when_nothing_asks_for_gradients() {
    let inputs = inputs(Kind::Float, 8);
    let out = tch::no_grad(|| {
        ms_deform_attn(&inputs.value, &levels(), &inputs.locations, &inputs.weights).unwrap()
    });
    assert!(!out.requires_grad());
}

#[test]
fn wrong_shapes_are_named_before_the_call() {
    let inputs = inputs(Kind::Float, 8);
    let call = |value: &Tensor, locations: &Tensor, weights: &Tensor| {
        ms_deform_attn(value, &levels(), locations, weights).unwrap_err().to_string()
    };
    let Inputs { value, locations, weights } = &inputs;
    assert!(call(&value.narrow(1, 0, 5), locations, weights).contains("expected 154 tokens"));
    assert!(
        call(&value.narrow(2, 0, 2), locations, weights).starts_with("ms_deform_attn: locations")
    );
    assert!(
        call(value, locations, &weights.narrow(1, 0, 3)).starts_with("ms_deform_attn: weights")
    );
    assert!(call(&value.to_kind(Kind::Int64), locations, weights).contains("floating point"));
    assert!(call(value, &locations.get(0), weights).contains("[N, Q, M, L, P, 2]"));
}

#[test]
fn views_that_are_not_contiguous_are_read_correctly() {
    let inputs = inputs(Kind::Float, 8);
    let transposed = inputs.value.transpose(1, 2).contiguous().transpose(1, 2);
    let a = ms_deform_attn(&inputs.value, &levels(), &inputs.locations, &inputs.weights).unwrap();
    let b = ms_deform_attn(&transposed, &levels(), &inputs.locations, &inputs.weights).unwrap();
    assert_eq!(max_difference(&a, &b), 0.0);
}

#[test]
fn no_queries_give_an_empty_result() {
    let inputs = inputs(Kind::Float, 8);
    let none = |tensor: &Tensor| tensor.narrow(1, 0, 0);
    let out =
        ms_deform_attn(&inputs.value, &levels(), &none(&inputs.locations), &none(&inputs.weights));
    assert_eq!(out.unwrap().size(), [2, 0, 24]);
}

#[test]
fn predicted_points_agree_with_the_reference_in_double_precision() {
    let levels = levels();
    let num_tokens = levels.num_tokens();
    for (num_points, references_batch, has_padding) in [(4, 1, true), (5, 2, true), (6, 2, false)] {
        tch::manual_seed(num_points);
        let on = (Kind::Float, Device::Cpu);
        let leaves = [
            Tensor::randn([2, num_tokens, 3, 8], on),
            Tensor::randn([2, 17, 3, 3, num_points, 2], on) * 3.0,
            Tensor::randn([2, 17, 3, 3 * num_points], on) * 4.0,
        ];
        let references = Tensor::rand([references_batch, 17, 3, 2], on);
        let grad_out = Tensor::randn([2, 17, 24], on);
        let padding = has_padding.then(|| Tensor::rand([references_batch, num_tokens], on).lt(0.3));
        let run = |kind: Kind| {
            let leaves =
                leaves.each_ref().map(|leaf| leaf.to_kind(kind).detach().set_requires_grad(true));
            let [value, offsets, logits] = &leaves;
            let references = references.to_kind(kind);
            let points = PredictedPoints { offsets, logits, references: &references };
            let out = ms_deform_attn_at_offsets(value, &levels, &points, padding.as_ref()).unwrap();
            let loss = (&out * grad_out.to_kind(kind)).sum(kind);
            let mut results = Tensor::run_backward(&[loss], &leaves, false, false);
            results.push(out);
            results
        };
        for (ours, expected) in run(Kind::Float).iter().zip(run(Kind::Double)) {
            let largest = expected.abs().max().double_value(&[]).max(1.0);
            assert!(max_difference(ours, &expected) < 1e-5 * largest, "{num_points} points");
        }
    }
}

#[test]
fn what_does_not_fit_the_predicted_points_is_named() {
    let inputs = inputs(Kind::Float, 8);
    let offsets = &inputs.locations;
    let logits = inputs.weights.view([2, 17, 3, 12]);
    let references = Tensor::zeros([1, 17, 3, 2], (Kind::Float, Device::Cpu));
    let check = |logits: &Tensor, references: &Tensor, padding: Option<&Tensor>, name: &str| {
        let points = PredictedPoints { offsets, logits, references };
        let result = ms_deform_attn_at_offsets(&inputs.value, &levels(), &points, padding);
        let message = result.unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    };
    check(&inputs.weights, &references, None, "logits");
    check(&logits, &references.narrow(1, 0, 16), None, "references");
    check(&logits, &references, Some(&references), "padding");
}

#[test]
fn values_that_lie_by_head_are_read_as_they_are() {
    let inputs = inputs(Kind::Float, 32);
    let value = inputs.value.detach();
    let by_head = value.transpose(1, 2).contiguous().transpose(1, 2);
    for channels in [32, 20] {
        let run = |value: &Tensor| {
            let value = value.narrow(3, 0, channels);
            tch::no_grad(|| {
                ms_deform_attn(&value, &levels(), &inputs.locations, &inputs.weights).unwrap()
            })
        };
        assert_eq!(max_difference(&run(&value), &run(&by_head)), 0.0);
    }
    let odd = value.narrow(3, 0, 20).contiguous();
    let by_head = odd.transpose(1, 2).contiguous().transpose(1, 2);
    let run = |value: &Tensor| {
        tch::no_grad(|| {
            ms_deform_attn(value, &levels(), &inputs.locations, &inputs.weights).unwrap()
        })
    };
    assert_eq!(max_difference(&run(&odd), &run(&by_head)), 0.0);
}
