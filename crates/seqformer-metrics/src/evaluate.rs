//! All metrics of a dataset, video by video.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use seqformer_evaluation::{
    EvaluationError, GroundTruth, ObjectGroup, PairedVideo, Results, YtvisEvaluator,
};

use crate::clear::ClearCounts;
use crate::davis::{self, DavisCounts, davis_of_video};
use crate::hota::{HotaCounts, HotaMatches};
use crate::identity::IdentityCounts;
use crate::mots::{self, by_category, clear_of_video};
use crate::sequence::Sequence;
use crate::teta::{TetaCounts, TetaVideo};
use crate::tracks::{Selection, Track, VideoTracks};

/// A metric of tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Higher order tracking accuracy.
    Hota,
    /// CLEAR on masks that do not overlap.
    Mots,
    /// IDF1 and its parts.
    Identity,
    /// Region similarity and boundary accuracy of DAVIS.
    Davis,
    /// Track-every-thing accuracy.
    Teta,
}

/// The counts of every video, from which reports are made.
#[derive(Debug, Clone)]
pub struct TrackMetrics {
    pub(crate) metrics: Vec<Metric>,
    pub(crate) class_names: Vec<String>,
    pub(crate) video_names: Vec<String>,
    pub(crate) videos: Vec<VideoCounts>,
}

/// Counts of classes, by the place of their category.
pub(crate) type ClassCounts<C> = BTreeMap<usize, C>;

/// Counts of groups of objects, each by the place of their category.
pub(crate) type GroupCounts<C> = BTreeMap<ObjectGroup, ClassCounts<C>>;

/// The counts of one video; those of metrics that nobody asked for are empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct VideoCounts {
    pub(crate) hota: ClassCounts<HotaCounts>,
    pub(crate) hota_groups: GroupCounts<HotaCounts>,
    pub(crate) clear: ClassCounts<ClearCounts>,
    pub(crate) identity: ClassCounts<IdentityCounts>,
    pub(crate) davis: ClassCounts<DavisCounts>,
    pub(crate) davis_groups: GroupCounts<DavisCounts>,
    pub(crate) teta: ClassCounts<TetaCounts>,
    pub(crate) num_empty: usize,
    pub(crate) mots_changes: mots::Changes,
    pub(crate) davis_changes: davis::Changes,
}

/// What is asked for, and what all videos share.
struct Request<'a> {
    metrics: &'a [Metric],
    selection: Selection,
    /// The categories that have annotations in any video.
    annotated: BTreeSet<usize>,
}

impl TrackMetrics {
    /// Compares results with the annotations of a dataset, videos in parallel.
    ///
    /// The cost follows the annotations and results that are there, not the number of classes.
    /// Results of a category that the dataset does not have are left out with a warning, as AP
    /// does.
    ///
    /// # Errors
    ///
    /// A result of a video that the dataset does not have, or a damaged mask.
    pub fn evaluate(
        truth: &GroundTruth,
        results: &Results,
        metrics: &[Metric],
        selection: Selection,
    ) -> Result<Self, EvaluationError> {
        let evaluator = YtvisEvaluator::new(truth);
        let videos = evaluator.videos(results)?;
        let truths = videos.iter().flat_map(PairedVideo::truths);
        let annotated = truths.map(|truth| truth.category).collect();
        let request = Request { metrics, selection, annotated };
        let counted: Vec<Result<VideoCounts, EvaluationError>> =
            videos.par_iter().map(|video| request.count(video)).collect();
        Ok(Self {
            metrics: metrics.to_vec(),
            class_names: class_names(truth),
            video_names: videos.iter().map(|video| video_name(truth, video)).collect(),
            videos: counted.into_iter().collect::<Result<_, _>>()?,
        })
    }
}

impl Request<'_> {
    fn asks_for(&self, metric: Metric) -> bool {
        self.metrics.contains(&metric)
    }

    fn count(&self, video: &PairedVideo<'_>) -> Result<VideoCounts, EvaluationError> {
        let mut counts = VideoCounts::default();
        if video.truths().is_empty() && video.results().is_empty() {
            return Ok(counts);
        }
        let tracks = VideoTracks::load(video, self.selection)?;
        counts.num_empty = tracks.num_empty_results();
        if self.asks_for(Metric::Hota) || self.asks_for(Metric::Identity) {
            for (category, [truths, results]) in by_category(&tracks) {
                let sequence = Sequence::new(&truths, &results, tracks.num_frames);
                if self.asks_for(Metric::Hota) {
                    counts.add_hota(category, &sequence, [&truths, &results]);
                }
                if self.asks_for(Metric::Identity) {
                    counts.identity.insert(category, IdentityCounts::new(&sequence));
                }
            }
        }
        if self.asks_for(Metric::Teta) {
            counts.teta = self.teta(&tracks);
        }
        if self.asks_for(Metric::Mots) {
            (counts.clear, counts.mots_changes) = clear_of_video(tracks.clone());
        }
        if self.asks_for(Metric::Davis) {
            let (objects, changes) = davis_of_video(tracks);
            counts.davis_changes = changes;
            counts.add_objects(video, objects);
        }
        Ok(counts)
    }

    fn teta(&self, tracks: &VideoTracks) -> ClassCounts<TetaCounts> {
        let [truths, results] =
            [&tracks.truths, &tracks.results].map(|tracks| tracks.iter().collect::<Vec<&Track>>());
        let categories = |tracks: &[&Track]| -> Vec<usize> {
            tracks.iter().map(|track| track.category).collect()
        };
        TetaVideo {
            sequence: &Sequence::new(&truths, &results, tracks.num_frames),
            truth_categories: &categories(&truths),
            result_categories: &categories(&results),
            annotated: &self.annotated,
        }
        .counts()
    }
}

impl VideoCounts {
    /// Counts the tracks of one category, all together and by groups.
    fn add_hota(&mut self, category: usize, sequence: &Sequence, tracks: [&[&Track]; 2]) {
        let matches = HotaMatches::new(sequence);
        self.hota.insert(category, matches.counts(&|_| true, &|_| true));
        let [truths, results] = tracks;
        let groups: BTreeSet<ObjectGroup> =
            truths.iter().chain(results).flat_map(|track| track.groups.iter().copied()).collect();
        for group in groups {
            let is_of_group =
                |tracks: &[&Track], track: usize| tracks[track].groups.contains(&group);
            let counts = matches.counts(&|truth| is_of_group(truths, truth), &|result| {
                is_of_group(results, result)
            });
            self.hota_groups.entry(group).or_default().insert(category, counts);
        }
    }

    /// Takes the counts of single objects, which come with their place in the video.
    fn add_objects(&mut self, video: &PairedVideo<'_>, objects: Vec<(usize, DavisCounts)>) {
        use crate::counts::Counts as _;
        for (place, counts) in objects {
            let truth = video.truths()[place];
            self.davis.entry(truth.category).or_default().add(&counts, 1.0);
            for group in ObjectGroup::of(truth.track) {
                let classes = self.davis_groups.entry(group).or_default();
                classes.entry(truth.category).or_default().add(&counts, 1.0);
            }
        }
    }
}

/// Returns the names of the categories in the order of ids; those of one name have their id behind it.
pub fn class_names(truth: &GroundTruth) -> Vec<String> {
    let mut num_of_name: BTreeMap<&str, usize> = BTreeMap::new();
    for category in truth.categories() {
        *num_of_name.entry(&category.name).or_default() += 1;
    }
    let name = |category: &seqformer_annotations::Category| match num_of_name[&*category.name] {
        1 => category.name.clone(),
        _ => format!("{} ({})", category.name, category.id),
    };
    truth.categories().map(name).collect()
}

/// Returns the id of a video as its file has it, texts without quotes.
fn video_name(truth: &GroundTruth, video: &PairedVideo<'_>) -> String {
    match truth.video_ids().id(video.video().id) {
        seqformer_annotations::Id::Text(text) => text.into(),
        number @ seqformer_annotations::Id::Number(_) => number.to_string(),
    }
}
