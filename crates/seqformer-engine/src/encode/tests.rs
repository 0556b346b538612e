use super::*;

#[test]
fn masks_become_their_run_lengths() {
    // Column-major runs, zeros first.
    let masks = Tensor::from_slice(&[0_i64, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0])
        .view([2, 2, 3])
        .to_kind(Kind::Bool);
    let codes = encode_masks(&masks);
    let counts: Vec<&[u32]> = codes.iter().map(Rle::counts).collect();
    assert_eq!(counts, [&[2_u32, 3, 1][..], &[0, 1, 1, 1, 1, 1, 1][..]]);
    assert_eq!(codes[0].size(), ImageSize { height: 2, width: 3 });
}

#[test]
fn no_mask_gives_no_code() {
    assert!(encode_masks(&Tensor::zeros([0, 4, 5], (Kind::Bool, Device::Cpu))).is_empty());
}
