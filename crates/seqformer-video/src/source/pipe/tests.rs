use seqformer_masks::ImageSize;

use super::*;

fn reader(bytes: &[u8]) -> PipeReader {
    PipeReader::new(Box::new(std::io::Cursor::new(bytes.to_vec())))
}

#[test]
fn pictures_follow_one_another_until_the_stream_ends() {
    let mut pipe = reader(b"P6\n2 1\n255\nabcdefP6 1 1 255\nxyz");
    let first = pipe.next_frame().unwrap().unwrap();
    assert_eq!((first.size, first.pixels), (ImageSize { height: 1, width: 2 }, b"abcdef".to_vec()));
    assert_eq!(pipe.next_frame().unwrap().unwrap().pixels, b"xyz");
    assert!(pipe.next_frame().unwrap().is_none());
    assert_eq!(pipe.warning(), None);
}

#[test]
fn a_stream_that_breaks_off_keeps_its_whole_pictures() {
    let mut pipe = reader(b"P6 1 1 255\nxyzP6 1 1 255\nx");
    assert!(pipe.next_frame().unwrap().is_some());
    assert!(pipe.next_frame().unwrap().is_none());
    assert!(pipe.warning().unwrap().contains("inside frame 1"), "{:?}", pipe.warning());
}

#[test]
fn other_streams_are_refused_with_a_mend() {
    for bytes in [&b""[..], b"\x00\x00\x00 ftyp", b"P5 1 1 255\nx", b"P6 0 1 255\n"] {
        let message = reader(bytes).next_frame().unwrap_err().to_string();
        assert!(message.contains("-c:v ppm"), "{message}");
    }
    let message = reader(b"P6 1 1 255\nx").next_frame().unwrap_err().to_string();
    assert!(message.contains("no frame could be decoded"), "{message}");
}
