use super::*;

#[test]
fn lines_about_frames_give_time_duration_and_aspect() {
    let check = |line: &str, time, duration, pixel_aspect| {
        let expected = Line::Frame(FrameInfo { time, duration, pixel_aspect });
        assert_eq!(Line::parse(line), expected, "{line}");
    };
    check(
        "[Parsed_showinfo_0] [info] n:   2 pts:   2048 pts_time:0.2     duration:   1024 duration_time:0.1     fmt:yuv420p cl:left sar:0/1 s:96x96 i:P iskey:0 type:B",
        Some(0.2),
        Some(0.1),
        None,
    );
    check(
        "[Parsed_showinfo_5] [info] n:   0 pts:      0 pts_time:0       pos:     48 fmt:yuv420p sar:4/3 s:720x576 i:P",
        Some(0.0),
        None,
        Some(PixelAspect { width: 4, height: 3 }),
    );
    check(
        "[Parsed_showinfo_0] [info] n:   0 pts:  NOPTS pts_time:NOPTS   duration:0 duration_time:NOPTS fmt:gray sar:1/1",
        None,
        None,
        Some(PixelAspect { width: 1, height: 1 }),
    );
}

#[test]
fn only_errors_are_kept_of_the_rest() {
    let error = Line::Error("[h264] Invalid NAL unit size".to_owned());
    assert_eq!(Line::parse("[h264] [error] Invalid NAL unit size"), error);
    assert_eq!(Line::parse("[fatal] gone"), Line::Error("gone".to_owned()));
    for line in [
        "[info] Stream mapping:",
        "[mov] [warning] stream 0, timescale not set",
        "[Parsed_showinfo_0] [info] config in time_base: 1/1000, frame_rate: 10/1",
        "[info]     title           : [Parsed_showinfo pts_time:1",
        "",
    ] {
        assert_eq!(Line::parse(line), Line::Other, "{line}");
    }
}
