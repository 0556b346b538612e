//! The output of ffmpeg's filter `showinfo` about each frame, among its other messages.

use crate::format::PixelAspect;

/// The filter, last in its chain.
pub(super) const FILTER: &str = "showinfo=checksum=0";
/// Every line has its level as a prefix; the filter logs at the level `info`.
pub(super) const LOG_LEVEL: &str = "level+info";

/// A decoded frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FrameInfo {
    /// When it is shown, in seconds from the start of the file.
    pub(super) time: Option<f64>,
    /// Its duration in seconds; old versions do not report it.
    pub(super) duration: Option<f64>,
    /// Pixel aspect ratio, if the file specifies it.
    pub(super) pixel_aspect: Option<PixelAspect>,
}

/// A line of ffmpeg at [`LOG_LEVEL`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Frame(FrameInfo),
    /// An error, without its level.
    Error(String),
    Other,
}

impl Line {
    pub(super) fn parse(line: &str) -> Self {
        if let Some(at) = line.find("pts_time:")
            && line.starts_with("[Parsed_showinfo")
        {
            return Self::Frame(FrameInfo::parse(&line[at..]));
        }
        for mark in ["[error] ", "[fatal] ", "[panic] "] {
            if line.contains(mark) {
                return Self::Error(line.replacen(mark, "", 1));
            }
        }
        Self::Other
    }
}

impl FrameInfo {
    /// Reads `pts_time:0.1 duration:1024 duration_time:0.1 fmt:yuv420p sar:4/3 s:96x96 …`.
    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            text.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix(':'))
        };
        let number = |name: &str| {
            let value: f64 = field(name)?.parse().ok()?;
            value.is_finite().then_some(value)
        };
        let aspect = || {
            let (width, height) = field("sar")?.split_once('/')?;
            let aspect = PixelAspect { width: width.parse().ok()?, height: height.parse().ok()? };
            (aspect.width > 0 && aspect.height > 0).then_some(aspect)
        };
        Self { time: number("pts_time"), duration: number("duration_time"), pixel_aspect: aspect() }
    }
}

#[cfg(test)]
mod tests {
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
}
