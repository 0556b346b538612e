//! The list of crates in ARCHITECTURE.md against the manifests.

#![allow(clippy::unwrap_used, reason = "what a test cannot read makes it fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The lowest crates that link torch.
const TORCH: [&str; 2] = ["tch", "torch-sys"];

/// What a manifest says of a crate of this workspace, without dependencies of tests.
#[derive(Debug, Default)]
struct Manifest {
    ours: BTreeSet<String>,
    links_torch: bool,
}

/// A line of the list.
#[derive(Debug)]
struct Line {
    layer: usize,
    below: BTreeSet<String>,
    needs_torch: bool,
}

fn short(name: &str) -> String {
    name.strip_prefix("seqformer-").unwrap_or(name).to_owned()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn manifests() -> BTreeMap<String, Manifest> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> =
        packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let manifest = |package: &Value| {
        let mut manifest = Manifest::default();
        let dependencies = package["dependencies"].as_array().unwrap();
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"] != "dev") {
            let name = dependency["name"].as_str().unwrap();
            if ours.contains(name) {
                manifest.ours.insert(short(name));
            }
            manifest.links_torch |= TORCH.contains(&name);
        }
        (short(package["name"].as_str().unwrap()), manifest)
    };
    packages.iter().map(manifest).collect()
}

fn list() -> BTreeMap<String, Line> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let block = text.split("```\n").find(|block| block.contains(" -> ")).unwrap();
    let mut needs_torch = true;
    let mut lines = BTreeMap::new();
    for line in block.lines() {
        if line.starts_with("---") {
            needs_torch = false;
            continue;
        }
        let (head, below) = line.split_once("->").unwrap();
        let (layer, name) = head.split_once(' ').unwrap();
        let below = below.split_whitespace().map(str::to_owned).collect();
        let line = Line { layer: layer.parse().unwrap(), below, needs_torch };
        assert!(lines.insert(name.trim().to_owned(), line).is_none(), "{name} is there twice");
    }
    lines
}

#[test]
fn the_list_of_crates_is_that_of_the_manifests() {
    let (list, manifests) = (list(), manifests());
    let names = |keys: Vec<&String>| keys.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(list.keys().collect()), names(manifests.keys().collect()));
    for (name, manifest) in &manifests {
        let line = &list[name];
        let right: Vec<&str> = manifest.ours.iter().map(String::as_str).collect();
        assert!(line.below == manifest.ours, "ARCHITECTURE.md: {name} -> {}", right.join(" "));
    }
}

#[test]
fn all_arrows_go_down() {
    let list = list();
    for (name, line) in &list {
        for below in &line.below {
            let layer = list[below].layer;
            assert!(layer < line.layer, "{name} ({}) -> {below} ({layer})", line.layer);
        }
    }
}

#[test]
fn what_needs_no_torch_depends_on_nothing_that_does() {
    let (list, manifests) = (list(), manifests());
    for (name, line) in &list {
        let torch = line.below.iter().filter(|below| list[*below].needs_torch).count();
        let needs_torch = manifests[name].links_torch || torch > 0;
        assert_eq!(line.needs_torch, needs_torch, "{name}");
    }
}
