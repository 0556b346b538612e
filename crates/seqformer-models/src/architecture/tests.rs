use std::path::{Path, PathBuf};

use seqformer_checkpoint::key_map::{Dialect, Shapes};
use seqformer_config::{CfgNode, Config};

use super::*;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The tensors of the Python reference.
fn golden(name: &str) -> Shapes {
    let path = root().join("tests/golden/common").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let shape = |entry: &serde_json::Value| {
        let sides = entry[0].as_array().unwrap().iter();
        sides.map(|side| side.as_u64().unwrap() as usize).collect()
    };
    let keys = all["keys"].as_object().unwrap();
    keys.iter().map(|(name, entry)| (name.clone(), shape(entry))).collect()
}

fn outline(dialect: Dialect, shapes: &Shapes) -> Outline {
    Outline::of_shapes(
        dialect,
        shapes.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())),
    )
}

#[test]
fn the_networks_of_the_reference_are_found() {
    let cases = [
        ("vnext_r50_ytvis19", Dialect::VNext, "ResNet-50", 40, 40),
        ("vnext_r101_ytvis19", Dialect::VNext, "ResNet-101", 40, 40),
        ("vnext_swinl_ytvis19", Dialect::VNext, "Swin-L, windows of 12", 40, 40),
        ("orig_r50", Dialect::Original, "ResNet-50", 42, 40),
        ("orig_swinl", Dialect::Original, "Swin-L, windows of 12", 42, 40),
        ("orig_x101_32x8d", Dialect::Original, "ResNeXt-101 32x8d", 42, 40),
        ("orig_x101_64x4d", Dialect::Original, "ResNeXt-101 64x4d", 42, 40),
    ];
    for (name, dialect, backbone, rows, classes) in cases {
        let outline = outline(dialect, &golden(&format!("full_keys_{name}.json")));
        let found =
            Architecture::from_tensors(&outline).unwrap_or_else(|error| panic!("{name}: {error}"));
        let shown =
            format!("{backbone}, 6 + 6 layers of 256 channels, 300 queries, {classes} classes");
        assert_eq!((found.to_string(), found.class_rows), (shown, rows), "{name}");
        assert_eq!(found.shapes(), outline.shapes, "{name}");
        assert_eq!((found.num_heads, found.num_encoder_points), (8, 4), "{name}");
    }
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
}

/// The tensors of a configuration give a configuration of the same network.
fn check(node: &CfgNode, what: &str) {
    let config = Config::try_from(node).unwrap();
    let network = Architecture::of_config(&config);
    let outline = outline(Dialect::VNext, &network.shapes());
    let found =
        Architecture::from_tensors(&outline).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found, network, "{what}");
    let mut again = CfgNode::defaults();
    again.merge_from_file(&root().join("configs/base_ytvis.yaml")).unwrap();
    let pairs =
        found.settings().into_iter().flat_map(|setting| [setting.key.to_owned(), setting.value]);
    again.merge_from_list(&pairs.collect::<Vec<_>>()).unwrap();
    let again = Config::try_from(&again).unwrap();
    assert_eq!(again.network.differences(&config.network), [], "{what}");
}

#[test]
fn every_shipped_configuration_follows_from_its_tensors() {
    let mut files = Vec::new();
    yaml_files(&root().join("configs"), &mut files);
    assert!(files.len() > 70, "{} files", files.len());
    for file in files {
        // Parts that several recipes share are no recipes.
        if file.parent().is_some_and(|folder| folder.ends_with("bases")) {
            continue;
        }
        let mut node = CfgNode::defaults();
        node.merge_from_file(&file).unwrap();
        check(&node, &file.display().to_string());
    }
}

#[test]
fn unusual_networks_are_found_as_well() {
    let swin = "MODEL.BACKBONE.NAME D2SwinTransformer MODEL.SWIN.APE True MODEL.SWIN.PRETRAIN_IMG_SIZE 256 \
                MODEL.SWIN.QKV_BIAS False MODEL.SWIN.PATCH_NORM False MODEL.SWIN.MLP_RATIO 3.5 MODEL.SWIN.WINDOW_SIZE 5";
    let cases = [
        "MODEL.RESNETS.DEPTH 18 MODEL.RESNETS.RES2_OUT_CHANNELS 64",
        "MODEL.RESNETS.DEPTH 34 MODEL.RESNETS.RES2_OUT_CHANNELS 64 MODEL.SeqFormer.DEC_LAYERS 1",
        "MODEL.RESNETS.DEPTH 152 MODEL.SeqFormer.ENC_N_POINTS 2 MODEL.SeqFormer.DEC_N_POINTS 6",
        "MODEL.SeqFormer.HIDDEN_DIM 96 MODEL.SeqFormer.NHEADS 3 MODEL.SeqFormer.DIM_FEEDFORWARD 64",
        swin,
    ];
    for case in cases {
        let mut node = CfgNode::defaults();
        node.merge_from_file(&root().join("configs/base_ytvis.yaml")).unwrap();
        let pairs: Vec<String> = case.split_whitespace().map(str::to_owned).collect();
        node.merge_from_list(&pairs).unwrap();
        check(&node, case);
    }
}

#[test]
fn the_tensor_that_contradicts_is_named() {
    let whole = golden("full_keys_vnext_r50_ytvis19.json");
    let refused = |change: &dyn Fn(&mut Shapes)| {
        let mut shapes = whole.clone();
        change(&mut shapes);
        Architecture::from_tensors(&outline(Dialect::VNext, &shapes)).unwrap_err().to_string()
    };
    let name = "detr.detr.transformer.decoder.layers.3.linear1_box.weight";
    let said = refused(&|shapes| drop(shapes.insert(name.to_owned(), vec![512, 256])));
    assert!(
        said.contains(name) && said.contains("expected [1024, 256], found [512, 256]"),
        "{said}"
    );
    let said = refused(&|shapes| drop(shapes.remove("detr.mask_head.dcn.bias")));
    assert!(said.contains("\"detr.mask_head.dcn.bias\": expected one of this name"), "{said}");
    let said = refused(&|shapes| drop(shapes.insert("detr.extra.weight".to_owned(), vec![1])));
    assert!(said.contains("\"detr.extra.weight\": expected none"), "{said}");
    let query = "detr.detr.query_embed.weight";
    let said = refused(&|shapes| drop(shapes.insert(query.to_owned(), vec![512])));
    assert!(said.contains(query) && said.contains("expected 2 dimensions, found [512]"), "{said}");
    let said = refused(&|shapes| shapes.retain(|name, _| !name.contains("res4.5.")));
    assert!(said.contains("found [3, 4, 5, 3] blocks"), "{said}");
    let attention = "detr.detr.transformer.encoder.layers.0.self_attn.attention_weights.weight";
    let said = refused(&|shapes| drop(shapes.insert(attention.to_owned(), vec![127, 256])));
    assert!(said.contains(attention) && said.contains("4 levels"), "{said}");
    let other = outline(Dialect::DeformableDetr, &whole);
    let said = Architecture::from_tensors(&other).unwrap_err().to_string();
    assert!(said.contains("found those of Deformable DETR"), "{said}");
}

#[test]
fn the_small_model_that_is_included_is_found() {
    let outline = Outline::read(&root().join("models/synth_small/model.safetensors")).unwrap();
    let found = Architecture::from_tensors(&outline).unwrap();
    let mut node = CfgNode::defaults();
    node.merge_from_file(&root().join("configs/synth_small.yaml")).unwrap();
    assert_eq!(found, Architecture::of_config(&Config::try_from(&node).unwrap()));
}
