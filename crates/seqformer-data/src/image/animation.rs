//! Detects animated WebP and PNG by their chunks, without decoding them.

use std::time::Duration;

/// The display time of each frame of an animated WebP or PNG; `None` for any other file.
///
/// A still image for programs without support for animation is not counted.
pub fn animation_delays(bytes: &[u8]) -> Option<Vec<Duration>> {
    if let Some(rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") {
        return png_delays(rest);
    }
    let rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    webp_delays(rest)
}

/// An APNG is marked by an `acTL` chunk before the data of its first image.
fn png_delays(mut rest: &[u8]) -> Option<Vec<Duration>> {
    let mut delays = None;
    while let Some((&length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(length) as usize;
        let Some((name, after)) = after.split_first_chunk::<4>() else { break };
        let Some(body) = after.get(..length) else { break };
        match name {
            b"IDAT" if delays.is_none() => return None,
            b"acTL" => delays = Some(Vec::new()),
            b"fcTL" if body.len() >= 24 => {
                let number = |at: usize| u64::from(u16::from_be_bytes([body[at], body[at + 1]]));
                // By specification, a denominator of 0 means 100.
                let denominator = if number(22) == 0 { 100 } else { number(22) };
                let delay = Duration::from_micros(number(20) * 1_000_000 / denominator);
                delays.get_or_insert_default().push(delay);
            }
            _ => {}
        }
        // A checksum of four bytes follows.
        rest = after.get(length + 4..).unwrap_or_default();
    }
    delays.filter(|delays| !delays.is_empty())
}

fn webp_delays(mut rest: &[u8]) -> Option<Vec<Duration>> {
    let mut delays = Vec::new();
    while let Some((name, after)) = rest.split_first_chunk::<4>() {
        let Some((&length, after)) = after.split_first_chunk::<4>() else { break };
        let length = u32::from_le_bytes(length) as usize;
        if name == b"ANMF" {
            // Position and size of the frame come first, three bytes each.
            let Some(&[low, middle, high]) = after.get(12..15) else { break };
            let millis = u32::from_le_bytes([low, middle, high, 0]);
            delays.push(Duration::from_millis(millis.into()));
        }
        // Chunks are padded to even lengths.
        rest = after.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    (!delays.is_empty()).then_some(delays)
}
