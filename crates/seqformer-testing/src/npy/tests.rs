use super::*;

/// What `numpy.save` writes, with `header` as its dict.
fn file(version: u8, header: &str, values: &[f64]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn shapes_of_every_rank_are_read() {
    let check = |shape: &str, expected: &[usize]| {
        let count = expected.iter().product();
        let values: Vec<f64> = (0..count).map(|i| i as f64 / 3.0).collect();
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}   \n");
        for version in 1..=3 {
            let array = parse(&file(version, &header, &values)).unwrap();
            assert_eq!(array, NpyArray { shape: expected.to_vec(), values: values.clone() });
        }
    };
    check("()", &[]);
    check("(4,)", &[4]);
    check("(2, 3)", &[2, 3]);
    check("(0, 3)", &[0, 3]);
}

#[test]
fn other_files_are_refused() {
    let check = |bytes: &[u8], expected: &str| {
        let error = parse(bytes).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    let header = |descr: &str, order: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n")
    };
    check(b"PK", "not a .npy file");
    check(b"\x93NUMPY\x09\x00", "unknown version");
    check(b"\x93NUMPY\x01\x00\xff\xff", "the header is cut off");
    check(&file(1, &header("<f4", "False", "(1,)"), &[1.0]), "expected 'descr': '<f8'");
    check(&file(1, &header("<f8", "True", "(1,)"), &[1.0]), "expected 'fortran_order': False");
    check(&file(1, &header("<f8", "False", "(2,)"), &[1.0]), "does not fit 8 bytes");
    check(&file(1, &header("<f8", "False", "(x,)"), &[1.0]), "wrong size");
    let huge = format!("({0}, {0})", u64::MAX);
    check(&file(1, &header("<f8", "False", &huge), &[1.0]), "does not fit 8 bytes");
}

#[test]
fn errors_name_the_file() {
    let error = read_npy(Path::new("nowhere.npy")).unwrap_err().to_string();
    assert!(error.starts_with("nowhere.npy: "), "{error}");
}
