//! Text exactly as Python's `json.dumps` writes it with its default separators.

use std::fmt::Write as _;

use seqformer_annotations::Ids;
use seqformer_masks::Rle;

use super::TrackResult;

/// How the numbers of a run's parts and categories are written: as the ids of the dataset.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenIds {
    /// Of videos or images.
    pub(crate) parts: Ids,
    pub(crate) categories: Ids,
}

/// Appends a result, its keys in the order of the reference.
pub(super) fn push_result(text: &mut String, result: &TrackResult, ids: &WrittenIds) {
    let TrackResult { video_id, score, category_id, segmentations } = result;
    text.push_str("{\"video_id\": ");
    push_id(text, *video_id, &ids.parts);
    text.push_str(", \"score\": ");
    push_float(text, f64::from(*score));
    text.push_str(", \"category_id\": ");
    push_id(text, *category_id, &ids.categories);
    text.push_str(", \"segmentations\": [");
    for (frame, mask) in segmentations.iter().enumerate() {
        if frame > 0 {
            text.push_str(", ");
        }
        match mask {
            Some(mask) => push_mask(text, mask),
            None => text.push_str("null"),
        }
    }
    text.push_str("]}");
}

pub(crate) fn push_mask(text: &mut String, mask: &Rle) {
    let size = mask.size();
    text.push_str("{\"size\": [");
    push_integer(text, size.height.into());
    text.push_str(", ");
    push_integer(text, size.width.into());
    text.push_str("], \"counts\": \"");
    for character in mask.to_compressed().chars() {
        // The only character of the compressed form that JSON has another use for.
        if character == '\\' {
            text.push('\\');
        }
        text.push(character);
    }
    text.push_str("\"}");
}

/// Appends the id that a number stands for.
pub(crate) fn push_id(text: &mut String, number: i64, ids: &Ids) {
    write!(text, "{}", ids.id(number)).expect("writing to a string does not fail");
}

pub(crate) fn push_integer(text: &mut String, number: i64) {
    write!(text, "{number}").expect("writing to a string does not fail");
}

/// Appends a finite number as Python's `repr` has it: the shortest digits that give the same
/// number, with an exponent below 1e-4 and from 1e16 on.
pub(crate) fn push_float(text: &mut String, number: f64) {
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let written = if (-4..16).contains(&exponent) {
        // `{:?}` keeps the `.0` of whole numbers; in this range it needs no exponent.
        write!(text, "{number:?}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(text, "{digits}e{sign}{:02}", exponent.abs())
    };
    written.expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::push_float;

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        let check = |number: f64, expected: &str| {
            let mut text = String::new();
            push_float(&mut text, number);
            assert_eq!(text, expected);
        };
        // Python: repr(number)
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(0.1, "0.1");
        check(1e-4, "0.0001");
        check(9.999e-5, "9.999e-05");
        check(1e-5, "1e-05");
        check(1.5e-7, "1.5e-07");
        check(-2.5e-9, "-2.5e-09");
        check(123_456.75, "123456.75");
        check(1e15, "1000000000000000.0");
        check(123_456_789_012_345_680.0, "1.2345678901234568e+17");
        check(1e16, "1e+16");
        check(1e22, "1e+22");
        check(f64::MAX, "1.7976931348623157e+308");
        check(5e-324, "5e-324");
        check(1.0 / 3.0, "0.3333333333333333");
        // Python: repr(float(numpy.float32(number)))
        check(f64::from(0.987_654_3_f32), "0.9876543283462524");
        check(f64::from(0.1_f32), "0.10000000149011612");
        check(f64::from(1e-5_f32), "9.999999747378752e-06");
        check(f64::from(3.4e38_f32), "3.3999999521443642e+38");
        check(f64::from(0.05_f32), "0.05000000074505806");
        check(f64::from(0.333_333_3_f32), "0.3333333134651184");
    }
}
