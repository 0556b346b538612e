use super::*;

#[test]
fn stream_lines_give_rate_and_length() {
    let check = |stream: &str, length: &str, expected: VideoInfo| {
        let lines = ["Input #0, x, from 'file:a':", length, stream].map(str::to_owned);
        assert_eq!(parse(&lines), expected, "{stream}");
    };
    check(
        "  Stream #0:0[0x1](und): Video: mpeg4 (Simple Profile) (mp4v / 0x7634706D), yuv420p, 1920x1080 [SAR 1:1 DAR 16:9], 1112 kb/s, 3 fps, 3 tbr, 12288 tbn (default)",
        "  Duration: 00:00:02.67, start: 0.000000, bitrate: 1115 kb/s",
        VideoInfo { fps: Some(3.0), seconds: Some(2.67) },
    );
    check(
        "  Stream #0:1: Video: vp9, gbrp(pc), 161x121, SAR 1:1 DAR 161:121, 23.98 tbr, 1k tbn",
        "  Duration: N/A, bitrate: N/A",
        VideoInfo { fps: Some(23.98), seconds: None },
    );
    check(
        "  Stream #0:1: Video: h264, 1k fps, 1k tbr",
        "  Duration: 01:00:00.50, x",
        VideoInfo { fps: Some(1000.0), seconds: Some(3600.5) },
    );
    check(
        "  Stream #0:1: Video: h264, 90k fps, x tbr",
        "  Duration: 00:00:00.00",
        VideoInfo { fps: None, seconds: None },
    );
}

#[test]
fn the_promised_number_of_frames_is_rounded() {
    assert_eq!(VideoInfo { fps: Some(3.0), seconds: Some(2.67) }.frame_count(), Some(8));
    assert_eq!(VideoInfo { fps: None, seconds: Some(2.67) }.frame_count(), None);
}
