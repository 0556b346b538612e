//! `seqformer weights`.

use std::path::Path;

use serde_json::Value;

use crate::{display, golden, seqformer, text};

/// A miniature checkpoint of another program.
fn fixture(name: &str) -> String {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../seqformer-checkpoint/tests/fixtures");
    display(&folder.join(name))
}

#[test]
fn a_file_is_inspected() {
    let output = seqformer(&["weights", "inspect", "--json", &golden("tiny_model.pth")]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["names"], "SeqFormer (VNext)");
    assert_eq!(
        (&found["backbone"], &found["classes"]),
        (&Value::from("ResNet-50"), &Value::from(5))
    );
    let output = seqformer(&["weights", "inspect", &fixture("dialect_msra.pkl")]);
    assert!(text(&output.stdout).contains("Caffe2 backbone"), "{}", text(&output.stdout));
}

#[test]
fn a_file_is_converted_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let to = display(&folder.path().join("model.safetensors"));
    let from = fixture("dialect_original.pth");
    let output = seqformer(&["weights", "convert", &from, &to]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("rows 1 to 40 of 42"), "{}", text(&output.stderr));
    // Translated, the original says the same.
    let output = seqformer(&["weights", "diff", &from, &to]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    let output = seqformer(&["weights", "diff", &from, &fixture("dialect_original_coco.pth")]);
    assert!(!output.status.success());
    assert!(
        text(&output.stdout).contains("2 have different shapes or types"),
        "{}",
        text(&output.stdout)
    );
}

/// The file has what VNext's `tools/convert-pretrained-swin-model-to-d2.py` writes: torch tensors in a plain pickle.
#[test]
fn a_file_of_vnexts_swin_converter_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("swin.safetensors");
    let from = fixture("plain_torch_p4.pkl");
    let output = seqformer(&["weights", "convert", &from, &display(&to)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let state = seqformer_checkpoint::read(&to).unwrap();
    let values = |name: &str| {
        let name = format!("detr.detr.backbone.0.backbone.{name}");
        state.get(&name).map(|array| (array.shape().to_vec(), array.to_f64_vec())).unwrap()
    };
    let (shape, found) = values("patch_embed.proj.weight");
    let expected: Vec<f64> = (0..12).map(|index| f64::from(index) / 8.0).collect();
    assert_eq!((shape, found), (vec![2, 6], expected));
    let (_, found) = values("layers.0.blocks.0.attn.qkv.bias");
    assert_eq!(found, [1.0, 1.125, 1.25, 1.75, 1.875, 2.0]);
    let output = seqformer(&["weights", "inspect", &from]);
    assert!(text(&output.stdout).contains("Swin"), "{}", text(&output.stdout));
}

#[test]
fn what_is_not_finite_is_reported_and_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in.safetensors"), folder.path().join("out.pth"));
    let values = [1.0, f32::NAN, 3.0];
    let array = seqformer_checkpoint::Array::from_f32(&[3], &values).unwrap();
    let state = [("module.detr.detr.level_embed".to_owned(), array)].into_iter().collect();
    seqformer_checkpoint::write_safetensors(&from, &state).unwrap();
    let expected = "\"detr.detr.level_embed\": 1 of 3 values (1 NaN)";
    let output = seqformer(&["weights", "inspect", &display(&from)]);
    let said = text(&output.stdout);
    assert!(said.contains(&format!("not finite   {expected}")), "{said}");
    assert!(said.contains("note         took \"module.\" off every name"), "{said}");
    let output = seqformer(&["weights", "convert", &display(&from), &display(&to)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains(&format!("refuse: {expected}")),
        "{}",
        text(&output.stderr)
    );
    // A second time it would be replaced.
    let output = seqformer(&["weights", "convert", &display(&from), &display(&to)]);
    assert!(!output.status.success() && text(&output.stderr).contains("--overwrite"));
    let output = seqformer(&["weights", "convert", "--overwrite", &display(&from), &display(&to)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_start_is_put_together_from_several_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let [model, config] = ["models/synth_small/model.safetensors", "configs/synth_joint.yaml"]
        .map(|name| display(&root.join(name)));
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("start.safetensors");
    let merge = |files: &[&str], more: &[&str]| {
        let output = ["--output", &display(&to), "--config-file", &config];
        seqformer(&[&["weights", "merge"], files, &output, more].concat())
    };
    let fails = |files: &[&str], more: &[&str], expected: &str| {
        let output = merge(files, more);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{said}");
    };
    fails(&[&model, &model], &[], "that no earlier file has, found none");
    fails(&[&model], &["--rename", "net.=detr."], "--rename net.=…: expected a prefix");
    fails(&[&model], &["--rename", "net."], "expected OLD=NEW");
    assert!(!to.exists());
    let output = merge(&[&model], &["--tensors"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // Six classes are not forty; everything else fits.
    assert!(said.contains(&format!("{:<30}6 random", "class_embed")), "{said}");
    assert!(said.contains("random: detr.detr.class_embed.2.bias"), "{said}");
    let state = seqformer_checkpoint::read(&to).unwrap();
    let all = seqformer_checkpoint::read(Path::new(&model)).unwrap();
    assert_eq!(state.len() + 6, all.len());
    assert!(state.iter().all(|(name, array)| all.get(name) == Some(array)));
    fails(&[&model], &[], "already exists");
    fails(&[&display(&to)], &["--overwrite"], "which is never replaced");
}
