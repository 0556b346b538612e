//! The whole report: annotations and results in, a folder of pages out.

use std::path::{Path, PathBuf};

use minijinja::context;
use rayon::prelude::*;
use seqformer_evaluation::{
    EvaluationError, GroundTruth, GroupScore, PairedVideo, Results, YtvisEvaluator,
};
use seqformer_metrics::{
    Bootstrap, ComparedMetric, Comparison, EmptyMasks, Metric, Selection, compare,
};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::ReportError;
use crate::frames::Frames;
use crate::lists::{annotated_groups, error_list, gallery};
use crate::outcomes::Outcomes;
use crate::pages::{Frame, NamedFile, Page, Pages};
use crate::scored::{Scored, names_of_results};
use crate::site::Site;
use crate::summary;
use crate::tables::{class_rows, video_rows};
use crate::training::Training;
use crate::video_tracks::{VideoTracks, tracks_of_video};

/// How often videos are drawn for the intervals of differences.
const DRAWS: usize = 1000;

/// What a report is made from, and where it goes.
#[derive(Debug, Clone, Default)]
pub struct ReportPlan {
    /// Annotations in the format of YouTube-VIS.
    pub gt: PathBuf,
    /// None to look at the annotations alone, one, or two that are compared.
    pub results: Vec<PathBuf>,
    /// The folder that the names of frames start from.
    pub frames: Option<PathBuf>,
    /// Whether frames are copied into the report.
    pub copy_frames: bool,
    /// The folder of a training, for a page of its own.
    pub run: Option<PathBuf>,
    /// The score from which results are worth showing, instead of that with the best F1.
    pub min_score: Option<f64>,
    /// The folder of the report, new or empty.
    pub output: PathBuf,
    /// Whether an earlier report may be replaced.
    pub overwrite: bool,
}

/// A report that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenReport {
    /// The first page.
    pub index: PathBuf,
    /// How many videos it has.
    pub num_videos: usize,
    /// The size of all its files.
    pub num_bytes: u64,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// What scripts know of all videos.
#[derive(Debug, Serialize)]
struct Index<'a> {
    title: &'a str,
    /// What the names of frames begin with.
    base: Option<String>,
    classes: &'a [String],
    sources: Vec<Source<'a>>,
    videos: Vec<IndexedVideo<'a>>,
}

/// Annotations, or a file of results.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    name: &'a str,
    min_score: Option<f64>,
}

#[derive(Debug, Serialize)]
struct IndexedVideo<'a> {
    id: &'a str,
    name: &'a str,
    file: String,
}

/// Writes a report.
///
/// # Errors
///
/// Annotations or results that `score` refuses, with its message; an output that may not be written; a folder of frames that has
/// none of them, or of a training that is none.
pub fn write_report(plan: &ReportPlan) -> Result<WrittenReport, ReportError> {
    let mut inputs: Vec<&Path> = vec![&plan.gt];
    inputs.extend(plan.results.iter().map(PathBuf::as_path));
    inputs.extend([&plan.frames, &plan.run].into_iter().flatten().map(PathBuf::as_path));
    Site::claim(&plan.output, plan.overwrite, &inputs)?;
    let training = plan.run.as_deref().map(Training::read).transpose()?;
    let frames = plan.frames.as_deref().map(|folder| Frames::new(folder, plan.copy_frames));
    let frames = frames.transpose()?;
    let truth = GroundTruth::read(&plan.gt)?;
    let results: Vec<Results> =
        plan.results.iter().map(|path| Results::read(path)).collect::<Result<_, _>>()?;
    let evaluator = YtvisEvaluator::new(&truth);
    let dataset = Dataset::new(&truth);
    let paths: Vec<&Path> = plan.results.iter().map(PathBuf::as_path).collect();
    let scored: Vec<Scored> = (results.iter().zip(names_of_results(&paths)))
        .map(|(results, name)| Scored::new(name, &truth, results, plan.min_score))
        .collect::<Result<_, _>>()?;
    let paired: Vec<Vec<PairedVideo<'_>>> =
        results.iter().map(|results| evaluator.videos(results)).collect::<Result<_, _>>()?;
    let num_videos = dataset.videos.len();
    let outcomes: Vec<Vec<Outcomes<'_>>> =
        scored.iter().map(|one| Outcomes::of_videos(&one.errors, num_videos)).collect();
    let groups: Vec<Vec<GroupScore>> = results
        .iter()
        .map(|results| evaluator.evaluate_groups(results))
        .collect::<Result<_, _>>()?;
    let comparison = match &results[..] {
        [first, second] => Some(compared(&truth, [first, second], &scored)?),
        _ => None,
    };

    let site = Site::begin(&plan.output)?;
    let parts =
        Parts { dataset: &dataset, paired: &paired, outcomes: &outcomes, frames: frames.as_ref() };
    (0..num_videos).into_par_iter().try_for_each(|place| parts.write_video(place, &site))?;
    let mut notes = Vec::new();
    if let Some(frames) = &frames {
        let seen = frames.seen(&plan.gt)?;
        if let Some(first) = seen.first_missing {
            let (missing, all) = (seen.num_missing, seen.num_frames);
            notes.push(format!("{missing} of {all} frames are missing, such as {first}; their masks are shown alone."));
        }
    }
    let totals = dataset.totals();
    if totals.objects == 0 && !scored.is_empty() {
        notes.push(
            "The annotations have no objects to be found, so that AP has no value.".to_owned(),
        );
    }
    let title = format!(
        "{} – {}",
        plan.gt.file_stem().unwrap_or_default().to_string_lossy(),
        if scored.is_empty() {
            "annotations".to_owned()
        } else {
            scored.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(" and ")
        }
    );
    let mut sources = vec![Source { name: "annotations", min_score: None }];
    sources.extend(
        scored.iter().map(|one| Source { name: &one.name, min_score: Some(one.point.min_score) }),
    );
    let videos = dataset.videos.iter().enumerate().map(|(place, video)| IndexedVideo {
        id: &video.id,
        name: &video.name,
        file: file_of_video(place),
    });
    let index = Index {
        title: &title,
        base: frames.as_ref().map(|frames| frames.base(&plan.output)),
        classes: &dataset.classes,
        sources,
        videos: videos.collect(),
    };
    site.write_data("videos", "index", &index)?;

    let frame = Frame { files: files(plan), pages: navigation(&scored, training.as_ref()), title };
    let pages = Pages::new(frame, &site)?;
    let rows = video_rows(&dataset, &scored, &outcomes);
    let numbers = if scored.is_empty() {
        context! { results => [0; 0], groups => annotated_groups(&dataset) }
    } else {
        summary::of_results(&scored, &groups, &dataset.classes, comparison.as_deref())
    };
    let (worst, best) = gallery(&rows);
    let best_f1 = plan.min_score.is_none();
    let shared = context! { totals, notes, worst, best, best_f1 };
    pages.write("index.html", context! { ..numbers.clone(), ..shared })?;
    let classes = class_rows(&dataset, &scored);
    pages.write("classes.html", context! { classes, ..numbers.clone() })?;
    pages.write("videos.html", context! { videos => rows, ..numbers.clone() })?;
    pages.write("player.html", numbers.clone())?;
    if !scored.is_empty() {
        site.write_data("errors", "errors", &error_list(&scored))?;
        pages.write("errors.html", numbers.clone())?;
    }
    if let Some(training) = &training {
        pages.write("training.html", context! { training, ..numbers })?;
    }
    let num_bytes = site.finish()?;
    Ok(WrittenReport { index: plan.output.join("index.html"), num_videos, num_bytes, notes })
}

/// What the data of videos is made from.
struct Parts<'a> {
    dataset: &'a Dataset<'a>,
    paired: &'a [Vec<PairedVideo<'a>>],
    outcomes: &'a [Vec<Outcomes<'a>>],
    frames: Option<&'a Frames>,
}

impl Parts<'_> {
    fn write_video(&self, place: usize, site: &Site) -> Result<(), ReportError> {
        let video = &self.dataset.videos[place];
        let results: Vec<(&PairedVideo<'_>, Outcomes<'_>)> =
            (self.paired.iter().zip(self.outcomes))
                .map(|(paired, outcomes)| (&paired[place], outcomes[place].clone()))
                .collect();
        let (tracks, num_other_size) = tracks_of_video(video.video, &video.truths, &results)?;
        let longest = tracks.iter().map(|track| track.masks.len()).max().unwrap_or(0);
        let length = longest.max(video.num_frames());
        let frames = match self.frames {
            Some(frames) => frames.of_video(video.video, length, site)?,
            None => Vec::new(),
        };
        let data = VideoTracks {
            id: video.id.clone(),
            name: video.name.clone(),
            width: video.video.size.width,
            height: video.video.size.height,
            length,
            frames,
            tracks,
            num_other_size,
        };
        site.write_data(&file_of_video(place), "video", &data)
    }
}

fn file_of_video(place: usize) -> String {
    format!("video-{place:05}")
}

fn files(plan: &ReportPlan) -> Vec<NamedFile> {
    let named = |role, path: &Path| NamedFile { role, path: path.display().to_string() };
    let results = plan.results.iter().map(|path| named("results", path));
    let run = plan.run.iter().map(|path| named("training", path));
    [named("annotations", &plan.gt)].into_iter().chain(results).chain(run).collect()
}

fn navigation(scored: &[Scored], training: Option<&Training>) -> Vec<Page> {
    let page = |file, name| Page { file, name };
    let mut pages = vec![
        page("index.html", "Summary"),
        page("classes.html", "Classes"),
        page("videos.html", "Videos"),
    ];
    if !scored.is_empty() {
        pages.push(page("errors.html", "Errors"));
    }
    pages.push(page("player.html", "Player"));
    if training.is_some() {
        pages.push(page("training.html", "Training"));
    }
    pages
}

/// Compares both results as they are worth showing, each in AP, which takes all, and in HOTA and IDF1.
fn compared(
    truth: &GroundTruth,
    results: [&Results; 2],
    scored: &[Scored],
) -> Result<Vec<Comparison>, EvaluationError> {
    // One selection holds for both, so that the lower score decides.
    let min_score = scored.iter().map(|one| one.point.min_score).reduce(f64::min);
    let selection = Selection { min_score, empty_masks: EmptyMasks::Absent };
    let metrics = [
        ComparedMetric::Ap,
        ComparedMetric::Tracks(Metric::Hota),
        ComparedMetric::Tracks(Metric::Identity),
    ];
    compare(truth, results, &metrics, selection, Bootstrap { seed: 0, num_draws: DRAWS })
}
