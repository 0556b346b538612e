use seqformer_masks::ImageSize;

use super::*;

fn target(labels: &[i64], boxes: &Tensor) -> ClipTarget {
    let count = labels.len() as i64;
    let num_frames = boxes.size()[1];
    ClipTarget {
        labels: labels.to_vec(),
        boxes: boxes.shallow_clone(),
        masks: Tensor::zeros([count, num_frames, 8, 8], (Kind::Bool, Device::Cpu)),
        size: ImageSize { height: 8, width: 8 },
        exhaustive: None,
    }
}

fn boxes(sizes: &[i64]) -> Tensor {
    Tensor::rand(sizes, (Kind::Float, Device::Cpu)) * 0.3 + 0.2
}

/// Two layers, two clips, six queries, three frames, four classes.
fn predictions() -> Predictions {
    tch::manual_seed(5);
    let logits = Tensor::randn([2, 2, 6, 4], (Kind::Float, Device::Cpu));
    Predictions { logits, boxes: boxes(&[2, 2, 3, 6, 4]) }
}

#[test]
fn each_cost_is_the_formula() {
    let predictions = predictions();
    let goals = boxes(&[2, 3, 4]);
    let matcher = HungarianMatcher { cost_class: 1.5, cost_box: 3.0, cost_giou: 0.5 };
    let costs =
        matcher.costs(&predictions, &[target(&[2, 0], &goals), target(&[], &boxes(&[0, 3, 4]))]);
    assert_eq!(costs[1].size(), [2, 6, 0]);
    let (layer, clip, query, instance, label) = (1, 0, 4, 0, 2);
    let score =
        1.0 / (1.0 + (-predictions.logits.double_value(&[layer, clip, query, label])).exp());
    let class = -0.25 * (1.0 - score).powi(2) * (score + 1e-8).ln()
        + 0.75 * score.powi(2) * (1.0 - score + 1e-8).ln();
    let (mut squares, mut overlaps) = (0.0, 0.0);
    for frame in 0..3 {
        let found: [f64; 4] =
            [0, 1, 2, 3].map(|i| predictions.boxes.double_value(&[layer, clip, frame, query, i]));
        let goal: [f64; 4] = [0, 1, 2, 3].map(|i| goals.double_value(&[instance, frame, i]));
        squares += found.iter().zip(goal).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let low = |b: [f64; 4], axis: usize| b[axis] - b[axis + 2] / 2.0;
        let high = |b: [f64; 4], axis: usize| b[axis] + b[axis + 2] / 2.0;
        let side = |axis| {
            (high(found, axis).min(high(goal, axis)) - low(found, axis).max(low(goal, axis)))
                .max(0.0)
        };
        let hull =
            |axis| high(found, axis).max(high(goal, axis)) - low(found, axis).min(low(goal, axis));
        let overlap: f64 = side(0) * side(1);
        let union = found[2] * found[3] + goal[2] * goal[3] - overlap;
        let hull: f64 = hull(0) * hull(1);
        overlaps += overlap / union - (hull - union) / hull;
    }
    let expected = 3.0 * squares.sqrt() + 1.5 * class - 0.5 * overlaps / 3.0;
    let found = costs[0].double_value(&[layer, query, instance]);
    assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
}

#[test]
fn queries_that_predict_the_targets_get_them() {
    let mut predictions = predictions();
    let goals = boxes(&[3, 3, 4]);
    let wanted = [(5, 0), (0, 1), (3, 2)];
    for (query, instance) in wanted {
        for layer in 0..2 {
            let goal = goals.get(instance);
            predictions.boxes.get(layer).get(1).select(1, query).copy_(&goal);
        }
    }
    let targets = [target(&[], &boxes(&[0, 3, 4])), target(&[1, 1, 1], &goals)];
    let matcher = HungarianMatcher { cost_class: 0.0, ..HungarianMatcher::default() };
    let layers = matcher.match_layers(&predictions, &targets).unwrap();
    assert_eq!(layers.len(), 2);
    for layer in layers {
        assert_eq!(layer[0], ClipMatches::default());
        assert_eq!(layer[1], ClipMatches { queries: vec![0, 3, 5], targets: vec![1, 2, 0] });
    }
    // In the first layer, something that is no number is reported with its place.
    predictions.boxes *= f64::NAN;
    let message = matcher.match_layers(&predictions, &targets).unwrap_err().to_string();
    assert!(
        message.contains("layer 0") && message.contains("clip 1") && message.contains("NaN"),
        "{message}"
    );
}

#[test]
fn of_more_instances_than_queries_each_query_gets_one_at_the_smallest_total_cost() {
    let predictions = predictions();
    let goals = boxes(&[8, 3, 4]);
    let targets = [target(&[0, 1, 2, 3, 0, 1, 2, 3], &goals), target(&[], &boxes(&[0, 3, 4]))];
    let matcher = HungarianMatcher::default();
    let costs = matcher.costs(&predictions, &targets);
    for (layer, matches) in matcher.match_layers(&predictions, &targets).unwrap().iter().enumerate()
    {
        assert_eq!(matches[0].queries, [0, 1, 2, 3, 4, 5]);
        let cost = |query: i64, goal: i64| costs[0].double_value(&[layer as i64, query, goal]);
        let found: f64 = (0..6).zip(&matches[0].targets).map(|(q, &goal)| cost(q, goal)).sum();
        let best = cheapest(&cost, 0, &mut vec![]);
        assert!((found - best).abs() < 1e-6, "{found} and {best}");
    }
}

/// The smallest cost of giving the queries from `query` on one of eight instances each, by trying all ways.
fn cheapest(cost: &dyn Fn(i64, i64) -> f64, query: i64, taken: &mut Vec<i64>) -> f64 {
    if query == 6 {
        return 0.0;
    }
    let mut best = f64::INFINITY;
    for goal in 0..8 {
        if !taken.contains(&goal) {
            taken.push(goal);
            best = best.min(cost(query, goal) + cheapest(cost, query + 1, taken));
            taken.pop();
        }
    }
    best
}

#[test]
fn absent_frames_cost_a_finite_amount() {
    let predictions = predictions();
    let goals = Tensor::zeros([2, 3, 4], (Kind::Float, Device::Cpu));
    let targets = [target(&[0, 0], &goals), target(&[0, 0], &goals)];
    let costs = HungarianMatcher::default().costs(&predictions, &targets);
    assert!(costs.iter().all(|costs| costs.isfinite().all().int64_value(&[]) == 1));
}

#[test]
fn each_group_of_queries_is_matched_with_all_instances_by_itself() {
    let predictions = predictions();
    let targets = [target(&[3, 1], &boxes(&[2, 3, 4])), target(&[0], &boxes(&[1, 3, 4]))];
    let matcher = HungarianMatcher::default();
    let found = matcher.match_groups(&predictions, &targets, 2).unwrap();
    let half = |first: i64| {
        let predictions = Predictions {
            logits: predictions.logits.narrow(2, first, 3),
            boxes: predictions.boxes.narrow(3, first, 3),
        };
        matcher.match_layers(&predictions, &targets).unwrap()
    };
    let (first, second) = (half(0), half(3));
    for (layer, matches) in found.iter().enumerate() {
        for (clip, matches) in matches.iter().enumerate() {
            let (first, second) = (&first[layer][clip], &second[layer][clip]);
            let shifted = second.queries.iter().map(|query| query + 3);
            let queries: Vec<i64> = first.queries.iter().copied().chain(shifted).collect();
            assert_eq!(matches.queries, queries);
            assert_eq!(matches.targets, [&first.targets[..], &second.targets[..]].concat());
        }
    }
}
