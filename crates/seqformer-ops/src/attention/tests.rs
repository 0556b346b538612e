use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The attention in plain operations.
fn reference(query_key: &Tensor, values: &Tensor, heads: i64) -> Tensor {
    let (batch, queries, width) = values.size3().unwrap();
    let split = |tensor: &Tensor| {
        let tensor = tensor.to_kind(Kind::Double);
        tensor.reshape([batch, queries, heads, width / heads]).transpose(1, 2)
    };
    let (query, key) =
        (split(&query_key.narrow(2, 0, width)), split(&query_key.narrow(2, width, width)));
    let logits = query.matmul(&key.transpose(2, 3)) / ((width / heads) as f64).sqrt();
    let read = logits.softmax(-1, Kind::Double).matmul(&split(values));
    read.transpose(1, 2).reshape([batch, queries, width]).to_kind(Kind::Float)
}

fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

#[test]
fn heads_attend_as_by_plain_operations() {
    tch::manual_seed(1);
    for (batch, queries, heads, channels) in
        [(1, 300, 8, 32), (3, 1, 1, 2), (2, 33, 3, 6), (1, 64, 2, 64), (2, 17, 5, 10)]
    {
        let width = heads * channels;
        let query_key = Tensor::randn([batch, queries, 2 * width], ON_CPU) * 1.5;
        let values = Tensor::randn([batch, queries, width], ON_CPU);
        let expected = reference(&query_key, &values, heads);
        for (bf16, tolerance) in [(false, 1e-5), (true, 0.03)] {
            let Some(attention) = SelfAttention::new(heads as usize, bf16) else { continue };
            let found = attention.forward(&query_key, &values).unwrap();
            let difference = max_difference(&found, &expected);
            assert!(difference < tolerance, "{queries} queries, {heads} heads: {difference}");
        }
    }
}

#[test]
fn huge_logits_do_not_overflow_and_nan_stays_in_its_rows() {
    let Some(attention) = SelfAttention::new(1, false) else { return };
    let query_key = Tensor::zeros([1, 20, 4], ON_CPU);
    let _filled = query_key.narrow(2, 0, 2).fill_(1e6);
    let _filled = query_key.narrow(1, 7, 1).narrow(2, 2, 2).fill_(1e6); // key 7 takes all
    let values = Tensor::arange(40, ON_CPU).view([1, 20, 2]);
    let found = attention.forward(&query_key, &values).unwrap();
    assert_eq!(max_difference(&found, &values.narrow(1, 7, 1).expand_as(&found)), 0.0);
    let _filled = query_key.narrow(1, 3, 1).narrow(2, 0, 2).fill_(f64::NAN);
    let is_nan = attention.forward(&query_key, &values).unwrap().isnan().any_dim(2, false);
    let rows: Vec<bool> = Vec::try_from(is_nan.get(0)).unwrap();
    assert!(rows.iter().enumerate().all(|(row, &is_nan)| is_nan == (row == 3)));
}

#[test]
fn wrong_shapes_are_refused() {
    let Some(attention) = SelfAttention::new(4, false) else { return };
    let zeros = |size: &[i64]| Tensor::zeros(size, ON_CPU);
    assert!(attention.forward(&zeros(&[1, 5, 16]), &zeros(&[1, 5, 8])).is_ok());
    assert!(attention.forward(&zeros(&[1, 5, 8]), &zeros(&[1, 5, 4])).is_err());
    assert!(attention.forward(&zeros(&[1, 5, 16]), &zeros(&[1, 4, 8])).is_err());
    assert!(attention.forward(&zeros(&[5, 16]), &zeros(&[5, 8])).is_err());
    let double = zeros(&[1, 5, 8]).to_kind(Kind::Double);
    assert!(attention.forward(&zeros(&[1, 5, 16]), &double).is_err());
}
