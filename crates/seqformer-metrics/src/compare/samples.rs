//! Numbers of any choice of videos.

use std::collections::BTreeMap;

use seqformer_evaluation::VideoMatches;

use crate::counts::{Counts, Scores};
use crate::evaluate::{ClassCounts, Metric, TrackMetrics, VideoCounts};
use crate::report::{averages, sum_of_classes, sum_of_videos};

/// The numbers of a choice of videos.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// Over all classes, nothing if there is nothing to be found.
    pub(super) all: Option<f64>,
    /// Of the classes that have a number, by their place.
    pub(super) classes: BTreeMap<usize, f64>,
}

/// Results that have been compared with the annotations of every video.
pub(super) trait Resampled: Sync {
    /// Scores the videos, each so many times.
    fn sample(&self, times: &[u32]) -> Sample;

    /// Scores one video.
    fn video(&self, video: usize) -> Option<f64>;
}

impl Resampled for VideoMatches {
    fn sample(&self, times: &[u32]) -> Sample {
        let classes = self.class_ap(times);
        let count = classes.len() as f64;
        let all = (count > 0.0).then(|| classes.values().sum::<f64>() / count);
        Sample { all, classes }
    }

    fn video(&self, video: usize) -> Option<f64> {
        let times: Vec<u32> = (0..self.num_videos()).map(|v| u32::from(v == video)).collect();
        self.sample(&times).all
    }
}

/// One metric of tracks.
struct Tracks<'a, C> {
    metric: Metric,
    metrics: &'a TrackMetrics,
    counts: fn(&VideoCounts) -> &ClassCounts<C>,
}

/// Returns one of the metrics that were evaluated.
pub(super) fn resampled(metrics: &TrackMetrics, metric: Metric) -> Box<dyn Resampled + '_> {
    match metric {
        Metric::Hota => Box::new(Tracks { metric, metrics, counts: |video| &video.hota }),
        Metric::Mots => Box::new(Tracks { metric, metrics, counts: |video| &video.clear }),
        Metric::Identity => Box::new(Tracks { metric, metrics, counts: |video| &video.identity }),
        Metric::Davis => Box::new(Tracks { metric, metrics, counts: |video| &video.davis }),
        Metric::Teta => Box::new(Tracks { metric, metrics, counts: |video| &video.teta }),
    }
}

impl<C: Counts> Resampled for Tracks<'_, C> {
    fn sample(&self, times: &[u32]) -> Sample {
        let videos = self.metrics.videos.iter().zip(times).filter(|(_, times)| **times > 0);
        let videos = videos.map(|(video, &times)| ((self.counts)(video), f64::from(times)));
        let classes = sum_of_videos(videos);
        if classes.values().all(Counts::is_empty) {
            return Sample::default();
        }
        let averages = averages(self.metric, &classes, self.metrics.class_names.len());
        let present = classes.iter().filter(|(_, counts)| !counts.is_empty());
        let number = |(&class, counts): (&usize, &C)| Some((class, first(&counts.scores())?));
        Sample {
            all: averages.first().and_then(|average| first(&average.row.scores)),
            classes: present.filter_map(number).collect(),
        }
    }

    fn video(&self, video: usize) -> Option<f64> {
        let all = sum_of_classes((self.counts)(&self.metrics.videos[video]));
        if all.is_empty() { None } else { first(&all.scores()) }
    }
}

/// Returns the number that stands for a metric.
fn first(scores: &Scores) -> Option<f64> {
    scores.0.first().map(|score| score.value.number())
}
