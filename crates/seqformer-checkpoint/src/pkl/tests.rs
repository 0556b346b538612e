use super::*;

fn read_bytes(bytes: &[u8]) -> Result<StateDict, Reason> {
    crate::reader::read_source(&mut Source::from_bytes(bytes.to_vec()))
}

/// A dict with one array `w`, in protocol 2 with bytes as Python 2 wrote them.
fn pickle(shape: &[u8], dtype: &str, state: &str, is_column_major: bool, data: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = shape.iter().flat_map(|&size| [b'K', size]).collect();
    [
        &b"\x80\x02}U\x01wcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"[..],
        b"K\x00\x85U\x01b\x87R(K\x01(",
        &sizes,
        b"tcnumpy\ndtype\n",
        &[b'U', dtype.len() as u8],
        dtype.as_bytes(),
        b"K\x00K\x01\x87R(K\x03U\x01",
        state.as_bytes(),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
        if is_column_major { &b"\x88"[..] } else { &b"\x89"[..] },
        b"T",
        &(data.len() as u32).to_le_bytes(),
        data,
        b"tbs.",
    ]
    .concat()
}

#[test]
fn arrays_of_every_order_are_read() {
    let check = |bytes: &[u8], shape: &[usize], expected: &[f64]| {
        let state = read_bytes(bytes).unwrap();
        let array = state.get("w").unwrap();
        assert_eq!((array.shape(), &*array.to_f64_vec()), (shape, expected));
    };
    let shorts = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0];
    check(&pickle(&[2, 3], "i2", "<", false, &shorts), &[2, 3], &[1., 2., 3., 4., 5., 6.]);
    check(&pickle(&[2, 3], "i2", "<", true, &shorts), &[2, 3], &[1., 3., 5., 2., 4., 6.]);
    check(&pickle(&[2], "i2", ">", false, &[1, 0, 0, 2]), &[2], &[256., 2.]);
    check(&pickle(&[], "u1", "|", false, &[9]), &[], &[9.]);
    check(&pickle(&[3, 0], "f4", "<", true, &[]), &[3, 0], &[]);
    check(&pickle(&[2], "f2", "<", false, &[0, 0x3c, 0, 0xc0]), &[2], &[1., -2.]);
}

#[test]
fn arrays_beyond_the_inline_limit_are_read_from_the_file() {
    let data: Vec<u8> = (0..250u8).cycle().take(200 * 100).collect();
    let state = read_bytes(&pickle(&[200, 100], "u1", "|", false, &data)).unwrap();
    assert_eq!(state.get("w").unwrap().bytes(), data);
}

#[test]
fn wrong_arrays_are_errors() {
    let check = |bytes: &[u8], expected: &str| {
        let error = read_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        &pickle(&[2], "f4", "<", false, &[0; 7]),
        "shape [2] of float32 does not fit its 7 bytes",
    );
    check(&pickle(&[255; 9], "f8", "<", false, &[]), "is out of proportion to the file");
    check(
        &pickle(&[1], "O8", "|", false, &[0; 8]),
        "tensor \"w\": elements of O8 are not supported",
    );
    check(&pickle(&[1; 65], "u1", "|", false, &[0]), "the call that builds it is not complete");
}

#[test]
fn pickles_without_arrays_say_what_they_hold() {
    let check = |bytes: &[u8], expected: &str| {
        let error = read_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"\x80\x02]K\x01a.", "expected a dict of named tensors, found a list");
    check(b"\x80\x02}(U\x05imageK\x01U\x03boxK\x02u.", "a dict with the keys [\"image\", \"box\"]");
}
