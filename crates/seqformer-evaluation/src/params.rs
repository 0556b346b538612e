//! What the benchmarks measure at: IoU thresholds, recall points, area ranges, limits on detections.
//!
//! Reference: pycocotools, `Params`; YouTube-VIS `cocoapi`, `Params`, which differ in the area ranges only.

/// How many IoU thresholds there are.
pub(crate) const NUM_THRESHOLDS: usize = 10;
/// How many recall points there are.
pub(crate) const NUM_RECALL_POINTS: usize = 101;
/// How many detections of a video or image and category count, best score first.
pub const MAX_DETECTIONS: [usize; 3] = [1, 10, 100];
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

/// 0.00 to 1.00 as numpy's `linspace` computes them.
pub(crate) fn recall_points() -> [f64; NUM_RECALL_POINTS] {
    let step = 1.0 / (NUM_RECALL_POINTS - 1) as f64;
    let mut points = std::array::from_fn(|index| index as f64 * step);
    points[NUM_RECALL_POINTS - 1] = 1.0;
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_linspace() {
        // numpy 2.4: np.linspace(0.5, 0.95, 10), np.linspace(0, 1, 101)[[7, 29, 57, 58, 99, 100]]
        assert_eq!(
            iou_thresholds(),
            [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.899_999_999_999_999_9, 0.95]
        );
        let points = [7, 29, 57, 58, 99, 100].map(|index| recall_points()[index]);
        let expected = [0.07, 0.29, 0.570_000_000_000_000_1, 0.58, 0.99, 1.0];
        assert_eq!(points, expected);
    }

    #[test]
    fn both_benchmarks_name_their_area_ranges_alike() {
        assert_eq!(AREA_RANGES.map(|range| range.name), COCO_AREA_RANGES.map(|range| range.name));
        assert!(COCO_AREA_RANGES[1].contains(1024.0) && COCO_AREA_RANGES[2].contains(1024.0));
    }
}
