use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/common").join(name);
    serde_json::from_slice(&fs::read(&path).expect("the golden data is there")).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Shapes of a key list, without the class heads.
fn shapes(list: &Value) -> Shapes {
    let keys = list["keys"].as_object().unwrap();
    let shape = |entry: &Value| {
        entry[0].as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize).collect()
    };
    let is_head = |name: &str| name.contains(".class_embed.");
    keys.iter()
        .filter(|(name, _)| !is_head(name))
        .map(|(name, entry)| (name.clone(), shape(entry)))
        .collect()
}

/// The list of the original repository in the names of VNext.
fn mapped(list: &Value) -> Shapes {
    let state = list["keys"].as_object().unwrap().keys().map(|name| (name.clone(), one(0.0)));
    assert_eq!(recognize(&state.collect()), Dialect::Original);
    let names = shapes(list).into_iter();
    names
        .map(|(name, shape)| (vnext_name(Dialect::Original, &name).expect("it is known"), shape))
        .collect()
}

fn one(value: f32) -> Array {
    Array::from_f32(&[1], &[value]).unwrap()
}

fn state(names: &[&str]) -> StateDict {
    names.iter().map(|name| ((*name).to_owned(), one(1.0))).collect()
}

#[test]
fn original_names_become_those_of_vnext_one_by_one() {
    let check = |original: &str, vnext: &str| {
        let (original, vnext) = (golden(original), golden(vnext));
        assert_eq!(mapped(&original), shapes(&vnext));
        assert_eq!(shapes(&original).len(), shapes(&vnext).len());
    };
    check("full_keys_orig_r50.json", "full_keys_vnext_r50_ytvis19.json");
    check("full_keys_orig_swinl.json", "full_keys_vnext_swinl_ytvis19.json");
}

#[test]
fn resnext_names_are_those_of_resnet_101() {
    let expected = shapes(&golden("full_keys_vnext_r101_ytvis19.json"));
    for (original, group) in
        [("full_keys_orig_x101_32x8d.json", 8), ("full_keys_orig_x101_64x4d.json", 4)]
    {
        let found = mapped(&golden(original));
        assert!(found.keys().eq(expected.keys()), "{original}");
        assert_eq!(found[&format!("{BACKBONE}res2.0.conv2.weight")], [256, group, 3, 3]);
        let (rest, expected): (Vec<_>, Vec<_>) =
            found.iter().zip(&expected).filter(|((name, _), _)| !name.contains(".conv")).unzip();
        assert_eq!(rest, expected, "{original}");
    }
}

#[test]
fn vnext_names_go_back_to_the_original() {
    for (vnext, original) in [
        ("full_keys_vnext_r50_ytvis19.json", "full_keys_orig_r50.json"),
        ("full_keys_vnext_swinl_ytvis19.json", "full_keys_orig_swinl.json"),
    ] {
        let state: StateDict =
            shapes(&golden(vnext)).into_keys().map(|name| (name, one(0.0))).collect();
        let mapping = to_original(&state);
        assert!(mapping.report.ignored.is_empty(), "{}", mapping.report);
        let expected = shapes(&golden(original));
        assert!(mapping.state.arrays.keys().eq(expected.keys()));
    }
}

#[test]
fn files_of_every_program_are_recognised_and_translated() {
    let meaning: Value =
        serde_json::from_slice(&fs::read(fixture("dialects.json")).unwrap()).unwrap();
    for (file, meaning) in meaning.as_object().unwrap() {
        let mapping = to_vnext(crate::read(&fixture(file)).unwrap(), None).unwrap();
        let report = &mapping.report;
        assert_eq!(report.dialect.to_string(), meaning["dialect"].as_str().unwrap(), "{file}");
        let ignored: Vec<&str> = report.ignored.iter().map(|change| change.name.as_str()).collect();
        let mut expected: Vec<&str> = meaning["ignored"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        expected.sort_unstable();
        assert_eq!(ignored, expected, "{file}");
        let mut state = mapping.state;
        for (name, expected) in meaning["tensors"].as_object().unwrap() {
            let array = state.remove(name).unwrap_or_else(|| panic!("{file}: {name} is missing"));
            let shape: Vec<u64> = array.shape().iter().map(|&side| side as u64).collect();
            let sum: f64 = array.to_f64_vec().iter().sum();
            assert_eq!(serde_json::json!([shape, sum]), *expected, "{file}: {name}");
        }
        assert!(
            state.arrays.keys().all(|name| name.contains("class_embed")),
            "{file}: {:?}",
            state.arrays.keys()
        );
    }
}

/// Rows of the class head after translation for a network of `num_classes`: its first column and its bias.
fn head(file: &str, num_classes: Option<usize>) -> (Option<Vec<f32>>, MapReport) {
    let network = num_classes.map(|classes| {
        let name = |part: &str| format!("detr.detr.class_embed.0.{part}");
        Shapes::from([(name("weight"), vec![classes, 8]), (name("bias"), vec![classes])])
    });
    let mapping = to_vnext(crate::read(&fixture(file)).unwrap(), network.as_ref()).unwrap();
    let column = mapping.state.get("detr.detr.class_embed.0.weight").map(|weight| {
        let values = weight.to_f32_vec();
        values.chunks(8).map(|row| row[0]).collect::<Vec<f32>>()
    });
    let bias = mapping.state.get("detr.detr.class_embed.0.bias").map(Array::to_f32_vec);
    let halves = column.as_ref().map(|column| column.iter().map(|row| row + 0.5).collect());
    assert_eq!(bias, halves, "weight and bias go together");
    (column, mapping.report)
}

fn rows(rows: impl IntoIterator<Item = u8>) -> Vec<f32> {
    rows.into_iter().map(f32::from).collect()
}

#[test]
fn class_rows_follow_the_categories() {
    // Row k of VNext is category k + 1; the original has a row for each category id.
    for network in [None, Some(40)] {
        let (found, report) = head("dialect_original.pth", network);
        assert_eq!(found, Some(rows(1..41)));
        assert_eq!(report.sliced.len(), 2);
        assert!(
            report
                .to_string()
                .contains("sliced (2):\n  detr.detr.class_embed.0.bias: rows 1 to 40 of 42"),
            "{report}"
        );
    }
    assert_eq!(head("dialect_original.pth", Some(42)).0, Some(rows(0..42)));
    assert_eq!(head("dialect_original_coco.pth", None).0, Some(rows(0..91)));
    assert_eq!(head("dialect_original_coco.pth", Some(91)).0, Some(rows(0..91)));
    let (coco, _) = head("dialect_deformable_detr.pth", Some(80));
    let missing = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
    assert_eq!(coco, Some(rows((1..=90).filter(|id| !missing.contains(id)))));
    assert_eq!(head("dialect_idol.pth", Some(80)).0, Some(rows(0..80)));
}

#[test]
fn class_heads_that_do_not_fit_are_left_out_and_named() {
    for (file, classes) in
        [("dialect_original_coco.pth", 40), ("dialect_original.pth", 25), ("dialect_idol.pth", 40)]
    {
        let (found, report) = head(file, Some(classes));
        assert_eq!(found, None, "{file}");
        assert_eq!(report.reinitialized.len(), 2, "{file}");
        assert!(report.reinitialized[0].what.ends_with(&format!("classes, the network {classes}")));
    }
}

#[test]
fn going_back_adds_the_unused_rows() {
    let weight: Vec<f32> = (0..80u8).map(f32::from).collect();
    let mut state = state(&["detr.detr.transformer.level_embed"]);
    state.insert("detr.detr.class_embed.5.weight", Array::from_f32(&[40, 2], &weight).unwrap());
    state.insert("detr.detr.class_embed.5.bias", Array::from_f32(&[40], &weight[..40]).unwrap());
    let back = to_original(&state).state;
    let found = back.get("detr.class_embed.5.weight").unwrap();
    assert_eq!(found.shape(), [42, 2]);
    assert_eq!(found.to_f32_vec(), [&[0.0; 2][..], &weight, &[0.0; 2]].concat());
    let bias = back.get("detr.class_embed.5.bias").unwrap().to_f32_vec();
    assert!((bias[0] + 99f32.ln()).abs() < 1e-5 && bias[41] == bias[0]);
    assert_eq!(to_vnext(back, None).unwrap().state, state);
}

#[test]
fn detectors_give_up_their_backbone() {
    let names = [
        "backbone.bottom_up.stem.conv1.weight",
        "backbone.bottom_up.res2.0.conv1.weight",
        "backbone.fpn_lateral2.weight",
        "roi_heads.box_head.fc1.weight",
    ];
    let mapping = to_vnext(state(&names), None).unwrap();
    assert_eq!(mapping.report.dialect, Dialect::Detectron2);
    let found: Vec<&String> = mapping.state.arrays.keys().collect();
    assert_eq!(
        found,
        [&format!("{BACKBONE}res2.0.conv1.weight"), &format!("{BACKBONE}stem.conv1.weight")]
    );
    assert_eq!(mapping.report.ignored.len(), 2);
}

#[test]
fn marked_files_are_matched_by_the_longest_end() {
    let network: Shapes = ["a.conv.weight", "b.conv.weight", "b.norm.bias", "c.scale"]
        .into_iter()
        .map(|name| (name.to_owned(), vec![1]))
        .collect();
    let run = |names: &[&str]| {
        let mut state = state(names);
        state.metadata.insert("matching_heuristics".to_owned(), "true".to_owned());
        to_vnext(state, Some(&network)).map(|mapping| {
            let names: Vec<String> = mapping.state.arrays.into_keys().collect();
            (names.join(" "), mapping.report)
        })
    };
    assert_eq!(
        run(&["b.conv.weight", "norm.bias", "stranger"]).unwrap().0,
        "b.conv.weight b.norm.bias stranger"
    );
    assert_eq!(
        run(&["a.conv.weight", "b.conv.weight", "bias"]).unwrap().0,
        "a.conv.weight b.conv.weight b.norm.bias"
    );
    // `ale` ends the word, but is no part of the name.
    assert_eq!(run(&["ale"]).unwrap().0, "ale");
    let error = run(&["conv.weight"]).unwrap_err().to_string();
    assert!(error.contains("a.conv.weight or b.conv.weight"), "{error}");
    // Without the mark names are taken as they are.
    let names: Vec<String> =
        to_vnext(state(&["norm.bias"]), Some(&network)).unwrap().state.arrays.into_keys().collect();
    assert_eq!(names, ["norm.bias"]);
}

#[test]
fn images_that_the_weights_were_not_made_for_are_warned_of() {
    let torchvision =
        InputConvention { pixel_std: [58.395, 57.12, 57.375], is_bgr: false, stride_in_1x1: false };
    let msra = InputConvention { pixel_std: [1.0; 3], is_bgr: true, stride_in_1x1: true };
    let fair =
        InputConvention { pixel_std: [57.375, 57.12, 58.395], is_bgr: true, stride_in_1x1: false };
    let check = |file: &str, input: InputConvention, expected: &[&str]| {
        let mut report = to_vnext(crate::read(&fixture(file)).unwrap(), None).unwrap().report;
        let before = report.warnings.len();
        report.check_input(&input);
        let found = &report.warnings[before..];
        assert_eq!(found.len(), expected.len(), "{file}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{file}: {found}");
        }
    };
    check("dialect_msra.pkl", msra, &[]);
    check(
        "dialect_msra.pkl",
        torchvision,
        &["set INPUT.FORMAT BGR", "PIXEL_STD [1.0", "STRIDE_IN_1X1 True"],
    );
    check("dialect_fair_resnext.pkl", fair, &[]);
    check("dialect_fair_resnext.pkl", msra, &["PIXEL_STD [57.375", "STRIDE_IN_1X1 False"]);
    check("dialect_torchvision.pth", torchvision, &[]);
    check(
        "dialect_torchvision.pth",
        msra,
        &["INPUT.FORMAT RGB", "PIXEL_STD [58.395", "STRIDE_IN_1X1 False"],
    );
    check("dialect_swin.pth", torchvision, &[]);
    check("dialect_swin.pth", fair, &["INPUT.FORMAT RGB"]);
}

#[test]
fn two_tensors_for_one_place_are_an_error() {
    let error = to_vnext(state(&["layer1.0.conv1.weight", "backbone.layer1.0.conv1.weight"]), None)
        .unwrap_err();
    assert!(error.to_string().contains("another tensor already has"), "{error}");
}

#[test]
fn strangers_keep_their_names() {
    let mapping = to_vnext(state(&["s1.b1.f.a.weight", "head.fc.weight"]), None).unwrap();
    assert_eq!(mapping.report.dialect, Dialect::Unknown);
    assert_eq!(mapping.state, state(&["s1.b1.f.a.weight", "head.fc.weight"]));
}
