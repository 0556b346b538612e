//! Attention: against the kernels of the CPU and the plain tensor operations.

use seqformer_ops::{
    FeatureLevels, LevelSize, PredictedPoints, ms_deform_attn, ms_deform_attn_at_offsets, reference,
};
use tch::{Device, Kind, Tensor};

use crate::emulator::{Gpu, Placement, Request, split};
use crate::max_difference;

/// One call, as small as shows what it is about.
#[derive(Debug, Clone, Copy)]
struct Case {
    levels: &'static [(i64, i64)],
    batch: i64,
    queries: i64,
    heads: i64,
    channels: i64,
    points: i64,
    /// Batch of the padding mask, 0 for none.
    padding: i64,
    references: i64,
    kind: Kind,
    head_major: bool,
}

const USUAL: Case = Case {
    levels: &[(9, 13), (5, 7), (3, 4), (2, 1)],
    batch: 2,
    queries: 11,
    heads: 3,
    channels: 32,
    points: 4,
    padding: 2,
    references: 2,
    kind: Kind::Float,
    head_major: false,
};

/// What a case reads. Values are leaves in single precision that `bf16` holds exactly where that is asked for.
struct Inputs {
    levels: FeatureLevels,
    value: Tensor,
    offsets: Tensor,
    logits: Tensor,
    references: Tensor,
    padding: Option<Tensor>,
    grad_out: Tensor,
}

fn inputs(case: &Case) -> Inputs {
    tch::manual_seed(case.channels + 100 * case.points);
    let sizes = case.levels.iter().map(|&(height, width)| LevelSize { height, width });
    let levels =
        FeatureLevels::new(&sizes.collect::<Vec<_>>()).expect("the levels of a case have cells");
    let Case { batch, queries, heads, channels, points, .. } = *case;
    let (on, tokens, num_levels) =
        ((Kind::Float, Device::Cpu), levels.num_tokens(), levels.len() as i64);
    let rounded = |tensor: Tensor| tensor.to_kind(case.kind).to_kind(Kind::Float);
    let leaf = |tensor: Tensor| tensor.set_requires_grad(true);
    let padding = (case.padding > 0).then(|| Tensor::rand([case.padding, tokens], on).lt(0.3));
    Inputs {
        value: leaf(rounded(Tensor::randn([batch, tokens, heads, channels], on))),
        // Many points lie outside of the smaller maps.
        offsets: leaf(Tensor::randn([batch, queries, heads, num_levels, points, 2], on) * 3.0),
        logits: leaf(Tensor::randn([batch, queries, heads, num_levels * points], on) * 3.0),
        references: Tensor::rand([case.references, queries, num_levels, 2], on),
        padding,
        grad_out: rounded(Tensor::randn([batch, queries, heads * channels], on)),
        levels,
    }
}

/// The output and the gradients of values, locations and weights.
type Results = Vec<Tensor>;

/// Runs the emulator; `locations` are offsets and `weights` logits where there are `references`.
fn emulate(
    case: &Case,
    inputs: &Inputs,
    (locations, weights, references): (&Tensor, &Tensor, Option<&Tensor>),
    (gpu, placement): (Gpu, Placement),
) -> Results {
    let Case { batch, queries, heads, channels, points, .. } = *case;
    let Inputs { levels, value, grad_out, .. } = inputs;
    let tokens = levels.num_tokens();
    let padding = inputs.padding.as_ref().filter(|_| references.is_some());
    let value = value.detach().to_kind(case.kind);
    let value = if case.head_major { value.transpose(1, 2).contiguous() } else { value };
    let batch_of = |tensor: Option<&Tensor>| tensor.map_or(0, |tensor| tensor.size()[0]);
    let sizes: Vec<i64> =
        levels.sizes().iter().flat_map(|size| [size.height, size.width]).collect();
    let request = Request::new("attention", placement)
        .numbers(&[batch, tokens, heads, channels, queries, levels.len() as i64, points])
        .numbers(&[i64::from(case.kind == Kind::BFloat16)])
        .numbers(&[batch_of(references), batch_of(padding), i64::from(case.head_major)])
        .numbers(&sizes)
        .buffer(Some(&value))
        .buffer(Some(locations))
        .buffer(Some(weights))
        .buffer(references)
        .buffer(padding);
    let forward = request.clone().buffer(None).run(gpu).expect("the emulator runs to its end");
    let backward = request
        .buffer(Some(&grad_out.to_kind(case.kind)))
        .run(gpu)
        .expect("the emulator runs to its end");
    let mut results = split(&forward, &[(&grad_out.size(), case.kind)]);
    let gradients = [inputs.value.size(), locations.size(), weights.size()];
    results.extend(split(&backward, &gradients.each_ref().map(|size| (&size[..], Kind::Float))));
    results
}

/// The same by the CPU's operation and by plain tensor operations in double precision.
fn expected(
    inputs: &Inputs,
    leaves: [&Tensor; 3],
    run: impl Fn(&[Tensor; 3], Kind) -> Tensor,
) -> [Results; 2] {
    [Kind::Float, Kind::Double].map(|kind| {
        let leaves = leaves.map(|leaf| leaf.detach().to_kind(kind).set_requires_grad(true));
        let out = run(&leaves, kind);
        let loss = (&out * inputs.grad_out.to_kind(kind)).sum(kind);
        let mut results = vec![out.detach()];
        results.extend(Tensor::run_backward(&[loss], &leaves, false, false));
        results
    })
}

const NAMES: [&str; 4] = ["output", "values", "locations", "weights"];

fn compare(case: &Case, found: &Results, expected: &[Results; 2], placement: Placement) {
    let tolerance = if case.kind == Kind::BFloat16 { 1e-2 } else { 1e-5 };
    for expected in expected {
        for ((name, found), expected) in NAMES.iter().zip(found).zip(expected) {
            let largest = expected.abs().max().double_value(&[]).max(1.0);
            // The emulator's gradients are summed in single precision whatever the values are.
            let tolerance = if *name == "output" { tolerance } else { 1e-5 };
            let difference = max_difference(found, expected);
            assert!(
                difference <= tolerance * largest,
                "{name}: {difference} of {largest}, {placement:?}, {case:?}"
            );
        }
    }
}

/// Both forms of the operation, on buffers wherever they may lie.
fn check(case: &Case, gpu: Gpu) {
    let inputs = inputs(case);
    let Inputs { levels, value, offsets, logits, references, .. } = &inputs;
    let at_offsets =
        expected(&inputs, [value, offsets, logits], |[value, offsets, logits], kind| {
            let references = &references.to_kind(kind);
            let points = PredictedPoints { offsets, logits, references };
            ms_deform_attn_at_offsets(value, levels, &points, inputs.padding.as_ref())
                .expect("the tensors of a case fit")
        });
    let locations = reference::locations(references, offsets, levels).detach();
    let weights = logits.softmax(-1, Kind::Float).view(&offsets.size()[..5]).detach();
    let at_locations =
        expected(&inputs, [value, &locations, &weights], |[value, locations, weights], _| {
            ms_deform_attn(value, levels, locations, weights).expect("the tensors of a case fit")
        });
    for placement in [Placement::AtEnd, Placement::AtStart, Placement::NotAligned] {
        let found = emulate(case, &inputs, (offsets, logits, Some(references)), (gpu, placement));
        compare(case, &found, &at_offsets, placement);
        let found = emulate(case, &inputs, (&locations, &weights, None), (gpu, placement));
        compare(case, &found, &at_locations, placement);
    }
}

#[test]
fn kernels_for_one_load_a_lane_agree_with_the_cpu() {
    // A second block, of one query.
    check(&Case { queries: 33, ..USUAL }, Gpu::Hopper);
    check(&Case { kind: Kind::BFloat16, ..USUAL }, Gpu::Hopper);
    check(&USUAL, Gpu::Ampere);
    check(&Case { kind: Kind::BFloat16, ..USUAL }, Gpu::Ampere);
}

#[test]
fn heads_of_any_width_agree_with_the_cpu() {
    // 24 leaves lanes without channels, 7 has no wide loads, 40 more numbers than lanes, 144 more loads than lanes.
    for channels in [1, 7, 16, 24, 40, 144] {
        let case = Case { levels: &[(4, 3), (2, 2)], queries: 5, heads: 2, channels, ..USUAL };
        check(&case, Gpu::Hopper);
        check(&Case { kind: Kind::BFloat16, ..case }, Gpu::Hopper);
    }
}

#[test]
fn any_number_of_levels_and_points_agrees_with_the_cpu() {
    for (num_levels, points) in [(1, 1), (1, 9), (2, 3), (3, 5)] {
        let case = Case {
            levels: &USUAL.levels[..num_levels],
            points,
            queries: 6,
            padding: 1,
            references: 1,
            ..USUAL
        };
        check(&case, Gpu::Hopper);
    }
}

#[test]
fn values_by_head_agree_with_the_cpu() {
    let case = Case { queries: 7, padding: 0, head_major: true, ..USUAL };
    check(&case, Gpu::Hopper);
    check(&Case { channels: 7, ..case }, Gpu::Hopper);
}

#[test]
fn offsets_and_logits_in_one_row_are_those_of_two_tensors() {
    let cases = [
        Case { queries: 33, ..USUAL },
        Case { kind: Kind::BFloat16, padding: 1, references: 1, ..USUAL },
        Case { levels: &USUAL.levels[..2], points: 3, channels: 7, padding: 0, ..USUAL },
    ];
    for case in cases {
        let inputs = inputs(&case);
        let Inputs { levels, value, offsets, logits, references, padding, .. } = &inputs;
        let (offsets, logits) = (offsets.detach(), logits.detach());
        let Case { batch, queries, heads, channels, points, .. } = case;
        let rows = [&offsets, &logits].map(|tensor| tensor.view([batch, queries, -1]));
        let rows = Tensor::cat(&rows, -1);
        let sizes = levels.sizes().iter().flat_map(|size| [size.height, size.width]);
        for placement in [Placement::AtEnd, Placement::AtStart, Placement::NotAligned] {
            let of_two = (&offsets, &logits, Some(references));
            let expected = &emulate(&case, &inputs, of_two, (Gpu::Hopper, placement))[0];
            let request = Request::new("rows", placement)
                .numbers(&[batch, levels.num_tokens(), heads, channels, queries])
                .numbers(&[levels.len() as i64, points, i64::from(case.kind == Kind::BFloat16)])
                .numbers(&[case.references, case.padding])
                .numbers(&sizes.clone().collect::<Vec<_>>())
                .buffer(Some(&value.detach().to_kind(case.kind)))
                .buffer(Some(&rows))
                .buffer(Some(references))
                .buffer(padding.as_ref());
            let answer = request.run(Gpu::Hopper).expect("the emulator runs to its end");
            let found = split(&answer, &[(&expected.size(), case.kind)]);
            assert_eq!(&found[0], expected, "{placement:?}, {case:?}");
        }
    }
}

#[test]
fn points_that_are_nowhere_count_as_zero_and_read_nothing() {
    let case = Case { queries: 8, padding: 0, ..USUAL };
    let inputs = inputs(&case);
    let size = inputs.offsets.size();
    let weights = inputs.logits.softmax(-1, Kind::Float).view(&size[..5]).detach();
    for place in [1e30, -1e30, 3e9, -3e9, 2.0, -1.0] {
        let locations = Tensor::full(&size, place, (Kind::Float, Device::Cpu));
        for placement in [Placement::AtEnd, Placement::AtStart] {
            let found =
                emulate(&case, &inputs, (&locations, &weights, None), (Gpu::Hopper, placement));
            for (name, found) in NAMES.iter().zip(&found) {
                let largest = found.abs().max().double_value(&[]);
                assert_eq!(largest, 0.0, "{name} at {place}");
            }
        }
    }
}

#[test]
fn places_that_are_not_finite_give_nan_and_read_nothing() {
    let case = Case { queries: 8, padding: 0, ..USUAL };
    let inputs = inputs(&case);
    let size = inputs.offsets.size();
    let weights = inputs.logits.softmax(-1, Kind::Float).view(&size[..5]).detach();
    for place in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let locations = Tensor::full(&size, place, (Kind::Float, Device::Cpu));
        for placement in [Placement::AtEnd, Placement::AtStart] {
            let found =
                emulate(&case, &inputs, (&locations, &weights, None), (Gpu::Hopper, placement));
            for (name, found) in NAMES.iter().zip(&found) {
                let all_nan = bool::try_from(found.isnan().all()).unwrap();
                assert_eq!(all_nan, *name != "values", "{name} at {place}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_is_where_plain_operations_have_it() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let case = Case { kind, padding: 0, queries: 5, ..USUAL };
        for value in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            // In the values, the offsets and the logits, at the first and the last number.
            for (operand, at_end) in (0..3).flat_map(|operand| [(operand, false), (operand, true)])
            {
                let inputs = inputs(&case);
                let of = [&inputs.value, &inputs.offsets, &inputs.logits][operand].detach();
                let place = if at_end { of.numel() as i64 - 1 } else { 0 };
                let _planted = of.view([-1]).narrow(0, place, 1).fill_(value);
                let Inputs { levels, value: values, offsets, logits, references, .. } = &inputs;
                let found = emulate(
                    &case,
                    &inputs,
                    (&offsets.detach(), &logits.detach(), Some(references)),
                    (Gpu::Hopper, Placement::AtEnd),
                );
                let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
                let weights = double(logits).softmax(-1, Kind::Double).view(&offsets.size()[..5]);
                let locations = reference::locations(references, &offsets.detach(), levels);
                let plain = reference::ms_deform_attn(
                    &double(values),
                    levels,
                    &double(&locations),
                    &weights,
                );
                let same = found[0].isnan().eq_tensor(&plain.isnan());
                let same = same.logical_and(&found[0].isinf().eq_tensor(&plain.isinf()));
                let what = format!("{value} of {kind:?} in {operand}, at the end {at_end}");
                assert!(bool::try_from(same.all()).unwrap(), "{what}");
            }
        }
    }
}
