use super::*;

#[test]
fn pictures_follow_each_other_with_their_own_sizes() {
    let mut bytes: &[u8] = b"P6\n1 2\n255\nabcdefP6\n2 1\n255\n\nbcdef";
    let first = read_ppm(&mut bytes).unwrap().unwrap();
    assert_eq!(first.size, ImageSize { height: 2, width: 1 });
    assert_eq!(first.pixels, b"abcdef");
    let second = read_ppm(&mut bytes).unwrap().unwrap();
    assert_eq!(second.size, ImageSize { height: 1, width: 2 });
    assert_eq!(second.pixels, b"\nbcdef");
    assert!(read_ppm(&mut bytes).unwrap().is_none());
}

#[test]
fn broken_pictures_are_errors() {
    let check = |mut bytes: &[u8], expected: &str| {
        let error = format!("{:?}", read_ppm(&mut bytes).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    check(b"P5\n1 1\n255\na", "Malformed");
    check(b"P6\n1 1\n65535\nabcdef", "Malformed");
    check(b"P6\n0 1\n255\n", "Malformed");
    check(b"P6\n-1 1\n255\n", "Malformed");
    check(b"P6\n99999 99999\n255\n", "TooLarge");
    check(b"P6\n1 1\n255\nab", "Ended");
    check(b"P6\n1 ", "Malformed");
    check(&[b'x'; 64], "Malformed");
}
