use std::path::PathBuf;

use super::*;
use crate::key_map::{Dialect, recognize};
use crate::weights::{diff, inspect};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn there_and_back_again_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dialect_original.pth", "dialect_original_swin.pth"] {
        let first = fixture(name);
        let [vnext, back, again] =
            ["v.safetensors", "o.pth", "v.pth"].map(|file| folder.path().join(file));
        let conversion =
            convert(&first, &vnext, TargetDialect::VNext, TargetPrecision::Keep).unwrap();
        assert_eq!(
            (conversion.to_vnext.dialect, conversion.to_original.is_none()),
            (Dialect::Original, true)
        );
        assert_eq!(recognize(&read(&vnext).unwrap()), Dialect::VNext);
        assert_eq!(
            read(&vnext).unwrap().get("detr.detr.class_embed.0.weight").unwrap().shape(),
            [40, 8]
        );
        convert(&vnext, &again, TargetDialect::VNext, TargetPrecision::Keep).unwrap();
        assert!(diff(&read(&vnext).unwrap(), &read(&again).unwrap()).is_empty(), "{name}");
        let conversion =
            convert(&again, &back, TargetDialect::Original, TargetPrecision::Keep).unwrap();
        assert!(conversion.to_original.unwrap().ignored.is_empty());
        let diff = diff(&read(&first).unwrap(), &read(&back).unwrap());
        // The two rows that the original has and does not use.
        let changed: Vec<&str> = diff.changed.iter().map(|changed| changed.name.as_str()).collect();
        assert_eq!(changed, ["detr.class_embed.0.bias", "detr.class_embed.0.weight"], "{diff:?}");
        assert!(diff.only_first.is_empty() && diff.only_second.is_empty(), "{diff:?}");
    }
}

#[test]
fn box_heads_get_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.pth"), folder.path().join("b.pth"));
    let mut state = read(&fixture("dialect_original.pth")).unwrap();
    state.arrays.retain(|name, _| !name.starts_with("detr.bbox_embed."));
    write_pth(&from, &Value::from(&state)).unwrap();
    convert(&from, &to, TargetDialect::VNext, TargetPrecision::Keep).unwrap();
    let state = read(&to).unwrap();
    let name = "bbox_embed.0.layers.0.weight";
    let first = state.get(&format!("detr.detr.transformer.decoder.{name}")).unwrap();
    assert!(first.shares_bytes_with(state.get(&format!("detr.detr.{name}")).unwrap()));
}

#[test]
fn groups_of_queries_that_only_training_has_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.pth"), folder.path().join("b.safetensors"));
    let mut state = read(&fixture("dialect_original.pth")).unwrap();
    convert(&fixture("dialect_original.pth"), &from, TargetDialect::VNext, TargetPrecision::Keep)
        .unwrap();
    state.arrays = read(&from).unwrap().arrays;
    let queries = state.get("detr.detr.query_embed.weight").unwrap().clone();
    state.insert(FURTHER_GROUPS.to_owned(), queries);
    write_pth(&from, &Value::from(&state)).unwrap();
    let conversion = convert(&from, &to, TargetDialect::VNext, TargetPrecision::Keep).unwrap();
    assert!(conversion.remarks.iter().any(|remark| remark.contains("only training")));
    let found = diff(&state, &read(&to).unwrap());
    assert_eq!(found.only_first, [FURTHER_GROUPS]);
}

#[test]
fn endings_decide_the_form() {
    let to = Path::new("weights.onnx");
    let error =
        convert(&fixture("dialect_original.pth"), to, TargetDialect::VNext, TargetPrecision::Keep)
            .unwrap_err();
    assert!(
        error.to_string().contains("weights.onnx: not supported: writing a file of this kind"),
        "{error}"
    );
}

#[test]
fn inspection_tells_what_a_file_is() {
    let found = inspect(&fixture("dialect_original_coco.pth")).unwrap();
    assert_eq!((found.dialect, found.num_classes), (Dialect::Original, Some(91)));
    assert_eq!(
        (found.num_tensors, found.dtypes.values().sum::<usize>()),
        (found.state.len(), found.state.len())
    );
    assert_eq!(found.size_bytes, fixture("dialect_original_coco.pth").metadata().unwrap().len());
    // By coreutils' sha256sum.
    assert_eq!(
        inspect(&fixture("tiny_zip.pth")).unwrap().sha256,
        "688f49178dc6a631fc65d3ba389a0f4ea302cece0efd9c922cca635a971bccda"
    );
    let tied = inspect(&fixture("flat_zip.pth")).unwrap();
    let all: usize = tied.state.iter().map(|(_, array)| array.num_elements()).sum();
    assert!(tied.num_elements < all, "tied tensors count once");
}

#[test]
fn half_precision_halves_the_file_and_keeps_integers() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, half) =
        (folder.path().join("whole.safetensors"), folder.path().join("half.safetensors"));
    let from = fixture("dialect_original.pth");
    convert(&from, &whole, TargetDialect::VNext, TargetPrecision::Keep).unwrap();
    convert(&from, &half, TargetDialect::VNext, TargetPrecision::Half).unwrap();
    let (whole, half) = (read(&whole).unwrap(), read(&half).unwrap());
    for (name, array) in &whole {
        let found = half.get(name).unwrap();
        assert_eq!(found.shape(), array.shape());
        assert_eq!(*found, array.to_half().unwrap_or_else(|| array.clone()), "{name}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_told_and_those_too_large_for_half_precision_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in.safetensors"), folder.path().join("out.safetensors"));
    let write = |values: &[f32]| {
        let array = Array::from_f32(&[values.len()], values).unwrap();
        let state: StateDict = [("detr.detr.level_embed".to_owned(), array)].into_iter().collect();
        write_safetensors(&from, &state).unwrap();
    };
    let halve = || convert(&from, &to, TargetDialect::VNext, TargetPrecision::Half);
    write(&[1.0, f32::NAN, f32::INFINITY, -65504.0]);
    let expected = ["\"detr.detr.level_embed\": 2 of 4 values (1 NaN, 1 infinite)"];
    assert_eq!(halve().unwrap().not_finite, expected);
    assert_eq!(inspect(&from).unwrap().not_finite, expected);
    write(&[1.0, 70000.0, -1e30]);
    std::fs::remove_file(&to).unwrap();
    let error = halve().unwrap_err().to_string();
    assert!(
        error.contains("tensor \"detr.detr.level_embed\": 2 of 3 numbers exceed half"),
        "{error}"
    );
    assert!(!to.exists());
}
