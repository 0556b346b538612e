//! AP of objects by size, length and occlusion.
//!
//! Lengths and occlusion take the place of areas in the matching: objects of other groups count neither for nor against,
//! and neither do wrong results that are of another group themselves. So does TAO: `tao/toolkit/tao/eval.py`, `TaoEval`, with
//! its ranges of areas and lengths.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Pairing, YtvisEvaluator, masks};
use crate::matching::{CategoryMatches, Compared};
use crate::object_group::{LENGTH_RANGES, OCCLUSION_RANGES, ObjectGroup, Presence};
use crate::parameters::AREA_RANGES;
use crate::{Evaluation, EvaluationError, Results};

/// Places of AP and AR of the three ranges among the twelve numbers.
const RANGE_AP: usize = 3;
const RANGE_AR: usize = 9;

/// How well the objects of a group are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupScore {
    /// The group.
    pub group: ObjectGroup,
    /// How many objects it has, crowds aside.
    pub num_objects: usize,
    /// AP over IoU 0.5 to 0.95, −1 where there is nothing to be found.
    pub ap: f64,
    /// AR with up to 100 results for each video and category, −1 where there is nothing to be found.
    pub ar: f64,
}

/// The matches of one video and category by size, length and occlusion.
type Kinds = [CategoryMatches; 3];

impl YtvisEvaluator<'_> {
    /// Scores results by groups of objects: size, length, occlusion. AP by size is that of [`Self::evaluate`].
    ///
    /// # Errors
    ///
    /// As for [`Self::evaluate`].
    pub fn evaluate_groups(&self, results: &Results) -> Result<Vec<GroupScore>, EvaluationError> {
        let score = |pairings: super::VideoPairings<'_>| {
            let kinds = |(category, pairing): (usize, Pairing<'_>)| {
                Ok((category, kinds_of(&pairing, results)?))
            };
            pairings.into_iter().map(kinds).collect::<Result<Vec<_>, EvaluationError>>()
        };
        let videos: Vec<_> = self.pair(results)?.into_par_iter().map(score).collect();
        let mut by_kind: [BTreeMap<usize, Vec<CategoryMatches>>; 3] = Default::default();
        for video in videos {
            for (category, kinds) in video? {
                for (all, matches) in by_kind.iter_mut().zip(kinds) {
                    all.entry(category).or_default().push(matches);
                }
            }
        }
        let stats = by_kind.map(|matches| {
            let categories = self.truth.categories().cloned().collect();
            Evaluation::new(categories, &matches).report().stats
        });
        let mut counts: BTreeMap<ObjectGroup, usize> = BTreeMap::new();
        for track in self.truth.tracks().iter().filter(|track| !track.is_crowd) {
            for group in ObjectGroup::of(track) {
                *counts.entry(group).or_default() += 1;
            }
        }
        let group = |group: ObjectGroup| {
            let (kind, range) = match group {
                ObjectGroup::Size(range) => (0, range - 1),
                ObjectGroup::Length(range) => (1, range),
                ObjectGroup::OutOfSight(is_interrupted) => (2, usize::from(is_interrupted)),
            };
            GroupScore {
                group,
                num_objects: counts.get(&group).copied().unwrap_or(0),
                ap: stats[kind][RANGE_AP + range],
                ar: stats[kind][RANGE_AR + range],
            }
        };
        Ok(ObjectGroup::all().into_iter().map(group).collect())
    }
}

fn kinds_of(pairing: &Pairing<'_>, results: &Results) -> Result<Kinds, EvaluationError> {
    let (mut compared, found) = masks::measured(pairing, results)?;
    let annotated: Vec<Presence> =
        pairing.truths.iter().map(|truth| Presence::of(truth.masks.areas())).collect();
    let by_size = compared.matches(AREA_RANGES);
    replace_areas(&mut compared, &annotated, &found, Presence::length);
    let by_length = compared.matches(LENGTH_RANGES);
    replace_areas(&mut compared, &annotated, &found, Presence::occlusion);
    Ok([by_size, by_length, compared.matches(OCCLUSION_RANGES)])
}

fn replace_areas(
    compared: &mut Compared,
    annotated: &[Presence],
    found: &[Presence],
    measure: fn(Presence) -> f64,
) {
    for (truth, presence) in compared.truths.iter_mut().zip(annotated) {
        truth.area = measure(*presence);
    }
    compared.areas = found.iter().map(|presence| measure(*presence)).collect();
}

#[cfg(test)]
mod tests {
    use std::fs;

    use seqformer_testing::golden_path;
    use serde_json::{Value, json};

    use crate::{GroundTruth, GroupScore, Results, YtvisEvaluator};

    const FULL: &str = "04";
    const NUM_FRAMES: usize = 12;

    fn score(truth: &GroundTruth, results: &Results) -> Vec<GroupScore> {
        YtvisEvaluator::new(truth).evaluate_groups(results).unwrap()
    }

    #[test]
    fn ap_by_size_is_that_of_the_official_tool() {
        for case in ["eval", "eval_edge"] {
            let folder = golden_path("public").join(case);
            let truth = GroundTruth::read(&folder.join("gt.json")).unwrap();
            let results = Results::read(&folder.join("results.json")).unwrap();
            let stats = YtvisEvaluator::new(&truth).evaluate(&results).unwrap().report().stats;
            let found = score(&truth, &results);
            let sizes: Vec<f64> =
                found[..3].iter().flat_map(|group| [group.ap, group.ar]).collect();
            assert_eq!(sizes, [stats[3], stats[9], stats[4], stats[10], stats[5], stats[11]]);
            let counts: Vec<usize> = found.iter().map(|group| group.num_objects).collect();
            assert_eq!(counts[3..6].iter().sum::<usize>(), counts[6..].iter().sum::<usize>());
        }
    }

    /// A track with pixels in the frames that are not dots.
    fn track(frames: &str) -> Vec<Value> {
        let mask = |seen| if seen { json!({"size": [2, 2], "counts": FULL}) } else { Value::Null };
        let mut masks: Vec<Value> = frames.chars().map(|frame| mask(frame != '.')).collect();
        masks.resize(NUM_FRAMES, Value::Null);
        masks
    }

    /// Scores videos of one object and perhaps one result each: name of the group, its AP and objects.
    fn groups(videos: &[(&str, Option<&str>)]) -> Vec<(String, f64, usize)> {
        let folder = tempfile::tempdir().unwrap();
        let ids = 1..=videos.len();
        let list: Vec<Value> = ids
            .clone()
            .map(|id| json!({"id": id, "height": 2, "width": 2, "length": NUM_FRAMES}))
            .collect();
        let annotations: Vec<Value> = ids.clone().zip(videos).filter(|(_, (truth, _))| !truth.is_empty())
            .map(|(id, (truth, _))| json!({"id": id, "video_id": id, "category_id": 1, "iscrowd": 0, "segmentations": track(truth)}))
            .collect();
        let results: Vec<Value> = ids.zip(videos)
            .filter_map(|(id, (_, result))| Some((id, (*result)?)))
            .map(|(id, result)| json!({"video_id": id, "category_id": 1, "score": 0.9, "segmentations": track(result)}))
            .collect();
        let categories = json!([{"id": 1, "name": "car"}]);
        let gt = json!({"videos": list, "categories": categories, "annotations": annotations});
        let [gt_path, results_path] =
            ["gt.json", "results.json"].map(|name| folder.path().join(name));
        fs::write(&gt_path, gt.to_string()).unwrap();
        fs::write(&results_path, Value::from(results).to_string()).unwrap();
        let truth = GroundTruth::read(&gt_path).unwrap();
        let found = score(&truth, &Results::read(&results_path).unwrap());
        found.iter().map(|group| (group.group.name(), group.ap, group.num_objects)).collect()
    }

    #[test]
    fn each_group_is_scored_without_the_others() {
        let long = "xxxxxxxxxxxx";
        // Short ones are found, one of two long ones is missed, and one that goes out of sight is.
        let found = groups(&[
            ("xx", Some("xx")),
            (long, Some(long)),
            (long, None),
            ("x....x", None),
            // Wrong, and long itself: it costs long objects alone.
            ("", Some(long)),
        ]);
        let ap_of = |name: &str| found.iter().find(|group| group.0 == name).map(|g| (g.1, g.2));
        let (short, count) = ap_of("length: up to 3").unwrap();
        // One of two is found, and no wrong result is short: precision 1 up to recall 0.5, 51 of 101 points.
        assert!((short - 51.0 / 101.0).abs() < 1e-9 && count == 2, "{short}, {count}");
        assert_eq!(ap_of("length: 4 to 10").unwrap(), (-1.0, 0));
        let (long, count) = ap_of("length: over 10").unwrap();
        assert!((long - 51.0 / 101.0).abs() < 1e-9 && count == 2, "{long}, {count}");
        assert_eq!(ap_of("occlusion: out of sight in between").unwrap(), (0.0, 1));
    }
}
