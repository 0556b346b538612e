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
