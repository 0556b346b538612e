//! The errors of one video.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_evaluation::{
    EvaluationError, MAX_DETECTIONS, PairedResult, PairedVideo, TruthTrack, match_tracks,
};
use seqformer_masks::IouMatrix;

use super::compared::Compared;
use super::{BACKGROUND_IOU, ErrorKind, FOREGROUND_IOU};

/// Least part of a track that says something about its identity: of its frames that are followed,
/// or of the frames of an object.
const PART: f64 = 0.1;
/// A result has an object whole that it covers by this part.
const COVERED: f64 = 0.5;

/// Everything that is found in one video.
#[derive(Debug)]
pub(super) struct VideoErrors {
    pub(super) errors: Vec<FoundError>,
    /// How many objects there are to be found in each category.
    pub(super) positives: BTreeMap<usize, usize>,
    pub(super) results: Vec<FoundResult>,
    pub(super) truths: Vec<FoundTruth>,
}

/// An error by the places of results and annotations in the video.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundError {
    pub(super) kind: ErrorKind,
    pub(super) category: usize,
    pub(super) result: Option<usize>,
    /// Objects that would be found if it were mended, unless they are found otherwise.
    pub(super) targets: Vec<usize>,
}

/// A result that counts, by class and score.
#[derive(Debug, Clone)]
pub(super) struct FoundResult {
    pub(super) category: usize,
    pub(super) score: f64,
    /// Its place in the file.
    pub(super) index: usize,
    /// Right, wrong, or nothing if it does not count.
    pub(super) is_right: Option<bool>,
    /// The place of the annotation that it matches.
    pub(super) truth: Option<usize>,
}

/// An annotated object.
#[derive(Debug, Clone)]
pub(super) struct FoundTruth {
    pub(super) id: i64,
    pub(super) category: usize,
    pub(super) is_crowd: bool,
    pub(super) is_found: bool,
}

/// A result in the ranking over all videos.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Detection {
    pub(super) category: usize,
    pub(super) score: f64,
    /// Right, wrong, or nothing if it does not count.
    pub(super) is_right: Option<bool>,
}

impl VideoErrors {
    pub(super) fn find(video: &PairedVideo<'_>) -> Result<Self, EvaluationError> {
        let truths: Vec<&TruthTrack> = video.truths().iter().map(|truth| truth.track).collect();
        let ranked = ranked(video);
        let compared: Vec<Compared> =
            ranked.iter().map(|r| Compared::new(r, &truths)).collect::<Result<_, _>>()?;
        let mut found = Self {
            errors: Vec::new(),
            positives: BTreeMap::new(),
            results: Vec::new(),
            truths: Vec::new(),
        };
        for truth in video.truths() {
            let (id, is_crowd) = (truth.track.id, truth.track.is_crowd);
            let category = truth.category;
            found.truths.push(FoundTruth { id, category, is_crowd, is_found: false });
            *found.positives.entry(category).or_default() += usize::from(!is_crowd);
        }
        for result in &ranked {
            let (category, score, index) = (result.category, result.score(), result.index());
            let (is_right, truth) = (Some(false), None);
            found.results.push(FoundResult { category, score, index, is_right, truth });
            found.positives.entry(category).or_default();
        }
        found.match_classes(&truths, &compared);
        let wrong: Vec<usize> = (0..found.results.len())
            .filter(|&result| found.results[result].is_right == Some(false))
            .collect();
        let errors = wrong.into_iter().map(|result| found.explain(result, &compared)).collect();
        found.errors = errors;
        found.add_missed();
        Ok(found)
    }

    /// Returns what became of all results, for the ranking over all videos.
    pub(super) fn detections(&self) -> impl Iterator<Item = Detection> {
        self.results.iter().map(|result| Detection {
            category: result.category,
            score: result.score,
            is_right: result.is_right,
        })
    }

    /// Matches within each class, as AP at IoU 0.5 does.
    fn match_classes(&mut self, truths: &[&TruthTrack], compared: &[Compared]) {
        let categories: Vec<usize> = self.positives.keys().copied().collect();
        for category in categories {
            let of_class = |category_of: &dyn Fn(usize) -> usize, count: usize| -> Vec<usize> {
                (0..count).filter(|&place| category_of(place) == category).collect()
            };
            let rows = of_class(&|place| self.results[place].category, self.results.len());
            let columns = of_class(&|place| self.truths[place].category, self.truths.len());
            let pairs = rows.iter().flat_map(|&row| columns.iter().map(move |&c| (row, c)));
            let ious = pairs.map(|(row, column)| compared[row].ious[column]).collect();
            let ious = IouMatrix::from_rows(rows.len(), columns.len(), ious);
            let truths: Vec<&TruthTrack> = columns.iter().map(|&column| truths[column]).collect();
            for (&row, best) in rows.iter().zip(match_tracks(&ious, &truths, FOREGROUND_IOU)) {
                let Some(best) = best else { continue };
                self.results[row].is_right = best.is_right;
                self.results[row].truth = Some(columns[best.truth]);
                self.truths[columns[best.truth]].is_found |= best.is_right == Some(true);
            }
        }
    }

    /// Says what is wrong with a result.
    fn explain(&self, result: usize, compared: &[Compared]) -> FoundError {
        let category = self.results[result].category;
        let this = &compared[result];
        let best = |is_wanted: &dyn Fn(&FoundTruth) -> bool| {
            let places = (0..self.truths.len()).filter(|&place| is_wanted(&self.truths[place]));
            // The first of equals, as TIDE has it.
            places.fold(None, |best: Option<usize>, place| match best {
                Some(best) if this.ious[best] >= this.ious[place] => Some(best),
                _ => Some(place),
            })
        };
        let own = best(&|truth| !truth.is_crowd && truth.category == category);
        let other = best(&|truth| !truth.is_crowd && truth.category != category);
        let iou = |place: Option<usize>| place.map_or(0.0, |place| this.ious[place]);
        let error = |kind, targets| FoundError { kind, category, result: Some(result), targets };
        if iou(own).max(iou(other)) < FOREGROUND_IOU
            && let Some((kind, targets)) = self.identity_error(result, compared)
        {
            return error(kind, targets);
        }
        match (own, other) {
            (Some(own), _) if (BACKGROUND_IOU..=FOREGROUND_IOU).contains(&this.ious[own]) => {
                error(ErrorKind::Localisation, vec![own])
            }
            (_, Some(other)) if this.ious[other] >= FOREGROUND_IOU => {
                error(ErrorKind::Class, vec![other])
            }
            (Some(own), _) if this.ious[own] >= FOREGROUND_IOU => {
                error(ErrorKind::Duplicate, Vec::new())
            }
            _ if iou(own).max(iou(other)) <= BACKGROUND_IOU => {
                error(ErrorKind::Background, Vec::new())
            }
            _ => error(ErrorKind::Both, Vec::new()),
        }
    }

    /// Says whether a result fits no object as a whole because its identity is wrong.
    fn identity_error(
        &self,
        result: usize,
        compared: &[Compared],
    ) -> Option<(ErrorKind, Vec<usize>)> {
        let this = &compared[result];
        let category = self.results[result].category;
        let is_own = |place: usize| self.truths[place].category == category;
        let objects: Vec<usize> =
            (0..self.truths.len()).filter(|&place| !self.truths[place].is_crowd).collect();
        let num_frames = this.areas.iter().filter(|&&area| area > 0).count() as f64;
        let mut followed: BTreeMap<usize, f64> = BTreeMap::new();
        for frame in 0..this.areas.len() {
            if let Some(object) = this.followed(frame, &objects) {
                *followed.entry(object).or_default() += 1.0;
            }
        }
        let total: f64 = followed.values().sum();
        let mut parts: Vec<(usize, f64)> =
            followed.into_iter().filter(|&(_, count)| count >= PART * num_frames).collect();
        // The object that is followed longest first.
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let parts: Vec<usize> = parts.into_iter().map(|(object, _)| object).collect();
        let is_steady = total >= COVERED * num_frames && total > 0.0;
        if is_steady && parts.len() > 1 && is_own(parts[0]) {
            return Some((ErrorKind::Switch, parts));
        }
        let covered: Vec<usize> =
            objects.iter().copied().filter(|&place| this.covered_part(place) >= COVERED).collect();
        if covered.len() > 1
            && covered.iter().any(|&place| is_own(place))
            && this.joint_iou(&covered) >= FOREGROUND_IOU
        {
            return Some((ErrorKind::Merge, covered));
        }
        let &[object] = &parts[..] else { return None };
        if is_steady && is_own(object) && this.iou_where_present(object) >= FOREGROUND_IOU {
            let others = (0..compared.len())
                .filter(|&other| other != result && self.results[other].category == category);
            let others: Vec<&Compared> = others.map(|other| &compared[other]).collect();
            let elsewhere = |frame: &usize| {
                let is_absent = this.areas.get(*frame).is_none_or(|&area| area == 0);
                let goes_on = |other: &&Compared| other.followed(*frame, &objects) == Some(object);
                is_absent && others.iter().any(goes_on)
            };
            let num_elsewhere = (0..this.num_frames(compared)).filter(elsewhere).count() as f64;
            if num_elsewhere > 0.0 && num_elsewhere >= PART * this.truth_frames(object) {
                return Some((ErrorKind::Fragment, vec![object]));
            }
        }
        None
    }

    /// Adds the objects that are not found and that no error is about.
    fn add_missed(&mut self) {
        let targets: BTreeSet<usize> =
            self.errors.iter().flat_map(|error| error.targets.iter().copied()).collect();
        for (place, truth) in self.truths.iter().enumerate() {
            if !truth.is_crowd && !truth.is_found && !targets.contains(&place) {
                let (kind, category) = (ErrorKind::Missed, truth.category);
                self.errors.push(FoundError { kind, category, result: None, targets: vec![place] });
            }
        }
    }
}

/// Returns the results that count: of each class the 100 best of the video.
fn ranked<'a>(video: &PairedVideo<'a>) -> Vec<PairedResult<'a>> {
    let mut ranked = video.results().to_vec();
    ranked.sort_by(|a, b| a.category.cmp(&b.category).then(b.score().total_cmp(&a.score())));
    let mut num_of_class: BTreeMap<usize, usize> = BTreeMap::new();
    ranked.retain(|result| {
        let count = num_of_class.entry(result.category).or_default();
        *count += 1;
        *count <= MAX_DETECTIONS[MAX_DETECTIONS.len() - 1]
    });
    ranked
}
