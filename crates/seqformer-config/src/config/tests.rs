use std::path::{Path, PathBuf};

use super::*;
use crate::{CfgNode, ineffective_keys};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn load(file: &str) -> CfgNode {
    let mut node = CfgNode::defaults();
    node.merge_from_file(&repository().join(file)).unwrap();
    node
}

/// The shipped configuration with overrides.
fn with(opts: &[&str]) -> Result<Config, String> {
    let opts: Vec<_> = opts.iter().map(|opt| (*opt).to_owned()).collect();
    let mut node = load("configs/base_ytvis.yaml");
    node.merge_from_list(&opts).unwrap();
    Config::try_from(&node).map_err(|error| error.to_string())
}

#[test]
fn the_shipped_configurations_load() {
    let base = Config::try_from(load("configs/base_ytvis.yaml")).unwrap();
    assert_eq!(base.model.resnets.depth, 50);
    assert_eq!(base.model.seqformer.num_classes, 40);
    assert_eq!(base.input.min_size_train.len(), 11);
    assert_eq!(base.input.format, ImageFormat::Rgb);
    assert_eq!(base.solver.steps, [8000]);
    assert_eq!(base.solver.base_lr, 2e-4);
    assert_eq!(base.solver.clip_gradients.clip_type, ClipType::FullModel);
    assert_eq!(base.seed, None);
    assert_eq!(base.datasets.train, ["ytvis_2019_train"]);

    let node = load("configs/r101_ytvis.yaml");
    let r101 = Config::try_from(&node).unwrap();
    assert_eq!(r101.model.resnets.depth, 101);
    assert_eq!(r101.solver, base.solver);
    assert!(ineffective_keys(&node).is_empty());
}

#[test]
fn every_recipe_loads_and_sets_nothing_without_effect() {
    let mut folders = vec![repository().join("configs")];
    let mut outputs = std::collections::BTreeSet::new();
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // What several recipes share is none.
            if path.is_dir() && !path.ends_with("bases") {
                folders.push(path);
            } else if path.is_file() {
                let mut node = CfgNode::defaults();
                node.merge_from_file(&path).unwrap();
                let config = Config::try_from(&node).unwrap();
                assert!(ineffective_keys(&node).is_empty(), "{}", path.display());
                assert!(
                    outputs.insert(config.output_dir),
                    "{}: OUTPUT_DIR of another",
                    path.display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count}");
}

/// A tree that the reference implementation dumped.
#[test]
fn a_dumped_tree_loads_and_dumps_to_the_same_tree() {
    let node = load("tests/golden/public/tiny_config.yaml");
    let config = Config::try_from(&node).unwrap();
    assert_eq!(config.model.seqformer.num_classes, 5);
    assert_eq!(config.model.seqformer.hidden_dim, 64);
    assert_eq!(config.model.seqformer.num_queries, 20);
    assert_eq!(config.model.seqformer.dec_layers, 3);
    assert_eq!(config.model.resnets.res2_out_channels, 16);
    assert_eq!(config.model.resnets.stem_out_channels, 8);
    assert_eq!(config.model.resnets.width_per_group, 4);
    assert_eq!(config.model.device, "cpu");
    assert_eq!(config.input.min_size_test, 50);
    assert!(ineffective_keys(&node).is_empty());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, node.dump()).unwrap();
    let mut reloaded = CfgNode::defaults();
    reloaded.merge_from_file(&path).unwrap();
    assert_eq!(reloaded, node);
    assert_eq!(reloaded.dump(), node.dump());
}

/// Every line of the dumped tree that is no anchor or alias is a line of ours, in the same order.
#[test]
fn the_dump_has_the_layout_of_the_reference() {
    let path = repository().join("tests/golden/public/tiny_config.yaml");
    let reference = std::fs::read_to_string(path).unwrap();
    let dump = load("tests/golden/public/tiny_config.yaml").dump();
    let mut ours = dump.lines();
    for line in reference.lines().filter(|line| !line.contains(['&', '*'])) {
        // The anchored list inside a list is indented once more.
        let is_found = ours.any(|own| {
            own == line || own.trim_start_matches([' ', '-']) == line.trim_start_matches([' ', '-'])
        });
        assert!(is_found, "{line}");
    }
}

#[test]
fn the_defaults_alone_name_the_missing_architecture() {
    let error = Config::try_from(CfgNode::defaults()).unwrap_err().to_string();
    let expected = "MODEL.META_ARCHITECTURE: expected 'SeqFormer', found the default \
                    'GeneralizedRCNN'; write META_ARCHITECTURE: SeqFormer under MODEL, the only \
                    model of this program";
    assert_eq!(error, expected);
}

#[test]
fn wrong_settings_are_errors_that_name_the_key() {
    let cases = [
        (&["MODEL.META_ARCHITECTURE", "IDOL"][..], "expected 'SeqFormer', found 'IDOL'"),
        (&["MODEL.SeqFormer.NUM_FEATURE_LEVELS", "3"], "NUM_FEATURE_LEVELS: expected 4, found 3"),
        (&["MODEL.SeqFormer.MASK_STRIDE", "8"], "MASK_STRIDE: expected 4, found 8"),
        (
            &["MODEL.BACKBONE.NAME", "D2SwinTransformer", "MODEL.SWIN.PATCH_SIZE", "2"],
            "MODEL.SWIN.PATCH_SIZE: expected 4, found 2",
        ),
        (
            &["MODEL.BACKBONE.NAME", "D2SwinTransformer", "MODEL.SWIN.OUT_FEATURES", "['res5']"],
            "MODEL.SWIN.OUT_FEATURES: expected",
        ),
        (&["MODEL.SeqFormer.HIDDEN_DIM", "100"], "HIDDEN_DIM: expected a multiple of 32"),
        (
            &["MODEL.SeqFormer.NHEADS", "7"],
            "HIDDEN_DIM: expected a multiple of 32 and of NHEADS, 7",
        ),
        (&["MODEL.SeqFormer.NUM_CLASSES", "0"], "expected an integer of 1 or more, found 0"),
        (&["MODEL.SeqFormer.DROPOUT", "1.0"], "expected a rate from 0 to below 1, found 1.0"),
        (&["MODEL.SeqFormer.L1_WEIGHT", "1e400"], "expected a finite number, found inf"),
        (&["MODEL.RESNETS.OUT_FEATURES", "['res4']"], r#"write ["res2", "res3", "res4", "res5"]"#),
        (&["MODEL.RESNETS.DEPTH", "51"], "command line: MODEL.RESNETS.DEPTH: expected 18, 34"),
        (&["MODEL.RESNETS.DEPTH", "None"], "expected an integer, found None"),
        (&["MODEL.RESNETS.DEPTH", "18"], "RES2_OUT_CHANNELS: expected 64, found the default 256"),
        (&["MODEL.RESNETS.RES5_DILATION", "3"], "expected 1 or 2, found 3"),
        (&["MODEL.RESNETS.NORM", "BN"], "expected 'FrozenBN', found 'BN'"),
        (&["MODEL.RESNETS.NORM", ""], "expected 'FrozenBN', found ''"),
        (
            &["MODEL.RESNETS.DEFORM_ON_PER_STAGE", "[False, True, True, True]"],
            "deformable convolutions are not supported",
        ),
        (&["MODEL.PIXEL_STD", "[0, 1, 1]"], "MODEL.PIXEL_STD: expected three numbers above 0"),
        (&["MODEL.PIXEL_MEAN", "[1]"], "MODEL.PIXEL_MEAN: expected a list of 3 elements"),
        (&["MODEL.BACKBONE.NAME", "build_vit"], "MODEL.BACKBONE.NAME: expected \"build_resnet"),
        (&["MODEL.BACKBONE.FREEZE_AT", "6"], "expected an integer from 0 to 5, found 6"),
        (&["MODEL.DEVICE", "tpu"], "MODEL.DEVICE: expected"),
        (&["INPUT.FORMAT", "L"], "INPUT.FORMAT: expected \"RGB\" or \"BGR\", found 'L'"),
        (&["INPUT.AUGMENTATIONS", "['blur']"], "expected a list of any of brightness"),
        (
            &["INPUT.DATA_PATH", "original", "INPUT.AUGMENTATIONS", "['contrast']"],
            "INPUT.DATA_PATH: expected 'vnext' with AUGMENTATIONS, found 'original'",
        ),
        (&["INPUT.DATA_PATH", "detr"], "expected \"vnext\" or \"original\", found 'detr'"),
        (&["INPUT.MIN_SIZE_TRAIN", "()"], "expected one or more sizes"),
        (&["INPUT.MIN_SIZE_TRAIN_SAMPLING", "range"], "the smallest and the largest size"),
        (&["INPUT.CROP.ENABLED", "True", "INPUT.CROP.TYPE", "relative"], "two fractions above 0"),
        (&["INPUT.CUTOUTS.PROBABILITY", "1.5"], "a probability from 0 to 1"),
        (
            &["INPUT.CUTOUTS.PROBABILITY", "0.5", "INPUT.DATA_PATH", "original"],
            "0 with DATA_PATH original",
        ),
        (&["INPUT.CUTOUTS.OBJECTS", "(3, 2)"], "two whole numbers from 1 to 50"),
        (&["SOLVER.STEPS", "('a',)"], "SOLVER.STEPS: expected a list of integers, found ('a',)"),
        (&["SOLVER.STEPS", "(2, 1)"], "expected strictly increasing integers above 0"),
        (&["SOLVER.MAX_ITER", "8000"], "expected no step equal to SOLVER.MAX_ITER, 8000"),
        (&["SOLVER.BASE_LR", "0"], "SOLVER.BASE_LR: expected a number above 0, found 0.0"),
        (&["SOLVER.IMS_PER_BATCH", "-1"], "expected an integer of 1 or more, found -1"),
        (&["INPUT.MAX_SIZE_TEST", "9999999999"], "expected a smaller integer"),
        (&["TEST.EXPECTED_RESULTS", "[['segm', 'AP']]"], "expected a list of [task, metric"),
        (&["OUTPUT_DIR", ""], "OUTPUT_DIR: expected the name of a folder, found ''"),
        (&["VERSION", "1"], "VERSION: expected 2, found 1"),
    ];
    for (opts, expected) in cases {
        let error = with(opts).unwrap_err();
        assert!(error.contains(expected), "{opts:?}: {error}");
    }
}

#[test]
fn swin_needs_no_resnet_settings() {
    let swin =
        ["MODEL.BACKBONE.NAME", "D2SwinTransformer", "MODEL.RESNETS.OUT_FEATURES", "['res4']"];
    let config = with(&swin).unwrap();
    assert_eq!(config.model.backbone.name, BackboneName::Swin);
    assert_eq!(config.model.swin.depths, [2, 2, 6, 2]);
    assert_eq!(config.model.swin.qk_scale, None);
    let error =
        with(&[&swin[..], &["MODEL.SWIN.NUM_HEADS", "[5, 6, 12, 24]"]].concat()).unwrap_err();
    assert!(error.contains("MODEL.SWIN.NUM_HEADS: expected four integers that divide"), "{error}");
}

#[test]
fn expected_results_are_read() {
    let config = with(&["TEST.EXPECTED_RESULTS", "[['segm', 'AP', 45, 0.5]]"]).unwrap();
    let [result] = config.test.expected_results.as_slice() else { panic!("one result") };
    assert_eq!((result.task.as_str(), result.value, result.tolerance), ("segm", 45.0, 0.5));
}

/// Extreme values of any key give an error or a configuration, never a panic.
#[test]
fn no_value_of_a_known_type_panics() {
    let values = [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1e308",
        "1e400",
        "None",
        "x",
        "''",
        "()",
        "[0, 0, 0, 0]",
        "[9223372036854775807, 9223372036854775807, 9223372036854775807, 9223372036854775807]",
        "[-1.0, 0.0, 1e400]",
        "[[]]",
    ];
    let resnet = load("configs/base_ytvis.yaml");
    let mut swin = resnet.clone();
    swin.merge_from_list(&["MODEL.BACKBONE.NAME=D2SwinTransformer".to_owned()]).unwrap();
    for key in resnet.keys().iter().filter(|key| !key.starts_with("MODEL.RO")) {
        let start = if key.starts_with("MODEL.SWIN") { &swin } else { &resnet };
        for value in values {
            let mut node = start.clone();
            if node.merge_from_list(&[key.clone(), value.to_owned()]).is_ok() {
                drop(Config::try_from(&node));
            }
        }
    }
}

#[test]
fn paths_are_expanded_and_the_dump_keeps_what_was_written() {
    let home = std::env::home_dir().unwrap().display().to_string();
    let pairs = [
        ("OUTPUT_DIR", "~/run"),
        ("MODEL.WEIGHTS", "~/w.pth"),
        ("DATASETS.TRAIN", "('~/train.json', '~name')"),
        ("DATASETS.TEST", "('${HOME}/test.JSON',)"),
        ("DATASETS.CUSTOM.mine.json", "~/mine.json"),
        ("DATASETS.CUSTOM.mine.image_root", "~"),
    ];
    let mut node = load("configs/base_ytvis.yaml");
    for (key, value) in pairs {
        node.merge_from_list(&[key.to_owned(), value.to_owned()]).unwrap();
    }
    let config = Config::try_from(&node).unwrap();
    assert_eq!(config.output_dir, Path::new(&home).join("run"));
    assert_eq!(config.model.weights, format!("{home}/w.pth"));
    assert_eq!(config.datasets.train, [format!("{home}/train.json"), "~name".to_owned()]);
    assert_eq!(config.datasets.test, [format!("{home}/test.JSON")]);
    assert_eq!(config.datasets.custom[0].json, Path::new(&home).join("mine.json"));
    assert_eq!(config.datasets.custom[0].image_root.as_deref(), Some(Path::new(&home)));
    assert!(node.dump().contains("OUTPUT_DIR: ~/run"), "{}", node.dump());
}

#[test]
fn datasets_of_the_user_are_those_declared_and_annotation_files() {
    let config = with(&[
        "DATASETS.CUSTOM.street.json",
        "street.json",
        "DATASETS.CUSTOM.street.image_root",
        "frames",
        "DATASETS.CUSTOM.street.type",
        "coco",
    ]);
    let datasets = config.unwrap().datasets;
    let street = datasets.own("street").unwrap();
    assert_eq!(street.format, AnnotationFormat::Coco);
    assert_eq!(street.image_root.as_deref(), Some(Path::new("frames")));
    let file = datasets.own("data/valid.JSON").unwrap();
    assert_eq!((file.json.as_path(), &file.image_root), (Path::new("data/valid.JSON"), &None));
    assert_eq!(file.format, AnnotationFormat::Ytvis);
    for name in ["ytvis_2019_train", "json", "valid.json.gz"] {
        assert_eq!(datasets.own(name), None, "{name}");
    }
}

#[test]
fn a_path_with_an_unknown_variable_or_user_is_an_error_and_no_folder_of_that_name() {
    let error = with(&["OUTPUT_DIR", "$NO_SUCH_VARIABLE/run"]).unwrap_err();
    assert_eq!(
        error,
        "command line: OUTPUT_DIR: $NO_SUCH_VARIABLE/run: expected a variable of the environment behind $, found no \
         NO_SUCH_VARIABLE; set it, or write the folder in full"
    );
    let error = with(&["DATASETS.TRAIN", "['~no-such-user/x.json']"]).unwrap_err();
    assert!(error.contains("DATASETS.TRAIN: ~no-such-user/x.json: expected a user"), "{error}");
}
