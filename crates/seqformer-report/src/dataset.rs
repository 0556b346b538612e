//! What the annotations have: classes, videos and objects.

use seqformer_annotations::{Id, Video};
use seqformer_evaluation::{GroundTruth, TruthTrack};
use serde::Serialize;

/// Annotations by video and class, both by their place in the order of ids.
#[derive(Debug)]
pub(crate) struct Dataset<'a> {
    pub(crate) classes: Vec<String>,
    pub(crate) videos: Vec<AnnotatedVideo<'a>>,
}

/// A video with its objects.
#[derive(Debug)]
pub(crate) struct AnnotatedVideo<'a> {
    pub(crate) video: &'a Video,
    /// Its id as text.
    pub(crate) id: String,
    /// The folder of its frames, otherwise its id.
    pub(crate) name: String,
    /// Its objects with the place of their class, in the order of the file.
    pub(crate) truths: Vec<(usize, &'a TruthTrack)>,
}

/// Numbers of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Totals {
    pub(crate) videos: usize,
    pub(crate) frames: usize,
    pub(crate) objects: usize,
    pub(crate) crowds: usize,
    pub(crate) masks: usize,
    pub(crate) classes: usize,
    /// Classes with an object.
    pub(crate) present: usize,
}

impl<'a> Dataset<'a> {
    pub(crate) fn new(truth: &'a GroundTruth) -> Self {
        let ids: Vec<i64> = truth.categories().map(|category| category.id).collect();
        let video = |video: &'a Video| {
            let id = match truth.video_ids().id(video.id) {
                Id::Text(text) => text.into_string(),
                number @ Id::Number(_) => number.to_string(),
            };
            let folder =
                video.file_names.as_ref().and_then(|names| names.first()).and_then(|name| {
                    let (folder, _) = name.rsplit_once('/')?;
                    folder.rsplit('/').next().filter(|folder| !folder.is_empty())
                });
            let name = folder.unwrap_or(&id).to_owned();
            AnnotatedVideo { video, id, name, truths: Vec::new() }
        };
        let mut videos: Vec<AnnotatedVideo<'a>> = truth.videos().map(video).collect();
        for track in truth.tracks() {
            let place = videos.binary_search_by_key(&track.video_id, |video| video.video.id);
            let class = ids.binary_search(&track.category_id);
            if let (Ok(place), Ok(class)) = (place, class) {
                videos[place].truths.push((class, track));
            }
        }
        Self { classes: seqformer_metrics::class_names(truth), videos }
    }

    /// Counts what there is.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals =
            Totals { videos: self.videos.len(), classes: self.classes.len(), ..Totals::default() };
        for video in &self.videos {
            totals.frames += video.num_frames();
            for (_, track) in &video.truths {
                totals.crowds += usize::from(track.is_crowd);
                totals.objects += usize::from(!track.is_crowd);
                totals.masks += num_seen(track);
            }
        }
        totals.present = self.objects_of_classes().iter().filter(|count| **count > 0).count();
        totals
    }

    /// Counts the objects of every class.
    pub(crate) fn objects_of_classes(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for (class, track) in self.videos.iter().flat_map(|video| &video.truths) {
            counts[*class] += usize::from(!track.is_crowd);
        }
        counts
    }
}

impl AnnotatedVideo<'_> {
    /// Returns how many frames annotations or names of files reach; a length that nothing reaches shows nothing.
    pub(crate) fn num_frames(&self) -> usize {
        let annotated = self.truths.iter().map(|(_, track)| track.masks().len()).max();
        let named = self.video.file_names.as_ref().map(|names| names.len());
        self.video.length.min(annotated.max(named).unwrap_or(0))
    }

    /// Counts the objects, crowds aside.
    pub(crate) fn num_objects(&self) -> usize {
        self.truths.iter().filter(|(_, track)| !track.is_crowd).count()
    }
}

/// Returns in how many frames an object has pixels.
pub(crate) fn num_seen(track: &TruthTrack) -> usize {
    track.masks().areas().flatten().filter(|area| *area > 0).count()
}
