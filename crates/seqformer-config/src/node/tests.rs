use crate::{CfgNode, Origin, Value, ineffective_keys};

fn merge(text: &str) -> Result<CfgNode, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.yaml");
    std::fs::write(&path, format!("VERSION: 2\n{text}")).unwrap();
    let mut node = CfgNode::defaults();
    let folder = format!("{}/", folder.path().display());
    node.merge_from_file(&path).map_err(|error| error.to_string().replace(&folder, ""))?;
    Ok(node)
}

fn merge_opts(opts: &[&str]) -> Result<CfgNode, String> {
    let opts: Vec<_> = opts.iter().map(|opt| (*opt).to_owned()).collect();
    let mut node = CfgNode::defaults();
    node.merge_from_list(&opts).map_err(|error| error.to_string())?;
    Ok(node)
}

#[test]
fn values_follow_the_type_of_the_default() {
    let cases = [
        ("SOLVER.BASE_LR", "2e-4", "0.0002"),
        ("SOLVER.BASE_LR", "1", "1.0"),
        ("SOLVER.BASE_LR", "'1e-3'", "0.001"),
        ("SOLVER.STEPS", "[8000]", "(8000,)"),
        ("SOLVER.STEPS", "(8000,)", "(8000,)"),
        ("MODEL.PIXEL_STD", "(1, 2, 3)", "[1, 2, 3]"),
        ("DATASETS.TRAIN", "(\"ytvis_2019_train\",)", "('ytvis_2019_train',)"),
        ("MODEL.SWIN.QK_SCALE", "0.5", "0.5"),
        ("MODEL.MASK_ON", "yes", "True"),
        ("MODEL.MASK_ON", "'True'", "True"),
        ("SEED", "null", "None"),
        ("OUTPUT_DIR", "a/b", "'a/b'"),
        ("SEED", "010", "8"),
    ];
    for (key, text, expected) in cases {
        let parts: Vec<&str> = key.split('.').collect();
        let lines = parts.iter().enumerate().map(|(depth, part)| {
            let value = if depth + 1 == parts.len() { text } else { "" };
            format!("{}{part}: {value}\n", "  ".repeat(depth))
        });
        let yaml = lines.collect::<Vec<_>>().concat();
        let node = merge(&yaml).unwrap();
        assert_eq!(node.get(key).unwrap().to_string(), expected, "{yaml}");
        assert!(matches!(node.origin(key), Some(Origin::File { line: 2.., .. })), "{key}");
    }
}

#[test]
fn wrong_types_and_keys_are_errors_with_a_place() {
    let cases = [
        (
            "SOLVER:\n  STEPS: \"8000\"",
            "base.yaml:3: SOLVER.STEPS: expected a list of integers, found \"8000\"; write (8000,)",
        ),
        ("SEED: 1.0", "base.yaml:2: SEED: expected an integer, found \"1.0\""),
        ("SEED: true", "base.yaml:2: SEED: expected an integer, found \"true\""),
        ("SEED: [1]", "base.yaml:2: SEED: expected an integer, found [1]"),
        ("SEED: {A: 1}", "base.yaml:2: SEED: expected an integer, found a section"),
        ("MODEL: 3", "base.yaml:2: MODEL: expected a section, found \"3\""),
        ("MODEL:", "base.yaml:2: MODEL: expected a section, found \"\""),
        ("SOLVER: {BASE_LR: fast}", "SOLVER.BASE_LR: expected a number, found \"fast\""),
        (
            "OUTPUT_DIR: 2024",
            "base.yaml:2: OUTPUT_DIR: expected text, found \"2024\"; write \"'2024'\"",
        ),
        (
            "DATASETS: {TEST: ytvis_2019_val}",
            "DATASETS.TEST: expected a list, found \"ytvis_2019_val\"; write ('ytvis_2019_val',)",
        ),
        (
            "MODEL:\n  SeqFormer:\n    NUM_CLASES: 5",
            "base.yaml:4: unknown key MODEL.SeqFormer.NUM_CLASES (did you mean \
             MODEL.SeqFormer.NUM_CLASSES?)",
        ),
        ("DATASETS: {TRAIN: 'a, b'}", "found \"a, b\"; write ('a', 'b')"),
        ("DATASETS: {TRAIN: '[a b.json]'}", "found \"[a b.json]\"; write ('a b.json',)"),
        ("DATASETS: {TRAIN: \"('a')\"}", "; write ('a',)"),
        (
            "SOLVER.BASE_LR: 0.1",
            "base.yaml:2: SOLVER.BASE_LR: expected sections one inside the other, as dotted names are for the \
             command line, found a dotted name; write SOLVER: and BASE_LR, each indented on a line of its own",
        ),
        (
            "MODEL:\n  MASK_FORMER: {DICE_WEIGHT: 5.0}",
            "base.yaml:3: unknown key MODEL.MASK_FORMER; MODEL has BACKBONE, DEVICE,",
        ),
        (
            "WANDB: {NAME: x}",
            "base.yaml:2: unknown key WANDB; the first level has CUDNN_BENCHMARK,",
        ),
        ("TEST: {EXPECTED_RESULTS: [{a: 1}]}", "found a list with sections"),
        ("MODEL: {_BASE_: x}", "unknown key MODEL._BASE_"),
    ];
    for (yaml, expected) in cases {
        let error = merge(yaml).unwrap_err();
        assert!(error.contains(expected), "{yaml}: {error}");
    }
}

#[test]
fn pairs_of_the_command_line_override() {
    let node = merge_opts(&[
        "MODEL.SeqFormer.NUM_CLASSES",
        "25",
        "DATASETS.TEST",
        "('ytvis_2021_val',)",
        "MODEL.WEIGHTS=a/b.pth",
        "SOLVER.STEPS",
        "8000,12000",
        "SOLVER.BASE_LR",
        "1e-4",
    ])
    .unwrap();
    let expected = [
        ("MODEL.SeqFormer.NUM_CLASSES", "25"),
        ("DATASETS.TEST", "('ytvis_2021_val',)"),
        ("MODEL.WEIGHTS", "'a/b.pth'"),
        ("SOLVER.STEPS", "(8000, 12000)"),
        ("SOLVER.BASE_LR", "0.0001"),
    ];
    for (key, value) in expected {
        assert_eq!(node.get(key).unwrap().to_string(), value);
        assert_eq!(node.origin(key), Some(&Origin::CommandLine));
    }
}

#[test]
fn wrong_pairs_are_errors() {
    let cases = [
        (&["SEED", "x"][..], "command line: SEED: expected an integer, found \"x\""),
        (
            &["MODEL.SWIM.APE", "True"],
            "command line: unknown key MODEL.SWIM.APE (did you mean MODEL.SWIN.APE?)",
        ),
        (
            &["MODEL.SWIN", "1"],
            "command line: MODEL.SWIN: expected a key of this section, such as MODEL.SWIN.",
        ),
        (
            &["DATASETS.CUSTOM", "{mine: {json: a.json}}"],
            "DATASETS.CUSTOM: expected a key of this section, such as DATASETS.CUSTOM.NAME.json, found the section",
        ),
        (&["SEED.X", "1"], "unknown key SEED.X"),
        (&[".", "1"], "unknown key ."),
        (&["", "1"], "unknown key "),
        (&["SEED"], "found no value for SEED"),
    ];
    for (opts, expected) in cases {
        let error = merge_opts(opts).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_failed_merge_changes_nothing() {
    let mut node = CfgNode::defaults();
    let opts = ["SEED", "3", "NO", "1"].map(str::to_owned);
    assert!(node.merge_from_list(&opts).is_err());
    assert_eq!(node, CfgNode::defaults());
}

#[test]
fn sections_and_unknown_keys_have_no_value() {
    let node = CfgNode::defaults();
    for key in ["MODEL", "MODEL.", ".SEED", "", "MODEL.SWIN.APE.X", "X"] {
        assert_eq!(node.get(key), None, "{key}");
    }
    assert_eq!(node.get("SEED"), Some(&Value::Int(-1)));
}

#[test]
fn changed_keys_without_effect_are_listed() {
    let node = merge_opts(&["MODEL.RPN.LOSS_WEIGHT", "2", "SEED", "3", "VIS_PERIOD", "0"]).unwrap();
    assert_eq!(ineffective_keys(&node), ["MODEL.RPN.LOSS_WEIGHT"]);
    assert!(ineffective_keys(&CfgNode::defaults()).is_empty());
}

#[test]
fn keys_that_are_reset_look_as_if_nobody_had_written_them() {
    let written =
        ["OUTPUT_DIR", "run", "MODEL.DEVICE", "cpu", "DATASETS.TRAIN", "['a.json']", "SEED", "3"];
    let mut node = merge_opts(&written).unwrap();
    let text = "DATASETS: {CUSTOM: {street: {json: a.json, image_root: frames}}}";
    node.merge_from_text(text, std::path::Path::new("a.yaml")).unwrap();
    node.reset(&["OUTPUT_DIR", "MODEL.DEVICE", "DATASETS."]);
    assert_eq!(node, merge_opts(&["SEED", "3"]).unwrap());
    assert_eq!(node.origin("MODEL.DEVICE"), Some(&Origin::Default));
    assert_eq!(node.origin("SEED"), Some(&Origin::CommandLine));
}
