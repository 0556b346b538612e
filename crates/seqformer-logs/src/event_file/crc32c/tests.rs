use super::crc32c;

/// RFC 3720, B.4, and the check value of the CRC catalogues.
#[test]
fn checksums_are_those_of_the_standard() {
    let ascending: Vec<u8> = (0..32).collect();
    let cases: [(&[u8], u32); 5] = [
        (b"123456789", 0xE306_9283),
        (&[0; 32], 0x8A91_36AA),
        (&[0xFF; 32], 0x62A8_AB43),
        (&ascending, 0x46DD_794E),
        (b"", 0),
    ];
    for (data, expected) in cases {
        assert_eq!(crc32c(data), expected, "{data:?}");
    }
}
