//! A stable colour for every track.
//!
//! Hues advance by the golden angle, so that any run of neighbouring ids is spread over the
//! circle, and lightness walks through three steps, in OKLCh, where equal steps look equal
//! (Björn Ottosson, "A perceptual color space for image processing", 2020).

/// Degrees between the hues of two consecutive tracks: 180 · (3 − √5).
const GOLDEN_ANGLE: f64 = 137.507_764_050_037_85;
/// The hue of track 0 and the lightness steps were searched for the largest distance between any
/// two of the first twenty colours.
const FIRST_HUE: f64 = 348.0;
const LIGHTNESS: [f64; 3] = [0.53, 0.76, 0.64];
const CHROMA: f64 = 0.24;
/// Chroma is reduced in such steps until the colour can be shown.
const CHROMA_STEP: f64 = 0.004;

/// The colour of the track numbered `track`: the same in every run.
pub fn track_color(track: u64) -> [u8; 3] {
    // The hue depends on `track · angle mod 360`; the remainder keeps huge ids exact.
    let turns = (track % (1 << 20)) as f64;
    let hue = (FIRST_HUE + turns * GOLDEN_ANGLE).to_radians();
    let lightness = LIGHTNESS[(track % LIGHTNESS.len() as u64) as usize];
    let mut chroma = CHROMA;
    loop {
        let linear = linear_srgb(lightness, chroma * hue.cos(), chroma * hue.sin());
        let shown = linear.iter().all(|value| (-1e-4..=1.0001).contains(value));
        if shown || chroma <= 0.0 {
            return linear.map(|value| (encode(value.clamp(0.0, 1.0)) * 255.0).round() as u8);
        }
        chroma -= CHROMA_STEP;
    }
}

/// Black or white, whichever is easier to read in bold on `background`.
pub(crate) fn text_color(background: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = background.map(|value| decode(f64::from(value) / 255.0));
    let luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    // Contrast is equal at 0.18 (WCAG 2); bold text on a saturated mid tone reads better in white.
    if luminance > 0.25 { [0; 3] } else { [255; 3] }
}

fn linear_srgb(lightness: f64, a: f64, b: f64) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// Linear light to sRGB.
fn encode(value: f64) -> f64 {
    if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

/// sRGB to linear light.
fn decode(value: f64) -> f64 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oklab(color: [u8; 3]) -> [f64; 3] {
        let [r, g, b] = color.map(|value| decode(f64::from(value) / 255.0));
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    fn distance(a: [u8; 3], b: [u8; 3]) -> f64 {
        let (a, b) = (oklab(a), oklab(b));
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn the_first_twenty_colours_differ_clearly() {
        for a in 0..20 {
            for b in 0..a {
                // 0.02 is a just noticeable difference.
                let apart = distance(track_color(a), track_color(b));
                assert!(apart > 0.1, "{a} {b}: {apart}");
            }
            for ground in [[0; 3], [255; 3]] {
                assert!(distance(track_color(a), ground) > 0.2, "{a} on {ground:?}");
            }
        }
    }

    #[test]
    fn any_id_has_a_colour_that_does_not_change() {
        for track in [0, 1, 1 << 20, u64::MAX] {
            assert_eq!(track_color(track), track_color(track));
        }
        assert_ne!(track_color(u64::MAX), track_color(u64::MAX - 1));
    }

    #[test]
    fn text_is_readable_on_every_colour() {
        let luminance = |color: [u8; 3]| {
            let [r, g, b] = color.map(|value| decode(f64::from(value) / 255.0));
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        for track in 0..100 {
            let ground = track_color(track);
            let (a, b) = (luminance(ground), luminance(text_color(ground)));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            // WCAG 2 asks for 3 where text is large and bold.
            assert!(contrast >= 3.4, "{track}: {contrast}");
        }
    }
}
