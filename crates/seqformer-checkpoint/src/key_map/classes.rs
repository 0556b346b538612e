//! Adapts class heads of one dataset to a network for another.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Change, Dialect, MapReport, Shapes};
use crate::Array;

/// Class heads of VNext: `detr.detr.class_embed.{layer}.{weight, bias}`.
const HEADS: &str = "detr.detr.class_embed.";
/// Rows of the original repository for YouTube-VIS: category 1 to 40, and an unused one at each end.
const ORIGINAL_ROWS: usize = 42;
/// Rows for COCO in the original repository and in Deformable DETR: one for each id up to 90.
const COCO_ROWS: usize = 91;
/// Bias of an unseen class, -ln 99: a probability of 1 %.
const UNSEEN_BIAS: f32 = -4.595_12;
/// The ids of COCO's 80 categories, as ranges without gaps.
const COCO_IDS: [Range<usize>; 9] =
    [1..12, 13..26, 27..29, 31..45, 46..66, 67..68, 70..71, 72..83, 84..91];

/// Fits the class heads to the network's number of classes, or removes them.
///
/// Heads in VNext's names are left alone: a network with another number of classes cannot use them.
pub(super) fn fit(
    arrays: &mut BTreeMap<String, Array>,
    network: Option<&Shapes>,
    report: &mut MapReport,
) {
    if matches!(report.dialect, Dialect::VNext | Dialect::Unknown) {
        return;
    }
    let names: Vec<String> =
        arrays.keys().filter(|name| name.starts_with(HEADS)).cloned().collect();
    for name in names {
        let Some(array) = arrays.get(&name) else { continue };
        let Some(&rows) = array.shape().first() else { continue };
        let wanted =
            network.map(|network| network.get(&name).and_then(|shape| shape.first().copied()));
        let wanted = match wanted {
            // A layer that the network does not have.
            Some(None) => continue,
            Some(Some(wanted)) => wanted,
            None if report.dialect == Dialect::Original && rows == ORIGINAL_ROWS => rows - 2,
            None => rows,
        };
        if wanted == rows {
            continue;
        }
        if let Some((taken, what)) = rows_for(report.dialect, rows, wanted) {
            let array = take_rows(array, &taken);
            report.sliced.push(Change::new(&name, what));
            arrays.insert(name, array);
        } else {
            let what = format!("the file has {rows} classes, the network {wanted}");
            report.reinitialized.push(Change::new(&name, what));
            arrays.remove(&name);
        }
    }
}

/// Which of a head's `rows` rows become the `wanted` ones, with a description.
fn rows_for(dialect: Dialect, rows: usize, wanted: usize) -> Option<(Vec<usize>, String)> {
    if dialect == Dialect::Original && rows == ORIGINAL_ROWS && wanted == rows - 2 {
        return Some(((1..=wanted).collect(), format!("rows 1 to {wanted} of {rows}")));
    }
    let coco: Vec<usize> = COCO_IDS.into_iter().flatten().collect();
    (rows == COCO_ROWS && wanted == coco.len()).then(|| {
        let what = format!("the {wanted} rows of {rows} that COCO has categories for");
        (coco, what)
    })
}

/// Selects rows of an array in the given order; all of them exist.
fn take_rows(array: &Array, rows: &[usize]) -> Array {
    let row_len = array.bytes().len() / array.shape()[0].max(1);
    let bytes: Vec<u8> = rows
        .iter()
        .flat_map(|row| &array.bytes()[row * row_len..(row + 1) * row_len])
        .copied()
        .collect();
    let mut shape = array.shape().to_vec();
    shape[0] = rows.len();
    Array::new(array.dtype(), &shape, bytes.into()).expect("each row is as long as the others")
}

/// A class head of 40 rows with an unused row at each end, or `None` for other tensors.
pub(super) fn with_unused_rows(name: &str, array: &Array) -> Option<Array> {
    let is_head = name.starts_with(HEADS) && array.shape().first() == Some(&(ORIGINAL_ROWS - 2));
    if !is_head {
        return None;
    }
    let row_len = array.num_elements() / (ORIGINAL_ROWS - 2);
    let unused = vec![if array.shape().len() == 1 { UNSEEN_BIAS } else { 0.0 }; row_len];
    let values = [&unused[..], &array.to_f32_vec(), &unused].concat();
    let mut shape = array.shape().to_vec();
    shape[0] = ORIGINAL_ROWS;
    Array::from_f32(&shape, &values).ok()
}
