use ::gif::{DisposalMethod, Encoder};

use super::*;

/// A frame of one colour; index 0 is transparent, 1 red, 2 green.
fn frame(left: u16, width: u16, index: u8, dispose: DisposalMethod) -> Frame<'static> {
    let mut frame = Frame::from_indexed_pixels(width, 1, vec![index; usize::from(width)], Some(0));
    frame.left = left;
    frame.dispose = dispose;
    frame
}

/// What a GIF of 4 x 1 pixels shows, a letter for each pixel.
fn shown(frames: &[Frame<'_>]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.gif");
    let palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 0];
    let mut encoder = Encoder::new(File::create(&path).unwrap(), 4, 1, &palette).unwrap();
    for frame in frames {
        encoder.write_frame(frame).unwrap();
    }
    drop(encoder);
    let mut reader = GifReader::open(&path).unwrap();
    let letter = |pixel: &[u8]| match pixel {
        [255, 0, 0] => 'r',
        [0, 255, 0] => 'g',
        _ => '.',
    };
    std::iter::from_fn(|| reader.next_frame().unwrap())
        .map(|image| image.pixels.chunks(3).map(letter).collect())
        .collect()
}

#[test]
fn frames_are_composed_by_their_disposal() {
    use DisposalMethod::{Background, Keep, Previous};
    let check = |dispose, expected: [&str; 3]| {
        let frames = [frame(0, 3, 1, Keep), frame(1, 2, 2, dispose), frame(3, 1, 1, Keep)];
        assert_eq!(shown(&frames), expected, "{dispose:?}");
    };
    check(Keep, ["rrr.", "rgg.", "rggr"]);
    check(Background, ["rrr.", "rgg.", "r..r"]);
    check(Previous, ["rrr.", "rgg.", "rrrr"]);
}

#[test]
fn transparent_pixels_keep_what_is_below_and_frames_may_overhang() {
    use DisposalMethod::Keep;
    let frames = [frame(0, 4, 1, Keep), frame(0, 2, 0, Keep), frame(3, 9, 2, Keep)];
    assert_eq!(shown(&frames), ["rrrr", "rrrr", "rrrg"]);
}
