//! Images of many kinds against Pillow; see `tests/fixtures/README.md`.

use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn check(name: &str, size: ImageSize, notes: &[&str]) {
    let decoded = read_image(&fixture(name)).unwrap();
    let expected = fs::read(fixture(&format!("{name}.rgb"))).unwrap();
    assert_eq!(decoded.image.size, size, "{name}");
    assert_eq!(decoded.image.pixels, expected, "{name}");
    assert_eq!(decoded.notes, notes, "{name}");
}

const LANDSCAPE: ImageSize = ImageSize { height: 17, width: 24 };
const PORTRAIT: ImageSize = ImageSize { height: 24, width: 17 };

#[test]
fn jpeg_is_equal_to_pillow() {
    for name in ["baseline_420.jpg", "progressive.jpg", "grey.jpg"] {
        check(name, LANDSCAPE, &[]);
    }
    check("cmyk.jpg", LANDSCAPE, &["CMYK converted to RGB"]);
}

#[test]
fn all_eight_orientations_are_turned_upright() {
    for orientation in 1..=8 {
        let size = if orientation < 5 { LANDSCAPE } else { PORTRAIT };
        let name = format!("orientation_{orientation}.jpg");
        check(&name, size, &[]);
        let bytes = fs::read(fixture(&name)).unwrap();
        assert_eq!(is_turned_by_exif(&bytes), orientation > 1, "{name}");
    }
}

#[test]
fn other_kinds_are_equal_to_pillow() {
    for name in [
        "rgb.png",
        "rgba.png",
        "palette.png",
        "one_bit.png",
        "grey_alpha.png",
        "lossless.webp",
        "palette.gif",
        "rgb.bmp",
    ] {
        check(name, LANDSCAPE, &[]);
    }
}

#[test]
fn sixteen_bits_keep_the_high_byte_and_say_so() {
    for name in ["rgb16.png", "grey16.png"] {
        check(name, LANDSCAPE, &["16-bit PNG reduced to 8 bits"]);
    }
}

#[test]
fn broken_files_are_errors_that_name_the_file_and_the_mend() {
    let message = read_image(&fixture("truncated.jpg")).unwrap_err().to_string();
    assert!(message.contains("truncated.jpg: the JPEG image is broken"), "{message}");
    assert!(message.contains("re-export or remove the file"), "{message}");
    let missing = read_image(&fixture("missing.jpg")).unwrap_err();
    assert!(matches!(missing, DataError::Read { .. }), "{missing}");
    for bytes in [b"".as_slice(), b"hello", b"%PDF-1.4"] {
        let error = decode_image(bytes, Path::new("a.jpg")).unwrap_err();
        assert!(matches!(error, DataError::UnknownImageKind { .. }), "{error}");
    }
}

#[test]
fn every_cut_of_a_file_is_an_error_or_an_image() {
    for name in ["orientation_6.jpg", "progressive.jpg", "cmyk.jpg", "rgba.png", "palette.gif"] {
        let bytes = fs::read(fixture(name)).unwrap();
        for length in 0..bytes.len() - 2 {
            let decoded = decode_image(&bytes[..length], Path::new(name));
            let is_jpeg = name.ends_with("jpg");
            assert!(!is_jpeg || decoded.is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn every_changed_byte_is_an_error_or_an_image() {
    for name in ["orientation_6.jpg", "rgb16.png", "palette.gif", "lossless.webp", "rgb.bmp"] {
        let bytes = fs::read(fixture(name)).unwrap();
        for index in 0..bytes.len().min(200) {
            let mut changed = bytes.clone();
            changed[index] ^= 0x15;
            if let Ok(decoded) = decode_image(&changed, Path::new(name)) {
                let size = decoded.image.size;
                assert_eq!(decoded.image.pixels.len() as u64, 3 * size.num_pixels(), "{name}");
            }
        }
    }
}

#[test]
fn absurd_sizes_are_refused_before_they_are_allocated() {
    // Width and height of a PNG stand after the signature and the name of the first chunk.
    let mut png = fs::read(fixture("rgb.png")).unwrap();
    png[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert!(decode_image(&png, Path::new("a.png")).is_err());
    let mut jpeg = fs::read(fixture("baseline_420.jpg")).unwrap();
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x80, 0, 0x80, 0]);
    let error = decode_image(&jpeg, Path::new("a.jpg")).unwrap_err();
    assert!(matches!(error, DataError::ImageSize { .. }), "{error}");
}

/// A note on damage that libjpeg only warns of.
fn damage(found: &str) -> String {
    format!("damaged JPEG ({found}), decoded as far as possible")
}

#[test]
fn jpegs_that_libjpeg_only_warns_of_are_read_as_pillow_reads_them_and_noted() {
    for (name, found) in [
        ("stray_bytes.jpg", "stray bytes or lost markers"),
        ("stray_header.jpg", "stray bytes or lost markers"),
        ("bad_code.jpg", "bad Huffman code"),
        ("cut_segment.jpg", "premature end of a data segment"),
        ("jfif_revision.jpg", "unknown JFIF revision"),
        ("no_end_marker.jpg", "no end marker"),
    ] {
        check(name, LANDSCAPE, &[&damage(found)]);
    }
}

#[test]
fn a_file_that_ends_before_its_last_pixel_is_refused_whatever_else_is_wrong_with_it() {
    let broken = |bytes: &[u8]| {
        let message = decode_image(bytes, Path::new("a.jpg")).unwrap_err().to_string();
        assert!(message.contains("a.jpg: the JPEG image is broken or truncated"), "{message}");
        assert!(message.contains("re-export or remove"), "{message}");
    };
    for name in ["baseline_420.jpg", "bad_code.jpg", "stray_header.jpg", "progressive.jpg"] {
        let bytes = fs::read(fixture(name)).unwrap();
        broken(&bytes[..bytes.len() - 2]);
        broken(&bytes[..bytes.len() * 9 / 10]);
    }
}

#[test]
fn colours_stored_as_they_are_are_not_converted() {
    check("rgb_adobe.jpg", LANDSCAPE, &[]);
}

#[test]
fn the_first_picture_of_a_file_with_two_is_read_without_a_note() {
    check("two_pictures.jpg", LANDSCAPE, &[]);
}

#[test]
fn pictures_without_loss_are_turned_upright_too() {
    for name in ["orientation_6.png", "orientation_6.webp"] {
        check(name, PORTRAIT, &[]);
        assert!(is_turned_by_exif(&fs::read(fixture(name)).unwrap()), "{name}");
    }
    for name in ["rgb.png", "lossless.webp", "rgb.bmp", "palette.gif"] {
        assert!(!is_turned_by_exif(&fs::read(fixture(name)).unwrap()), "{name}");
    }
}
