//! Statistics of one video.

use seqformer_convert::{Track, Video};
use seqformer_masks::{BoxXywh, ImageSize};

use super::OcclusionCounts;
use super::overlap::overlap_rate;

/// Statistics of one track.
#[derive(Debug, Default)]
pub(super) struct TrackNumbers {
    pub(super) category_id: i64,
    pub(super) num_masks: usize,
    pub(super) num_boxes: usize,
    /// The sum of its areas in pixels.
    pub(super) area: f64,
    pub(super) gaps: Vec<usize>,
    pub(super) occlusion: Option<OcclusionCounts>,
}

/// Statistics of one video.
#[derive(Debug, Default)]
pub(super) struct VideoNumbers {
    pub(super) tracks: Vec<TrackNumbers>,
    pub(super) num_crowds: usize,
    pub(super) num_ignored: usize,
    /// The number of objects of every frame.
    pub(super) objects: Vec<usize>,
    /// The bounding-box occlusion rate of every frame with objects.
    pub(super) rates: Vec<f64>,
}

impl VideoNumbers {
    /// Counts what is in a video.
    pub(super) fn new(video: &Video) -> Self {
        let mut numbers = Self { objects: vec![0; video.length], ..Self::default() };
        let mut boxes: Vec<Vec<BoxXywh>> = vec![Vec::new(); video.length];
        for track in &video.tracks {
            if track.is_crowd || track.is_ignored {
                numbers.num_ignored += usize::from(track.is_ignored);
                numbers.num_crowds += usize::from(!track.is_ignored);
                continue;
            }
            numbers.tracks.push(TrackNumbers::new(track, video.size, &mut boxes));
        }
        for (objects, boxes) in numbers.objects.iter_mut().zip(&boxes) {
            *objects = boxes.len();
        }
        numbers.rates = boxes.iter().filter_map(|boxes| overlap_rate(boxes)).collect();
        numbers
    }
}

impl TrackNumbers {
    /// Measures an object, and adds its boxes to those of the frames.
    fn new(track: &Track, size: ImageSize, boxes: &mut [Vec<BoxXywh>]) -> Self {
        let mut numbers = Self { category_id: track.category_id, ..Self::default() };
        let mut last_seen = None;
        let mut occlusion = (!track.occlusion.is_empty()).then(OcclusionCounts::default);
        for (frame, shape) in track.shapes.frames().enumerate() {
            let Some(shape) = shape else { continue };
            let (area, bounds) = match shape.draw(size) {
                Some(mask) if mask.area() == 0 => continue,
                Some(mask) => {
                    numbers.num_masks += 1;
                    (mask.area() as f64, mask.bounding_box())
                }
                None => {
                    numbers.num_boxes += 1;
                    let bounds = shape.bounding_box();
                    (bounds.width * bounds.height, bounds)
                }
            };
            numbers.area += area;
            if let Some(boxes) = boxes.get_mut(frame) {
                boxes.push(bounds);
            }
            if let Some(last) = last_seen
                && frame > last + 1
            {
                numbers.gaps.push(frame - last - 1);
            }
            last_seen = Some(frame);
            if let Some(counts) = &mut occlusion {
                counts.count(track.occlusion.get(frame).copied().flatten());
            }
        }
        numbers.occlusion = occlusion;
        numbers
    }
}
