//! What a dataset holds: videos, sizes, objects and classes.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_convert::{Dataset, Shape, Track, Video};

/// The numbers of a dataset, or of a part of it. Objects without a mask and crowds are not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Videos, or single images.
    pub videos: usize,
    /// Their frames.
    pub frames: usize,
    /// Their objects.
    pub objects: usize,
    /// How often each class occurs, in the order of the classes.
    pub classes: Vec<ClassCount>,
    /// The largest number of objects in one video.
    pub most_objects: usize,
    /// The frames of the shortest and of the longest video.
    pub lengths: (usize, usize),
    /// The shortest, the median and the longest short edge of a video's frames, in pixels.
    pub short_edges: (u32, u32, u32),
}

/// How often a class occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassCount {
    /// Its name.
    pub name: String,
    /// Its objects.
    pub objects: usize,
    /// The videos with one of them.
    pub videos: usize,
}

impl Counts {
    /// Counts what is in a dataset.
    pub fn of(dataset: &Dataset) -> Self {
        let mut objects: BTreeMap<i64, usize> = BTreeMap::new();
        let mut with_class: BTreeMap<i64, usize> = BTreeMap::new();
        let mut most_objects = 0;
        for video in &dataset.videos {
            let mut in_video = 0;
            for track in video.tracks.iter().filter(|track| is_trained_on(track)) {
                *objects.entry(track.category_id).or_insert(0) += 1;
                in_video += 1;
            }
            most_objects = most_objects.max(in_video);
            for class in classes_of(video) {
                *with_class.entry(class).or_insert(0) += 1;
            }
        }
        let count = |counts: &BTreeMap<i64, usize>, id| counts.get(&id).copied().unwrap_or(0);
        let classes = dataset.categories.iter().map(|category| ClassCount {
            name: category.name.clone(),
            objects: count(&objects, category.id),
            videos: count(&with_class, category.id),
        });
        let lengths = || dataset.videos.iter().map(|video| video.length);
        let mut short_edges: Vec<u32> =
            dataset.videos.iter().map(|video| video.size.height.min(video.size.width)).collect();
        short_edges.sort_unstable();
        let edge = |index: usize| short_edges.get(index).copied().unwrap_or(0);
        Self {
            videos: dataset.videos.len(),
            frames: lengths().sum(),
            objects: objects.values().sum(),
            classes: classes.collect(),
            most_objects,
            lengths: (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)),
            short_edges: (
                edge(0),
                edge(short_edges.len() / 2),
                edge(short_edges.len().saturating_sub(1)),
            ),
        }
    }

    /// The names of classes without an object.
    pub fn unused_classes(&self) -> Vec<&str> {
        let unused = self.classes.iter().filter(|class| class.objects == 0);
        unused.map(|class| class.name.as_str()).collect()
    }
}

/// The classes of a video's objects.
pub(crate) fn classes_of(video: &Video) -> BTreeSet<i64> {
    let tracks = video.tracks.iter().filter(|track| is_trained_on(track));
    tracks.map(|track| track.category_id).collect()
}

/// Whether a track has a mask on any frame and is no crowd.
fn is_trained_on(track: &Track) -> bool {
    let has_mask = |shape: &Shape| !matches!(shape, Shape::Box(_));
    !track.is_crowd && track.shapes.frames().flatten().any(|shape| has_mask(&shape))
}
