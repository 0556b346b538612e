//! `scripts/gpu_check.sh` with programs and a torch that only answer: what it reports, with a GPU and without.

#![allow(clippy::unwrap_used, reason = "what a test cannot make makes it fail")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const TORCH: &str = r#"
import os
from types import SimpleNamespace as Of
__version__ = "2.11.0"
version = Of(cuda="13.0")
backends = Of(cudnn=Of(version=lambda: 91900))
card = Of(name="a card", major=9, minor=0, total_memory=1 << 30)
cuda = Of(is_available=lambda: os.environ["HAS_GPU"] == "1", get_device_properties=lambda index: card)
"#;

const SEQFORMER: &str = r#"#!/bin/sh
case $1 in
bench)
    while [ $# -gt 1 ]; do [ "$1" = --json ] && echo '{"graphs": 1, "fallbacks": []}' >"$2"; shift; done ;;
train)
    echo "WARN attention on GPU 0 runs as plain tensor operations, which take more memory: no compiler"
    for last; do :; done
    mkdir -p "$last" && echo '{"iteration": 59, "total_loss": 2.5}' >"$last/metrics.json" ;;
esac
"#;

fn program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A folder as `make gpu-bundle` packs it, and a torch.
fn bundle(folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/gpu_check.sh");
    for name in ["bin", "torch"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    std::fs::copy(script, folder.join("gpu_check.sh")).unwrap();
    std::fs::write(folder.join("torch/__init__.py"), TORCH).unwrap();
    program(&folder.join("bin/seqformer"), SEQFORMER);
    for name in ["cuda_device", "cuda_kernels", "recording", "gpu"] {
        program(&folder.join("bin").join(name), "#!/bin/sh\n");
    }
    program(&folder.join("bin/parity"), "#!/bin/sh\necho 'parity: 9 of 10 ok'\nexit 1\n");
}

fn check(folder: &Path, has_gpu: bool, out: &str) -> Output {
    let mut script = Command::new("sh");
    script.arg(folder.join("gpu_check.sh")).arg(out).current_dir(folder);
    script.env("PYTHONPATH", folder).env("HAS_GPU", if has_gpu { "1" } else { "0" });
    script.env("PEER", "no such file").env("PATH", "/usr/local/bin:/usr/bin:/bin").output().unwrap()
}

fn report(folder: &Path, out: &str) -> Value {
    let path: PathBuf = folder.join(out).join("gpu_check.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn outcome<'a>(report: &'a Value, name: &str) -> &'a str {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap()["outcome"].as_str().unwrap()
}

#[test]
fn the_check_of_a_gpu_reports_every_step_and_what_fell_back_and_says_that_there_is_none() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{}", std::process::id()));
    bundle(&folder);

    let done = check(&folder, false, "without");
    assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("There is no GPU here"), "{said}");
    let without = report(&folder, "without");
    assert_eq!((&without["has_gpu"], &without["gpu"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(outcome(&without, "loads: CUDA part"), "ok");

    let done = check(&folder, true, "with");
    assert_eq!(done.status.code(), Some(1));
    let with = report(&folder, "with");
    assert_eq!(with["gpu"]["name"], "a card");
    assert_eq!((outcome(&with, "kernels"), outcome(&with, "parity")), ("ok", "failed"));
    assert_eq!(with["parity"][0]["ok"], 9);
    for precision in ["f32", "tf32", "bf16"] {
        assert_eq!(with["bench"][precision]["graphs"], 1, "{precision}");
    }
    assert_eq!(with["training"]["train_bf16"]["total_loss"], 2.5);
    let fallbacks = with["fallbacks"].as_array().unwrap();
    assert!(fallbacks.len() == 1 && fallbacks[0].as_str().unwrap().starts_with("attention on GPU"));

    // Nothing of an earlier run is replaced.
    let again = check(&folder, true, "with");
    assert!(String::from_utf8_lossy(&again.stderr).contains("does not exist yet"));
    std::fs::remove_dir_all(&folder).unwrap();
}
