use proptest::prelude::*;

use crate::CfgNode;

fn reload(dump: &str) -> CfgNode {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, dump).unwrap();
    let mut node = CfgNode::defaults();
    node.merge_from_file(&path).unwrap();
    node
}

fn with(opts: &[&str]) -> CfgNode {
    let opts: Vec<_> = opts.iter().map(|opt| (*opt).to_owned()).collect();
    let mut node = CfgNode::defaults();
    node.merge_from_list(&opts).unwrap();
    node
}

/// Lines of `yaml.safe_dump({"k": value})` of PyYAML 6.0.3 for the same values.
#[test]
fn values_are_written_as_pyyaml_writes_them() {
    let cases = [
        ("SOLVER.BASE_LR", "0.00001", "  BASE_LR: 1.0e-05\n"),
        ("SOLVER.BASE_LR", "0.0002", "  BASE_LR: 0.0002\n"),
        ("SOLVER.BASE_LR", "1.5e-5", "  BASE_LR: 1.5e-05\n"),
        ("SOLVER.BASE_LR", "1e400", "  BASE_LR: .inf\n"),
        ("SOLVER.STEPS", "(1, 2)", "  STEPS:\n  - 1\n  - 2\n"),
        ("SOLVER.STEPS", "()", "  STEPS: []\n"),
        ("MODEL.WEIGHTS", "", "  WEIGHTS: ''\n"),
        ("MODEL.WEIGHTS", "yes", "  WEIGHTS: 'yes'\n"),
        ("MODEL.WEIGHTS", "a: b", "  WEIGHTS: 'a: b'\n"),
        ("MODEL.WEIGHTS", "it's", "  WEIGHTS: it's\n"),
        ("MODEL.WEIGHTS", "~/x.pth", "  WEIGHTS: ~/x.pth\n"),
        ("MODEL.WEIGHTS", "~", "  WEIGHTS: '~'\n"),
        ("MODEL.WEIGHTS", "2024-01-02", "  WEIGHTS: '2024-01-02'\n"),
        ("MODEL.WEIGHTS", "-", "  WEIGHTS: '-'\n"),
        ("MODEL.WEIGHTS", "-x", "  WEIGHTS: -x\n"),
        ("MODEL.WEIGHTS", "é\n", "  WEIGHTS: \"\\xE9\\n\"\n"),
        ("MODEL.SWIN.QK_SCALE", "None", "    QK_SCALE: null\n"),
        ("MODEL.ANCHOR_GENERATOR.ANGLES", "[[-90, 0]]", "    ANGLES:\n    - - -90\n      - 0\n"),
        ("TEST.EXPECTED_RESULTS", "[['a', 1.0], []]", "\n  - - a\n    - 1.0\n  - []\n"),
    ];
    for (key, value, expected) in cases {
        let dump = with(&[key, value]).dump();
        assert!(dump.contains(expected), "{key} {value}: {dump}");
    }
}

#[test]
fn reading_what_was_written_gives_the_same_tree() {
    let literals =
        ["'123'", "'None'", "'(1,)'", "'  12'", "'\"x\"'", "'1e-4'", "'#x'", "'a #b'", "'x:'"];
    for text in literals {
        let node = with(&["MODEL.WEIGHTS", text, "DATASETS.TRAIN", &format!("({text}, 'x')")]);
        assert_eq!(reload(&node.dump()), node, "{text}");
    }
    let node =
        with(&["TEST.EXPECTED_RESULTS", "(('a', (1,)), [2])", "MODEL.SWIN.QK_SCALE", "(1,)"]);
    assert_eq!(reload(&node.dump()), node);
    assert_eq!(reload(&CfgNode::defaults().dump()), CfgNode::defaults());
}

proptest! {
    #[test]
    fn any_text_survives(text in "(?s).{0,12}|[-a:?&*!|>'\"%@`{}\\[\\],#<=~.0-9 \n\t]{0,8}") {
        let literal = crate::value::str_repr(&text);
        let node = with(&["OUTPUT_DIR", &literal, "DATASETS.TEST", &format!("[{literal}]")]);
        prop_assert_eq!(reload(&node.dump()), node);
    }

    #[test]
    fn any_number_survives(float in any::<f64>(), int in any::<i64>()) {
        prop_assume!(float.is_finite());
        let float = crate::value::float_repr(float);
        let int = int.to_string();
        let node = with(&["SOLVER.BASE_LR", &float, "SEED", &int, "SOLVER.STEPS", &format!("({int},)")]);
        prop_assert_eq!(reload(&node.dump()), node);
    }
}

#[test]
fn only_what_differs_from_the_defaults_is_written() {
    let node = with(&["SOLVER.MAX_ITER", "7", "DATASETS.CUSTOM.mine.json", "a.json"]);
    let expected = "DATASETS:
  CUSTOM:
    mine:
      image_root: ''
      json: a.json
      type: ytvis
SOLVER:
  MAX_ITER: 7
";
    assert_eq!(node.dump_changed(), expected);
    assert_eq!(reload(&node.dump_changed()), node);
}

#[test]
fn a_file_for_vnext_has_only_its_keys_unless_others_were_set() {
    let mut node = CfgNode::defaults();
    let known = include_str!("../../../testdata/vnext_keys.txt");
    let keys = |text: &str| {
        let mut sections: Vec<String> = Vec::new();
        let mut keys = Vec::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("- ")) {
            let (name, value) = line.split_once(':').unwrap();
            sections.truncate((name.len() - name.trim_start().len()) / 2);
            sections.push(name.trim().to_owned());
            // Lists follow on lines of their own; sections do not end a key.
            keys.push((sections.join("."), value.to_owned()));
        }
        keys.retain(|(key, _)| known.lines().any(|known| known == key) || is_own(key));
        keys.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let mut expected: Vec<&str> = known.lines().collect();
    expected.sort_unstable();
    let mut found = keys(&node.dump_for_vnext());
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(!node.dump_for_vnext().contains("CUSTOM"));
    let set = ["SOLVER.MICRO_BATCH_SIZE", "2", "DATASETS.CUSTOM.mine.json", "a.json"];
    node.merge_from_list(&set.map(str::to_owned)).unwrap();
    let text = node.dump_for_vnext();
    assert_eq!(keys(&text).iter().filter(|key| is_own(key)).count(), 1);
    assert!(text.contains("  MICRO_BATCH_SIZE: 2\n") && text.contains("    mine:\n"), "{text}");
    assert_eq!(reload(&text), node);
}

fn is_own(key: &str) -> bool {
    crate::keys::OWN_KEYS.contains(&key)
}
