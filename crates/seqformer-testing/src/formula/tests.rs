use super::*;
use crate::{assert_close, golden_path, read_json};

/// Hash of the bits, as numpy computed it from an independent writing of both formulas.
fn hash_bits(values: &[f32]) -> u64 {
    let mix = |hash: u64, value: &f32| (hash ^ u64::from(value.to_bits())).wrapping_mul(FNV_PRIME);
    values.iter().fold(FNV_OFFSET, mix)
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

#[test]
fn hash_and_generator_give_the_published_values() {
    assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
    let expected = [0xe220_a839_7b1d_cdaf, 0x910a_2dec_8902_5cc1, 0x9758_35de_1c97_56ce];
    assert_eq!([0, 1, 2].map(splitmix64), expected);
}

#[test]
fn seed_and_index_wrap_around() {
    assert_eq!(unit(u64::MAX, 1), unit(0, 0));
}

#[test]
fn common_weights_agree_with_the_reference() {
    let checks = read_json(&golden_path("common/full_formula_r50_check.json")).unwrap();
    let checks = checks.as_object().unwrap();
    assert!(checks.len() > 5, "the check file is nearly empty");
    for (name, check) in checks {
        let numbers = |key: &str| -> Vec<f64> {
            check[key].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
        };
        let shape: Vec<i64> = numbers("shape").into_iter().map(|size| size as i64).collect();
        assert_eq!(common_name(name), check["hashed_name"].as_str().unwrap());
        assert_eq!(fnv1a(&common_name(name)).to_string(), check["fnv1a64"].as_str().unwrap());
        let UniformRange { offset, scale } = common_range(&common_name(name), &shape);
        assert_eq!(vec![offset, scale], numbers("offset_scale"), "{name}");
        let weights = common_weights(name, &shape);
        let first: Vec<f32> = numbers("first4").into_iter().map(|value| value as f32).collect();
        assert_eq!(weights[..4], first, "{name}");
        let expected = check["sum_float64"].as_f64().unwrap();
        assert!((sum(&weights) - expected).abs() < 1e-9, "{name}: {}", sum(&weights));
    }
}

#[test]
fn formula_weights_agree_with_the_published_table() {
    let check = |name: &str, shape: &[i64], seed: u64, first: [f32; 3], total: f64| {
        assert_eq!(fnv1a(name), seed, "{name}");
        let weights = formula_weights(name, shape);
        assert_close(name, &weights[..3], &first, 1e-9);
        assert!((sum(&weights) - total).abs() < 1e-8, "{name}: sum {}", sum(&weights));
    };
    check(
        "detr.detr.transformer.level_embed",
        &[4, 256],
        0xb365_223e_1d06_5ba0,
        [-0.092_164_4, 0.601_008_9, 0.741_724_97],
        0.635_305_88,
    );
    check(
        "detr.detr.backbone.0.backbone.stem.conv1.weight",
        &[64, 3, 7, 7],
        0x8ac6_2d2c_7e78_da35,
        [0.074_162_91, 0.129_277_44, 0.127_233_64],
        -1.837_194_51,
    );
    check(
        "detr.detr.backbone.0.backbone.stem.conv1.norm.running_var",
        &[64],
        0xd1f9_f98b_3c57_9ba0,
        [1.143_247_6, 1.136_490_2, 1.189_263],
        71.219_753_27,
    );
    check(
        "detr.detr.input_proj.0.1.weight",
        &[256],
        0x2b06_d0d9_dd21_3a04,
        [1.034_918_2, 1.017_179_5, 0.945_803_4],
        257.180_220_84,
    );
}

/// One tensor for every rule: name, shape, hash for `common/`, hash for `formula/`.
#[rustfmt::skip]
const BITS_BY_NUMPY: &[(&str, &[i64], u64, u64)] = &[
    ("detr.detr.backbone.0.backbone.res2.0.conv3.norm.weight", &[256], 0x78f4_5421_667a_63ab, 0xb6d7_7ecb_28bd_c7f6),
    ("detr.detr.backbone.0.backbone.res3.1.conv2.weight", &[128, 128, 3, 3], 0xc902_1a6c_6555_825f, 0x2959_fa7b_3716_492f),
    ("detr.controller.layers.2.weight", &[153, 256], 0xbaea_67ec_efec_8578, 0x665a_cc82_7deb_b5fd),
    ("detr.detr.transformer.decoder.layers.0.cross_attn.output_proj_box.weight", &[256, 256], 0x62ce_54e8_d6b3_295f, 0x51ca_db83_9fb3_295f),
    ("detr.detr.transformer.decoder.bbox_embed.1.layers.0.weight", &[256, 256], 0x2c4e_87a5_8947_d9fc, 0xd7be_b8e2_1bc2_d40b),
    ("detr.mask_head.lay1.weight", &[32, 32, 3, 3], 0x67b9_6cb6_e0f4_0b8d, 0xad29_5d2c_cff4_0b8d),
    ("detr.detr.query_embed.weight", &[300, 512], 0x98fc_1783_f6eb_cccf, 0xb0e4_c63a_f7c6_fdd5),
    ("layers.0.blocks.1.attn.relative_position_bias_table", &[49, 2], 0xf538_c4e7_3019_faef, 0xf538_c4e7_3019_faef),
    ("detr.detr.backbone.0.backbone.stem.conv1.norm.running_var", &[64], 0x683c_7fac_46b0_626f, 0x0311_c3dc_5360_2577),
    ("detr.detr.transformer.encoder.layers.0.linear1.weight", &[1024, 256], 0x452b_7b92_a304_afe8, 0x452b_7b92_a304_afe8),
    ("detr.detr.transformer.encoder.layers.0.linear1.bias", &[1024], 0xb8b1_a345_92bf_b825, 0xb8b1_a345_92bf_b825),
    ("detr.detr.class_embed.0.bias", &[40], 0xf447_2264_e5d4_fe6d, 0xbb87_a658_de3c_a71b),
    ("detr.detr.backbone.0.backbone.stem.conv1.norm.running_mean", &[64], 0x7fa9_42f1_85bf_2cbd, 0x7fa9_42f1_85bf_2cbd),
    ("detr.detr.transformer.encoder.layers.0.norm1.weight", &[256], 0x4ace_054d_77dd_1ed4, 0x1ec0_3f01_ab83_2aae),
];

#[test]
fn every_rule_agrees_with_numpy_in_every_bit() {
    for &(name, shape, common, formula) in BITS_BY_NUMPY {
        assert_eq!(hash_bits(&common_weights(name, shape)), common, "common/ {name}");
        assert_eq!(hash_bits(&formula_weights(name, shape)), formula, "formula/ {name}");
    }
}

#[test]
fn common_frames_follow_their_formula() {
    let (num_frames, height, width) = (2, 40, 50);
    let frames = common_frames(num_frames, height, width);
    let mut expected = Vec::new();
    for t in 0..num_frames {
        for c in 0..3 {
            for y in 0..height {
                for x in 0..width {
                    let value = x * (2 + c) + y * (4 - c) + 9 * t * (c + 1) + (x * y) / 16;
                    expected.push((value % 256) as u8);
                }
            }
        }
    }
    assert_eq!(frames, expected);
}

#[test]
fn formula_pixels_agree_with_the_published_sums() {
    let check = |seed, count, first: [u8; 8], total: u64| {
        let pixels = formula_pixels(seed, count);
        assert_eq!(pixels[..8], first);
        assert_eq!(pixels.iter().map(|&pixel| u64::from(pixel)).sum::<u64>(), total);
    };
    check(7777, 3 * 3 * 90 * 130, [98, 119, 82, 128, 201, 148, 237, 108], 13_403_554);
    check(15_554, 3 * 3 * 90 * 140, [65, 190, 177, 90, 121, 127, 44, 140], 14_435_447);
}

#[test]
fn noise_is_the_generator_itself() {
    let noise = common_noise("swin_input_a", 100);
    let seed = fnv1a("swin_input_a");
    assert!((0..100).zip(&noise).all(|(i, &value)| f64::from(value) == signed_unit(seed, i)));
}

#[test]
fn summary_indices_stay_inside_the_tensor() {
    assert_eq!(summary_index(0, 100), 45);
    assert_eq!(summary_index(1, 1000), 106);
    assert!((0..64).all(|k| summary_index(k, 7) < 7));
}
