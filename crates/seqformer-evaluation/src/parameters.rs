//! IoU thresholds and area ranges for matching detections and grouping results.
//!
//! Reference: pycocotools and YouTube-VIS `cocoapi`, `Params`, which differ only in the area
//! ranges.

/// Number of IoU thresholds.
pub(crate) const NUM_THRESHOLDS: usize = 10;
/// The area ranges of YouTube-VIS: all, small, medium, large.
pub const AREA_RANGES: [AreaRange; 4] = [
    AreaRange { name: "all", low: 0.0, high: 1e10 },
    AreaRange { name: "small", low: 0.0, high: 16384.0 },
    AreaRange { name: "medium", low: 16384.0, high: 65536.0 },
    AreaRange { name: "large", low: 65536.0, high: 1e10 },
];

/// The area ranges of COCO, with the same names.
pub const COCO_AREA_RANGES: [AreaRange; AREA_RANGES.len()] = [
    AreaRange { name: "all", low: 0.0, high: 1e10 },
    AreaRange { name: "small", low: 0.0, high: 1024.0 },
    AreaRange { name: "medium", low: 1024.0, high: 9216.0 },
    AreaRange { name: "large", low: 9216.0, high: 1e10 },
];

/// A range of areas in pixels, including both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AreaRange {
    /// Its name in the summary.
    pub name: &'static str,
    /// The smallest area.
    pub low: f64,
    /// The largest area.
    pub high: f64,
}

impl AreaRange {
    /// Returns whether an area lies in the range.
    pub fn contains(self, area: f64) -> bool {
        self.low <= area && area <= self.high
    }
}

/// 0.50 to 0.95 as computed by numpy's `linspace`: the ninth is slightly below 0.9.
pub(crate) fn iou_thresholds() -> [f64; NUM_THRESHOLDS] {
    let step = (0.95 - 0.5) / (NUM_THRESHOLDS - 1) as f64;
    let mut thresholds = std::array::from_fn(|index| index as f64 * step + 0.5);
    thresholds[NUM_THRESHOLDS - 1] = 0.95;
    thresholds
}
