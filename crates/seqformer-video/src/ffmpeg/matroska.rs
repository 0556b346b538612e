//! Raw images with times for ffmpeg's standard input: the necessary subset of Matroska.
//!
//! RFC 9559; `V_UNCOMPRESSED` images of red, green and blue bytes.

use seqformer_masks::ImageSize;

/// Times are in microseconds.
const NANOSECONDS_PER_TICK: u64 = 1000;
const TICKS_PER_SECOND: f64 = 1e6;
/// ffmpeg refuses longer elements.
const MAX_ELEMENT: usize = 0x0fff_0000;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
/// An unknown length.
const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Whether frames of `frame_bytes` bytes can be sent.
pub(super) fn can_hold(frame_bytes: usize) -> bool {
    frame_bytes <= MAX_ELEMENT
}

/// The data before the frames.
pub(super) fn header(size: ImageSize) -> Vec<u8> {
    let mut bytes = element(
        EBML,
        &[
            unsigned(0x4286, 1),
            unsigned(0x42f7, 1),
            unsigned(0x42f2, 4),
            unsigned(0x42f3, 8),
            element(0x4282, b"matroska"),
            unsigned(0x4287, 4),
            unsigned(0x4285, 2),
        ]
        .concat(),
    );
    bytes.extend(id(SEGMENT));
    bytes.extend(UNKNOWN);
    let program = env!("CARGO_PKG_NAME").as_bytes();
    let info = [
        unsigned(0x002a_d7b1, NANOSECONDS_PER_TICK),
        element(0x4d80, program),
        element(0x5741, program),
    ];
    bytes.extend(element(INFO, &info.concat()));
    let picture = [
        unsigned(0xb0, size.width.into()),
        unsigned(0xba, size.height.into()),
        // The code for three bytes per pixel.
        element(0x002e_b524, b"RGB\x18"),
    ];
    let track = [
        unsigned(0xd7, 1),
        unsigned(0x73c5, 1),
        unsigned(0x83, 1),
        element(0x86, b"V_UNCOMPRESSED"),
        element(0xe0, &picture.concat()),
    ];
    bytes.extend(element(TRACKS, &element(0xae, &track.concat())));
    bytes
}

/// The data before the pixels of a frame. Each frame has its own cluster, because times within a cluster have 16 bits.
pub(super) fn frame_header(time: f64, duration: f64, frame_bytes: usize) -> Vec<u8> {
    let ticks = |secs: f64| (secs * TICKS_PER_SECOND).round().max(0.0) as u64;
    let timestamp = unsigned(0xe7, ticks(time));
    // Before the block, so that the pixels come last.
    let duration = unsigned(0x9b, ticks(duration).max(1));
    // Number of the track, time within the cluster, no flags.
    let block_header = [0x81, 0, 0, 0];
    let block_bytes = block_header.len() + frame_bytes;
    let block = [id(0xa1), length(block_bytes), block_header.to_vec()].concat();
    let group_bytes = duration.len() + block.len() + frame_bytes;
    let group = [id(0xa0), length(group_bytes), duration, block].concat();
    let cluster_bytes = timestamp.len() + group.len() + frame_bytes;
    [id(CLUSTER), length(cluster_bytes), timestamp, group].concat()
}

/// An encoded element id, without leading zeros.
fn id(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A length of eight bytes, with its length marker.
fn length(bytes: usize) -> Vec<u8> {
    let mut written = (bytes as u64).to_be_bytes();
    written[0] = 0x01;
    written.to_vec()
}

fn element(number: u32, body: &[u8]) -> Vec<u8> {
    [id(number), length(body.len()), body.to_vec()].concat()
}

fn unsigned(number: u32, value: u64) -> Vec<u8> {
    element(number, &value.to_be_bytes())
}
