//! The tables of classes and videos.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};
use seqformer_metrics::{Metric, Row};
use serde::Serialize;

use crate::dataset::{AnnotatedVideo, Dataset};
use crate::outcomes::Outcomes;
use crate::plots::sparkline;
use crate::scored::Scored;

const SPARK_WIDTH: f64 = 96.0;
const SPARK_HEIGHT: f64 = 28.0;

/// A video in tables and cards.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VideoRow {
    pub(crate) place: usize,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) frames: usize,
    pub(crate) objects: usize,
    /// One for each file of results.
    pub(crate) values: Vec<VideoNumbers>,
    /// HOTA of the first results, which order the gallery.
    pub(crate) hota: Option<f64>,
    /// HOTA of the first results less that of the second.
    pub(crate) difference: Option<f64>,
}

/// Numbers of results in one video.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct VideoNumbers {
    pub(crate) results: usize,
    pub(crate) hota: Option<f64>,
    pub(crate) deta: Option<f64>,
    pub(crate) assa: Option<f64>,
    pub(crate) idsw: Option<u64>,
    pub(crate) wrong: usize,
    pub(crate) missed: usize,
}

/// Returns one row for each class with annotations or results.
pub(crate) fn class_rows(dataset: &Dataset<'_>, scored: &[Scored]) -> Vec<Value> {
    let objects = dataset.objects_of_classes();
    let mut rows = Vec::new();
    for (class, name) in dataset.classes.iter().enumerate() {
        let is_present = scored.iter().any(|one| one.precision.per_class[class].is_present);
        if objects[class] == 0 && !is_present {
            continue;
        }
        let ap_of = |one: &Scored| number(one.precision.per_class[class].stats[0]);
        let value = |one: &Scored| {
            let stats = &one.precision.per_class[class].stats;
            let of_class =
                |metric, number| one.number_of(metric, |report| &report.classes, name, number);
            let curves = one.evaluation.curves();
            let place = curves.present().binary_search(&class).ok();
            let curve = place.and_then(|place| curves.mean_precision(Some(0), &[place]));
            context! {
                ap => ap_of(one), ap50 => number(stats[1]), ap75 => number(stats[2]), ar10 => number(stats[7]),
                hota => of_class(Metric::Hota, "HOTA"),
                idf1 => of_class(Metric::Identity, "IDF1"),
                curve => curve.map(|curve| sparkline(&curve, SPARK_WIDTH, SPARK_HEIGHT)).unwrap_or_default(),
            }
        };
        let values: Vec<Value> = scored.iter().map(value).collect();
        let difference = match scored {
            [first, second] => ap_of(first).zip(ap_of(second)).map(|(a, b)| a - b),
            _ => None,
        };
        rows.push(context! { name, objects => objects[class], values, difference });
    }
    rows
}

/// −1 stands for nothing to be found.
fn number(value: f64) -> Option<f64> {
    (value >= 0.0).then_some(value)
}

/// Returns one row for each video; `outcomes` are those of the videos in each file of results.
pub(crate) fn video_rows(
    dataset: &Dataset<'_>,
    scored: &[Scored],
    outcomes: &[Vec<Outcomes<'_>>],
) -> Vec<VideoRow> {
    let shown: Vec<Shown> =
        scored.iter().map(|one| Shown::new(one, dataset.videos.len())).collect();
    let rows = |metric| -> Vec<BTreeMap<&str, &Row>> {
        scored.iter().map(|one| one.videos(metric)).collect()
    };
    let (hota, clear) = (rows(Metric::Hota), rows(Metric::Mots));
    let row = |(place, video): (usize, &AnnotatedVideo<'_>)| {
        let value = |file: usize| {
            let number = |rows: &[BTreeMap<&str, &Row>], name| {
                rows[file].get(video.id.as_str())?.scores.number(name)
            };
            let is_shown = |result: usize| shown[file].results.contains(&result);
            let [wrong, missed] = outcomes[file][place].num_errors(is_shown);
            VideoNumbers {
                results: shown[file].of_videos[place],
                hota: number(&hota, "HOTA"),
                deta: number(&hota, "DetA"),
                assa: number(&hota, "AssA"),
                idsw: number(&clear, "IDSW").map(|count| count.round() as u64),
                wrong,
                missed,
            }
        };
        let values: Vec<VideoNumbers> = (0..scored.len()).map(value).collect();
        let hota = values.first().and_then(|value| value.hota);
        let difference = match &values[..] {
            [first, second] => first.hota.zip(second.hota).map(|(a, b)| a - b),
            _ => None,
        };
        VideoRow {
            place,
            id: video.id.clone(),
            name: video.name.clone(),
            frames: video.num_frames(),
            objects: video.num_objects(),
            values,
            hota,
            difference,
        }
    };
    dataset.videos.iter().enumerate().map(row).collect()
}

/// The results that are worth showing.
#[derive(Debug)]
struct Shown {
    /// By their place in the file.
    results: BTreeSet<usize>,
    /// How many each video has.
    of_videos: Vec<usize>,
}

impl Shown {
    fn new(one: &Scored, num_videos: usize) -> Self {
        let mut shown = Self { results: BTreeSet::new(), of_videos: vec![0; num_videos] };
        for result in one.errors.results.iter().filter(|r| r.score >= one.point.min_score) {
            shown.results.insert(result.result);
            shown.of_videos[result.video] += 1;
        }
        shown
    }
}
