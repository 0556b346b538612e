//! The checksum of TFRecords: CRC-32C (Castagnoli), masked.

/// The polynomial 0x1EDC6F41 with its bits reversed (RFC 3720, 12.1).
const POLYNOMIAL: u32 = 0x82F6_3B78;
const MASK_DELTA: u32 = 0xA282_EAD8;
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// CRC-32C of `data`. Byte by byte is enough: events are a few kilobytes now and then.
fn crc32c(data: &[u8]) -> u32 {
    let crc =
        data.iter().fold(!0, |crc: u32, byte| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)]);
    !crc
}

/// The checksum as TFRecords store it: rotated and shifted, so that records may themselves contain checksums.
pub(super) fn masked_crc32c(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(MASK_DELTA)
}

#[cfg(test)]
mod tests {
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
}
