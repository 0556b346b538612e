//! What pages choose from: videos for the galleries, groups of objects, and the list of errors.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use minijinja::{Value, context};
use seqformer_evaluation::ObjectGroup;

use crate::dataset::Dataset;
use crate::scored::Scored;
use crate::tables::VideoRow;

/// How many videos a gallery shows.
const CARDS: usize = 6;

/// Returns the worst and the best videos with objects by HOTA; without results those with most objects.
pub(crate) fn gallery(rows: &[VideoRow]) -> (Vec<&VideoRow>, Vec<&VideoRow>) {
    let mut ranked: Vec<&VideoRow> = rows.iter().filter(|row| row.hota.is_some()).collect();
    if rows.iter().all(|row| row.values.is_empty()) {
        ranked = rows.iter().collect();
        ranked.sort_by_key(|row| Reverse(row.objects));
        ranked.truncate(2 * CARDS);
        return (ranked, Vec::new());
    }
    ranked.sort_by(|a, b| a.hota.unwrap_or(0.0).total_cmp(&b.hota.unwrap_or(0.0)));
    let num_worst = CARDS.min(ranked.len().div_ceil(2));
    let best = ranked[num_worst..].iter().rev().take(CARDS).copied().collect();
    ranked.truncate(num_worst);
    (ranked, best)
}

/// Returns how many objects each group has, for a dataset without results.
pub(crate) fn annotated_groups(dataset: &Dataset<'_>) -> Vec<Value> {
    let objects =
        || dataset.videos.iter().flat_map(|video| &video.truths).filter(|(_, t)| !t.is_crowd);
    let groups: Vec<ObjectGroup> =
        objects().flat_map(|(_, track)| ObjectGroup::of(track)).collect();
    let total = objects().count().max(1) as f64;
    let row = |group: ObjectGroup| {
        let count = groups.iter().filter(|other| **other == group).count();
        context! { name => group.name(), count, part => count as f64 / total }
    };
    ObjectGroup::all().into_iter().map(row).collect()
}

/// An error as scripts read it: results, kind, video, class, score, place of the result, annotations.
pub(crate) type ListedError<'a> =
    (usize, &'static str, usize, usize, Option<f64>, Option<String>, &'a [i64]);

/// Lists all errors, those with the best scores first, missed objects last.
pub(crate) fn error_list(scored: &[Scored]) -> Vec<ListedError<'_>> {
    let mut list: Vec<ListedError<'_>> = Vec::new();
    for (file, one) in scored.iter().enumerate() {
        let scores: BTreeMap<usize, f64> =
            one.errors.results.iter().map(|result| (result.result, result.score)).collect();
        for error in &one.errors.errors {
            let score = error.result.and_then(|result| scores.get(&result).copied());
            let result = error.result.map(|result| result.to_string());
            list.push((
                file + 1,
                error.kind.name(),
                error.video,
                error.category,
                score,
                result,
                &error.truths,
            ));
        }
    }
    list.sort_by(|a, b| {
        b.4.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.4.unwrap_or(f64::NEG_INFINITY))
    });
    list
}
