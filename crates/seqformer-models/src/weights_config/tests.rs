use std::path::{Path, PathBuf};

use seqformer_checkpoint::{Array, write_safetensors};

use super::*;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The tensors of a network of the Python reference.
fn golden(name: &str, dialect: Dialect) -> Outline {
    let path = root().join("tests/golden/common").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let keys = all["keys"].as_object().unwrap().iter();
    let shapes = keys.map(|(name, entry)| {
        let sides = entry[0].as_array().unwrap().iter();
        (name.as_str(), sides.map(|side| side.as_u64().unwrap() as usize).collect())
    });
    let shapes: Vec<(&str, Vec<usize>)> = shapes.collect();
    Outline::of_shapes(dialect, shapes.iter().map(|(name, shape)| (*name, shape.as_slice())))
}

/// All that a prediction depends on.
fn on_prediction(node: &CfgNode) -> String {
    let Config { network, model, input, datasets, .. } = Config::try_from(node).unwrap();
    // Objects are dropped in training alone.
    let mut section = model.seqformer;
    section.drop_absent = false;
    let sizes = (input.min_size_test, input.max_size_test, input.format);
    format!(
        "{network:#?} {section:#?} {sizes:?} {:?} {:?} {:?}",
        model.pixel_mean, model.pixel_std, datasets.test
    )
}

#[test]
fn published_weights_predict_as_with_the_shipped_files() {
    let cases = [
        ("vnext_r50_ytvis19", Dialect::VNext, "ytvis_2019/r50"),
        ("vnext_r101_ytvis19", Dialect::VNext, "ytvis_2019/r101"),
        ("vnext_swinl_ytvis19", Dialect::VNext, "ytvis_2019/swin_l"),
        ("orig_r50", Dialect::Original, "joint/ytvis_2019/r50"),
        ("orig_swinl", Dialect::Original, "joint/ytvis_2019/swin_l"),
        ("orig_x101_32x8d", Dialect::Original, "joint/ytvis_2019/x101_32x8d"),
        ("orig_x101_64x4d", Dialect::Original, "joint/ytvis_2019/x101_64x4d"),
    ];
    for (name, dialect, config) in cases {
        let outline = golden(&format!("full_keys_{name}.json"), dialect);
        let network = Architecture::from_tensors(&outline).unwrap();
        let mut with_file = CfgNode::defaults();
        with_file.merge_from_file(&root().join(format!("configs/{config}.yaml"))).unwrap();
        let (found, data) = inferred(&network, dialect).unwrap();
        assert_eq!(on_prediction(&found), on_prediction(&with_file), "{name}");
        assert_eq!(data, RecipeData::Ytvis2019);
        // The same network with the classes of other data.
        for (classes, config) in [(25, "ovis"), (80, "coco")] {
            let config = match (dialect, network.backbone.to_string().as_str()) {
                (Dialect::VNext, "ResNet-50") => format!("configs/{config}/r50.yaml"),
                (Dialect::VNext, "ResNet-101") => format!("configs/{config}/r101.yaml"),
                (Dialect::VNext, _) => format!("configs/{config}/swin_l.yaml"),
                _ => continue,
            };
            let network = Architecture { num_classes: classes, ..network.clone() };
            let mut with_file = CfgNode::defaults();
            with_file.merge_from_file(&root().join(&config)).unwrap();
            let (found, _) = inferred(&network, dialect).unwrap();
            assert_eq!(on_prediction(&found), on_prediction(&with_file), "{config}");
        }
    }
}

/// The small model of the golden files, with a configuration in it.
fn tagged(folder: &Path, config: &str) -> PathBuf {
    let mut state = read(&root().join("tests/golden/public/tiny_model.pth")).unwrap();
    let classes = ["car", "bus", "tram", "bike", "dog"].map(str::to_owned).to_vec();
    Provenance { config: Some(config.to_owned()), classes, hash: None }.write_to(&mut state);
    let path = folder.join("model.safetensors");
    write_safetensors(&path, &state).unwrap();
    path
}

#[test]
fn the_configuration_of_a_training_is_taken_without_its_machine() {
    let folder = tempfile::tempdir().unwrap();
    let config = "INPUT: {MIN_SIZE_TEST: 208}\nMODEL: {META_ARCHITECTURE: SeqFormer, DEVICE: cuda, WEIGHTS: $NOWHERE/a.pth, \
                  RESNETS: {OUT_FEATURES: [res2, res3, res4, res5]}}\n\
                  OUTPUT_DIR: $NOWHERE/run\nDATASETS: {TEST: [$NOWHERE/a.json], TRAIN: [ytvis_2021_train]}\n";
    let found = WeightsConfig::read(&tagged(folder.path(), config)).unwrap();
    assert_eq!((found.origin, found.classes.len()), (ConfigOrigin::Stored, 5));
    let config = Config::try_from(&found.node).unwrap();
    assert_eq!(config.input.min_size_test, 208);
    assert_eq!((config.model.weights.as_str(), config.datasets.test), ("", Vec::new()));
    let said = found.summary();
    assert!(
        said.contains("ResNet-50, 2 + 3 layers of 64 channels") && said.contains("side 208"),
        "{said}"
    );
}

#[test]
fn weights_that_say_too_little_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = tagged(folder.path(), "MODEL: {COLOUR: red}\n");
    let error = WeightsConfig::read(&path).unwrap_err().to_string();
    for part in ["model.safetensors: ", "unknown key MODEL.COLOUR", "--config-file"] {
        assert!(error.contains(part), "{error}");
    }
    let mut state = StateDict::new();
    state.insert("conv.weight", Array::from_f32(&[1], &[1.0]).unwrap());
    write_safetensors(&path, &state).unwrap();
    let error = WeightsConfig::read(&path).unwrap_err().to_string();
    for part in ["expected weights of a whole SeqFormer", "--config-file"] {
        assert!(error.contains(part), "{error}");
    }
}
