use super::*;

fn parsed(lines: &[&str]) -> Option<VideoInfo> {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    parse(&lines)
}

fn info(
    stream: usize,
    fps: Option<f64>,
    claimed_fps: Option<f64>,
    seconds: Option<f64>,
) -> VideoInfo {
    VideoInfo { stream, fps, claimed_fps, seconds, hdr: None, notes: Vec::new() }
}

#[test]
fn stream_lines_give_rate_and_length() {
    let check = |stream: &str, length: &str, expected: VideoInfo| {
        let found = parsed(&["Input #0, x, from 'file:a':", length, stream]);
        assert_eq!(found, Some(expected), "{stream}");
    };
    check(
        "  Stream #0:0[0x1](und): Video: mpeg4 (Simple Profile) (mp4v / 0x7634706D), yuv420p, 1920x1080 [SAR 1:1 DAR 16:9], 1112 kb/s, 3 fps, 3 tbr, 12288 tbn (default)",
        "  Duration: 00:00:02.67, start: 0.000000, bitrate: 1115 kb/s",
        info(0, Some(3.0), Some(3.0), Some(2.67)),
    );
    check(
        "  Stream #0:1: Video: vp9, gbrp(pc), 161x121, SAR 1:1 DAR 161:121, 23.98 tbr, 1k tbn",
        "  Duration: N/A, bitrate: N/A",
        info(1, Some(23.98), Some(23.98), None),
    );
    check(
        "  Stream #0:1: Video: h264, 1k fps, 25 tbr",
        "  Duration: 01:00:00.50, x",
        info(1, Some(25.0), Some(1000.0), Some(3600.5)),
    );
    check(
        "  Stream #0:1: Video: h264, 90k fps, x tbr",
        "  Duration: 00:00:00.00",
        info(1, None, Some(90000.0), None),
    );
}

#[test]
fn a_cover_is_no_film() {
    let cover = "  Stream #0:0[0x0]: Video: mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), 5000x5000 [SAR 1:1 DAR 1:1], 90k tbr, 90k tbn (attached pic)";
    let film = "  Stream #0:1[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 96x96, 61 kb/s, 10 fps, 10 tbr, 10240 tbn (default)";
    assert_eq!(parsed(&[cover, film]), Some(info(1, Some(10.0), Some(10.0), None)));
    assert_eq!(parsed(&[cover]), None);
}

#[test]
fn of_several_films_the_choice_is_that_of_ffmpeg_and_said() {
    let small =
        "  Stream #0:0: Video: h264, yuv420p, 320x180 [SAR 1:1 DAR 16:9], 25 fps, 25 tbr, 1k tbn";
    let large = "  Stream #0:2(eng): Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 640x360, 30 fps, 30 tbr, 1k tbn";
    let chosen = parsed(&[small, "  Stream #0:1: Audio: aac", large]).unwrap();
    assert_eq!((chosen.stream, chosen.fps, chosen.hdr), (2, Some(30.0), Some(Hdr::Pq)));
    assert_eq!(
        chosen.notes,
        [
            "of several video streams, #2 (hevc, 640x360) is read, which is also ffmpeg's choice; ignored: #0 (h264, \
             320x180)"
        ]
    );
    let default = format!("{small} (default)");
    assert_eq!(parsed(&[&default, large]).unwrap().stream, 0);
    assert_eq!(parsed(&[small, small]).unwrap().stream, 0);
}

#[test]
fn the_promised_number_of_frames_is_rounded() {
    assert_eq!(info(0, Some(3.0), None, Some(2.67)).frame_count(), Some(8));
    assert_eq!(info(0, None, None, Some(2.67)).frame_count(), None);
}
