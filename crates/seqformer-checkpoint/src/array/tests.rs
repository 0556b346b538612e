use super::*;

fn array(dtype: DType, shape: &[usize], bytes: &[u8]) -> Array {
    Array::new(dtype, shape, bytes.into()).unwrap()
}

#[test]
fn bytes_must_fill_the_shape_exactly() {
    let check = |shape: &[usize], len: usize, fits: bool| {
        assert_eq!(Array::new(DType::F32, shape, vec![0; len].into()).is_ok(), fits, "{shape:?}");
    };
    check(&[], 4, true);
    check(&[2, 3], 24, true);
    check(&[2, 3], 23, false);
    check(&[0, usize::MAX, 2], 0, true);
    check(&[usize::MAX, 2], 0, false);
    let error = Array::from_f32(&[3], &[1.0]).unwrap_err();
    assert_eq!(error.to_string(), "shape [3] of float32 does not take 4 bytes");
}

#[test]
fn every_type_widens_to_the_same_numbers() {
    let check = |dtype: DType, bytes: &[u8], expected: &[f64]| {
        let array = array(dtype, &[expected.len()], bytes);
        assert_eq!(array.num_elements(), expected.len());
        assert_eq!(array.to_f64_vec(), expected, "{dtype}");
        let single: Vec<f32> = expected.iter().map(|&value| value as f32).collect();
        assert_eq!(array.to_f32_vec(), single, "{dtype}");
        let integers: Vec<i64> = expected.iter().map(|&value| value as i64).collect();
        assert_eq!(array.to_i64_vec(), (!dtype.is_float()).then_some(integers), "{dtype}");
    };
    check(DType::F64, &(-2.5f64).to_le_bytes(), &[-2.5]);
    check(DType::F32, &1e-3f32.to_le_bytes(), &[f64::from(1e-3f32)]);
    check(DType::F16, &[0x00, 0x3c, 0xff, 0x7b, 0x01, 0x80], &[1.0, 65504.0, -(2f64.powi(-24))]);
    check(DType::BF16, &[0x80, 0x3f, 0x49, 0xc0], &[1.0, -3.140_625]);
    check(DType::I64, &(-5i64).to_le_bytes(), &[-5.0]);
    check(DType::I32, &i32::MIN.to_le_bytes(), &[-2_147_483_648.0]);
    check(DType::I16, &(-300i16).to_le_bytes(), &[-300.0]);
    check(DType::I8, &[0xfd, 0x7f], &[-3.0, 127.0]);
    check(DType::U8, &[0, 255], &[0.0, 255.0]);
    check(DType::Bool, &[0, 1], &[0.0, 1.0]);
}

/// IEEE 754's definition of binary16: a fraction of 10 bits and an exponent of 5, biased by 15.
fn half_by_definition(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    match exponent {
        0 => sign * fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[test]
fn all_half_precision_numbers_are_widened_exactly() {
    for bits in 0..=u16::MAX {
        let (found, expected) = (f64::from(f16_to_f32(bits)), half_by_definition(bits));
        let same_sign = found.is_sign_negative() == expected.is_sign_negative();
        assert!(found == expected && same_sign || found.is_nan() && expected.is_nan(), "{bits:#x}");
    }
}

#[test]
fn clones_share_their_bytes() {
    let array = Array::from_i64(&[2], &[1, -1]).unwrap();
    assert!(array.shares_bytes_with(&array.clone()));
    assert!(!array.shares_bytes_with(&Array::from_i64(&[2], &[1, -1]).unwrap()));
    assert_eq!(format!("{array:?}"), "Array(int64 [2])");
}

#[test]
fn half_precision_rounds_to_nearest_and_reads_back() {
    let read_back = |values: &[f32]| {
        Array::from_f32(&[values.len()], values).unwrap().to_half().unwrap().to_f32_vec()
    };
    // Every half-precision number is its own nearest.
    let all: Vec<f32> = (0..=u16::MAX).map(f16_to_f32).filter(|value| !value.is_nan()).collect();
    assert_eq!(read_back(&all), all);
    let step = 2f32.powi(-10);
    let cases = [
        (1.0 + 0.49 * step, 1.0),
        (1.0 + 0.5 * step, 1.0), // a tie goes to the even neighbour
        (1.0 + 1.5 * step, 1.0 + 2.0 * step),
        (1.0 + 0.51 * step, 1.0 + step),
        (65519.0, 65504.0),
        (65520.0, f32::INFINITY),
        (-1e9, f32::NEG_INFINITY),
        (2f32.powi(-25), 0.0),
        (1.5 * 2f32.powi(-24), 2f32.powi(-23)),
        (-0.9 * 2f32.powi(-24), -(2f32.powi(-24))),
    ];
    for (value, expected) in cases {
        assert_eq!(read_back(&[value]), [expected], "{value:e}");
    }
    assert!(read_back(&[f32::NAN])[0].is_nan());
    assert_eq!(Array::from_i64(&[1], &[3]).unwrap().to_half(), None);
}

#[test]
fn what_is_not_finite_is_counted_in_every_type() {
    let check = |array: Array, expected: [usize; 2]| {
        let found = array.count_not_finite();
        assert_eq!([found.nan, found.infinite], expected, "{array:?}");
        // The slow twin.
        let values = array.to_f64_vec();
        let nan = values.iter().filter(|value| value.is_nan()).count();
        let infinite = values.iter().filter(|value| value.is_infinite()).count();
        assert_eq!([nan, infinite], expected, "{array:?}");
    };
    // More than one block, with the planted values at its borders.
    let mut values = vec![f32::MAX; 10_000];
    values[4095] = f32::NAN;
    values[4096] = f32::NEG_INFINITY;
    values[9999] = -f32::NAN;
    values[0] = f32::MIN_POSITIVE / 2.0;
    check(Array::from_f32(&[100, 100], &values).unwrap(), [2, 1]);
    check(Array::from_f32(&[0, 3], &[]).unwrap(), [0, 0]);
    check(Array::from_i64(&[2], &[i64::MAX, -1]).unwrap(), [0, 0]);
    let f64s: Vec<u8> =
        [f64::MAX, f64::NAN, f64::INFINITY, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    check(Array::new(DType::F64, &[4], f64s.into()).unwrap(), [1, 1]);
    // All halves there are: 2 × 1023 of each kind are not numbers.
    let halves: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    check(Array::new(DType::F16, &[1 << 16], halves.clone().into()).unwrap(), [2 * 1023, 2]);
    check(Array::new(DType::BF16, &[1 << 16], halves.into()).unwrap(), [2 * 127, 2]);
    let array = Array::from_f32(&[2], &[f32::INFINITY, 1.0]).unwrap();
    assert_eq!(array.describe_not_finite("a").unwrap(), "\"a\": 1 of 2 values (1 infinite)");
}
