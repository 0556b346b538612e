//! Statistics of a dataset: what it holds, and how hard it is.

mod overlap;
mod table;
mod video;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use seqformer_convert::{Dataset, Occlusion};
use serde::Serialize;

use self::video::{TrackNumbers, VideoNumbers};

/// What is in a dataset. Crowds and regions to be ignored are counted separately, and are not part of the other numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// The number of videos.
    pub num_videos: usize,
    /// The number of videos without an object.
    pub num_empty_videos: usize,
    /// The number of frames.
    pub num_frames: usize,
    /// The number of objects.
    pub num_tracks: usize,
    /// The number of masks: of objects on single frames.
    pub num_masks: usize,
    /// The number of boxes without a mask.
    pub num_boxes: usize,
    /// The number of crowds.
    pub num_crowds: usize,
    /// The number of regions to be ignored.
    pub num_ignored: usize,
    /// The classes in the order of the dataset.
    pub classes: Vec<ClassCounts>,
    /// The sizes of frames, the most frequent one first.
    pub frame_sizes: Vec<FrameSizes>,
    /// Frames a video.
    pub video_lengths: Option<Distribution>,
    /// Objects a video.
    pub tracks_per_video: Option<Distribution>,
    /// Objects a frame.
    pub objects_per_frame: Option<Distribution>,
    /// Frames on which an object is seen.
    pub track_lengths: Option<Distribution>,
    /// Objects by their mean area, as COCO divides them.
    pub sizes: SizeCounts,
    /// The mean area of an object as a part of the frame.
    pub relative_areas: Option<Distribution>,
    /// Levels of occlusion as in OVIS, if the dataset has them.
    pub occlusion: Option<OcclusionCounts>,
    /// OVIS's bounding-box occlusion rate: the part of the area of all boxes that lies in two or more, as a mean over
    /// the frames with objects.
    pub box_occlusion_rate: Option<f64>,
    /// Objects that are away for some frames.
    pub reappearance: Reappearance,
}

/// The objects of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClassCounts {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The number of videos with such an object.
    pub num_videos: usize,
    /// The number of objects.
    pub num_tracks: usize,
    /// The number of masks, or boxes without one.
    pub num_masks: usize,
}

/// The videos of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FrameSizes {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The number of videos.
    pub num_videos: usize,
}

/// A summary of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// The smallest.
    pub min: f64,
    /// The median; the lower one of two.
    pub median: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// Objects by their mean area in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SizeCounts {
    /// Below 32².
    pub small: usize,
    /// From 32² and below 96².
    pub medium: usize,
    /// From 96².
    pub large: usize,
}

/// Levels of occlusion, as numbers of masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OcclusionCounts {
    /// Not at all.
    pub none: usize,
    /// In part.
    pub slight: usize,
    /// Mostly.
    pub severe: usize,
    /// Unknown.
    pub unknown: usize,
}

/// Objects that are away for some frames, and come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Reappearance {
    /// The number of objects.
    pub num_tracks: usize,
    /// Number of times that an object comes back.
    pub num_gaps: usize,
    /// Number of frames for which it was away.
    pub gap_lengths: Option<Distribution>,
}

/// COCO's bounds of small and medium objects.
const SMALL: f64 = 32.0 * 32.0;
const MEDIUM: f64 = 96.0 * 96.0;

impl Distribution {
    /// Summarizes numbers; `None` if there are none.
    pub fn new(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(Self { min, median: values[(values.len() - 1) / 2], mean, max })
    }
}

impl Statistics {
    /// Counts what is in a dataset.
    pub fn new(dataset: &Dataset) -> Self {
        let videos: Vec<VideoNumbers> = dataset.videos.par_iter().map(VideoNumbers::new).collect();
        let tracks = || videos.iter().flat_map(|video| &video.tracks);
        let sum = |of: &dyn Fn(&VideoNumbers) -> usize| videos.iter().map(of).sum::<usize>();
        let all = |values: &mut dyn Iterator<Item = usize>| {
            Distribution::new(values.map(|value| value as f64).collect())
        };
        let length = |track: &TrackNumbers| track.num_masks + track.num_boxes;
        let seen = || tracks().filter(|track| length(track) > 0);
        let mean_area = |track: &TrackNumbers| track.area / length(track) as f64;
        let mut sizes = SizeCounts::default();
        for area in seen().map(mean_area) {
            let count = match area {
                area if area < SMALL => &mut sizes.small,
                area if area < MEDIUM => &mut sizes.medium,
                _ => &mut sizes.large,
            };
            *count += 1;
        }
        let relative = dataset.videos.iter().zip(&videos).flat_map(|(video, numbers)| {
            let pixels = video.size.num_pixels() as f64;
            let seen = numbers.tracks.iter().filter(|track| length(track) > 0);
            seen.map(move |track| mean_area(track) / pixels)
        });
        let rates: Vec<f64> = videos.iter().flat_map(|video| video.rates.iter().copied()).collect();
        let mut occlusion: Option<OcclusionCounts> = None;
        for counts in tracks().filter_map(|track| track.occlusion.as_ref()) {
            occlusion.get_or_insert_default().add(counts);
        }
        // Objects without a level, in a dataset that has levels for others.
        if let Some(counts) = &mut occlusion {
            let silent = tracks().filter(|track| track.occlusion.is_none());
            counts.unknown += silent.map(length).sum::<usize>();
        }
        Self {
            num_videos: videos.len(),
            num_empty_videos: videos.iter().filter(|video| video.tracks.is_empty()).count(),
            num_frames: dataset.videos.iter().map(|video| video.length).sum(),
            num_tracks: tracks().count(),
            num_masks: tracks().map(|track| track.num_masks).sum(),
            num_boxes: tracks().map(|track| track.num_boxes).sum(),
            num_crowds: sum(&|video| video.num_crowds),
            num_ignored: sum(&|video| video.num_ignored),
            classes: classes(dataset, &videos),
            frame_sizes: frame_sizes(dataset),
            video_lengths: all(&mut dataset.videos.iter().map(|video| video.length)),
            tracks_per_video: all(&mut videos.iter().map(|video| video.tracks.len())),
            objects_per_frame: all(&mut videos
                .iter()
                .flat_map(|video| video.objects.iter().copied())),
            track_lengths: all(&mut seen().map(length)),
            sizes,
            relative_areas: Distribution::new(relative.collect()),
            occlusion,
            box_occlusion_rate: Distribution::new(rates).map(|rates| rates.mean),
            reappearance: Reappearance {
                num_tracks: tracks().filter(|track| !track.gaps.is_empty()).count(),
                num_gaps: tracks().map(|track| track.gaps.len()).sum(),
                gap_lengths: all(&mut tracks().flat_map(|track| track.gaps.iter().copied())),
            },
        }
    }
}

impl OcclusionCounts {
    fn count(&mut self, occlusion: Option<Occlusion>) {
        let count = match occlusion {
            Some(Occlusion::None) => &mut self.none,
            Some(Occlusion::Slight) => &mut self.slight,
            Some(Occlusion::Severe) => &mut self.severe,
            None => &mut self.unknown,
        };
        *count += 1;
    }

    fn add(&mut self, other: &Self) {
        self.none += other.none;
        self.slight += other.slight;
        self.severe += other.severe;
        self.unknown += other.unknown;
    }
}

fn classes(dataset: &Dataset, videos: &[VideoNumbers]) -> Vec<ClassCounts> {
    let mut counts: BTreeMap<i64, ClassCounts> = BTreeMap::new();
    for video in videos {
        let present: BTreeSet<i64> = video.tracks.iter().map(|track| track.category_id).collect();
        for id in present {
            counts.entry(id).or_default().num_videos += 1;
        }
        for track in &video.tracks {
            let class = counts.entry(track.category_id).or_default();
            class.num_tracks += 1;
            class.num_masks += track.num_masks + track.num_boxes;
        }
    }
    let named = dataset.categories.iter().map(|category| {
        let counted = counts.remove(&category.id).unwrap_or_default();
        ClassCounts { id: category.id, name: category.name.clone(), ..counted }
    });
    named.collect()
}

fn frame_sizes(dataset: &Dataset) -> Vec<FrameSizes> {
    let mut counts: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for video in &dataset.videos {
        *counts.entry((video.size.width, video.size.height)).or_default() += 1;
    }
    let sizes = counts.into_iter();
    let mut sizes: Vec<FrameSizes> = sizes
        .map(|((width, height), num_videos)| FrameSizes { width, height, num_videos })
        .collect();
    sizes.sort_by_key(|sizes| std::cmp::Reverse(sizes.num_videos));
    sizes
}

#[cfg(test)]
mod tests {
    use seqformer_convert::{Format, ReadOptions, read};
    use serde_json::json;

    use super::*;

    fn statistics(file: &serde_json::Value) -> Statistics {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let read = read(&path, Some(Format::Ytvis), &ReadOptions::default()).unwrap();
        Statistics::new(&read.dataset)
    }

    #[test]
    fn every_number_is_that_of_a_count_by_hand() {
        // Frames of 8x8; columns of pixels from x on.
        let columns = |x: usize, width: usize| json!({"size": [8, 8], "counts": [8 * x, 8 * width, 64 - 8 * (x + width)]});
        let file = json!({
            "videos": [{"id": 1, "height": 8, "width": 8, "length": 4}, {"id": 2, "height": 8, "width": 8, "length": 1}],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "cow"}],
            "annotations": [
                {"id": 1, "video_id": 1, "category_id": 1, "segmentations": [columns(0, 4), null, null, columns(0, 2)],
                 "occlusion": ["no_occlusion", null, null, "severe_occlusion"]},
                {"id": 2, "video_id": 1, "category_id": 1, "segmentations": [columns(2, 4), columns(0, 8), null, null]},
                {"id": 3, "video_id": 1, "category_id": 2, "iscrowd": 1, "segmentations": [columns(0, 8), null, null, null]},
                {"id": 4, "video_id": 1, "category_id": 2, "ignore": 1, "segmentations": [columns(0, 8), null, null, null]}]});
        let found = statistics(&file);
        assert_eq!((found.num_videos, found.num_empty_videos, found.num_frames), (2, 1, 5));
        assert_eq!(
            (found.num_tracks, found.num_masks, found.num_crowds, found.num_ignored),
            (2, 4, 1, 1)
        );
        let class = |index: usize| {
            (
                found.classes[index].num_videos,
                found.classes[index].num_tracks,
                found.classes[index].num_masks,
            )
        };
        assert_eq!([class(0), class(1), class(2)], [(1, 2, 4), (0, 0, 0), (0, 0, 0)]);
        let Some(objects) = found.objects_per_frame else { panic!() };
        assert_eq!((objects.min, objects.median, objects.mean, objects.max), (0.0, 1.0, 0.8, 2.0));
        assert_eq!(
            found.occlusion,
            Some(OcclusionCounts { none: 1, slight: 0, severe: 1, unknown: 2 })
        );
        let Reappearance { num_tracks, num_gaps, gap_lengths } = found.reappearance;
        assert_eq!((num_tracks, num_gaps, gap_lengths.unwrap().max), (1, 1, 2.0));
        // Frame 0: columns 2 and 3 of 0 to 5 are in two boxes; frames 1 and 3 have one object.
        assert!((found.box_occlusion_rate.unwrap() - (2.0 / 6.0) / 3.0).abs() < 1e-12);
        // Mean areas of 24 and 48 of 64 pixels.
        let areas = found.relative_areas.unwrap();
        assert_eq!((areas.min, areas.max, found.sizes.small), (0.375, 0.75, 2));
        let table = found.to_string();
        for line in ["videos      2 (1 without objects)", "cat", "8x8"] {
            assert!(table.contains(line), "{table}");
        }
    }

    #[test]
    fn nothing_is_counted_in_an_empty_dataset() {
        let found = statistics(&json!({"videos": [], "categories": [], "annotations": []}));
        assert_eq!(found, Statistics::default());
        assert!(found.to_string().contains("videos      0"), "{found}");
    }
}
