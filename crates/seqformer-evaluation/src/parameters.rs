//! IoU thresholds and area ranges, by which detections are matched and results are grouped.
//!
//! Reference: pycocotools and YouTube-VIS `cocoapi`, `Params`, which differ in the area ranges only.

/// How many IoU thresholds there are.
pub(crate) const NUM_THRESHOLDS: usize = 10;
/// The area ranges of YouTube-VIS: all, small, medium, large.
pub const AREA_RANGES: [AreaRange; 4] = [
    AreaRange { name: "all", low: 0.0, high: 1e10 },
    AreaRange { name: "small", low: 0.0, high: 16384.0 },
    AreaRange { name: "medium", low: 16384.0, high: 65536.0 },
    AreaRange { name: "large", low: 65536.0, high: 1e10 },
];

/// The area ranges of COCO, by the same names.
pub const COCO_AREA_RANGES: [AreaRange; AREA_RANGES.len()] = [
    AreaRange { name: "all", low: 0.0, high: 1e10 },
    AreaRange { name: "small", low: 0.0, high: 1024.0 },
    AreaRange { name: "medium", low: 1024.0, high: 9216.0 },
    AreaRange { name: "large", low: 9216.0, high: 1e10 },
];

/// A range of areas in pixels; both ends are part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AreaRange {
    /// How the summary names it.
    pub name: &'static str,
    /// The smallest area.
    pub low: f64,
    /// The largest area.
    pub high: f64,
}

impl AreaRange {
    /// Tells whether an area lies in the range.
    pub fn contains(self, area: f64) -> bool {
        self.low <= area && area <= self.high
    }
}

/// 0.50 to 0.95 as numpy's `linspace` computes them: the ninth is a little below 0.9.
pub(crate) fn iou_thresholds() -> [f64; NUM_THRESHOLDS] {
    let step = (0.95 - 0.5) / (NUM_THRESHOLDS - 1) as f64;
    let mut thresholds = std::array::from_fn(|index| index as f64 * step + 0.5);
    thresholds[NUM_THRESHOLDS - 1] = 0.95;
    thresholds
}
