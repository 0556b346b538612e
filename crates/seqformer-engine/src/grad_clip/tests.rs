use tch::Kind;

use super::*;

fn gradients() -> Gradients {
    Gradients {
        tensors: vec![
            Some(Tensor::from_slice(&[3.0_f32, -4.0])),
            None,
            Some(Tensor::from_slice(&[12.0_f32])),
        ],
    }
}

fn check(clip: GradClip, first: [f64; 2], last: f64) {
    let clipped = clip.apply(gradients()).unwrap();
    assert!(clipped.gradients.tensors[1].is_none());
    let found: Vec<f64> = clipped
        .gradients
        .present()
        .iter()
        .flat_map(|tensor| Vec::<f64>::try_from(tensor.to_kind(Kind::Double)).unwrap())
        .collect();
    for (found, expected) in found.iter().zip([first[0], first[1], last]) {
        assert!((found - expected).abs() < 1e-5, "{clip:?}: {found} and {expected}");
    }
}

#[test]
fn the_norm_of_all_gradients_is_limited() {
    let norm = GradClip::FullModel(6.5).apply(gradients()).unwrap().norm.unwrap();
    assert_eq!(norm.double_value(&[]), 13.0);
    check(GradClip::FullModel(6.5), [1.5, -2.0], 6.0);
    check(GradClip::FullModel(20.0), [3.0, -4.0], 12.0);
}

#[test]
fn each_element_is_limited() {
    check(GradClip::Value(3.5), [3.0, -3.5], 3.5);
}

#[test]
fn the_norm_of_each_gradient_is_limited() {
    check(GradClip::Norm { max_norm: 1.0, norm_type: 2.0 }, [0.6, -0.8], 1.0);
    check(GradClip::Norm { max_norm: 7.0, norm_type: 1.0 }, [3.0, -4.0], 7.0);
    check(GradClip::Norm { max_norm: 2.0, norm_type: f64::INFINITY }, [1.5, -2.0], 2.0);
}
