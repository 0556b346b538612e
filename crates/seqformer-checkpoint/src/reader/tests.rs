use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn read_bytes(bytes: &[u8]) -> Result<StateDict, Reason> {
    super::read_bytes(bytes.to_vec())
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn every_fixture_holds_what_python_put_into_it() {
    let expected = fs::read(fixtures().join("expected.json")).unwrap();
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.len(), 20);
    for (file, arrays) in expected {
        check_fixture(&file, arrays.as_object().unwrap());
    }
}

fn check_fixture(file: &str, arrays: &serde_json::Map<String, Value>) {
    let state = read(&fixtures().join(file)).unwrap();
    let names: BTreeSet<_> = state.iter().map(|(name, _)| name).collect();
    assert_eq!(names, arrays.keys().collect(), "{file}");
    for (name, expected) in arrays {
        let array = state.get(name).unwrap();
        assert_eq!(array.dtype().to_string(), expected[0], "{file}: {name}");
        let shape: Vec<u64> = array.shape().iter().map(|&size| size as u64).collect();
        assert_eq!(Value::from(shape), expected[1], "{file}: {name}");
        let values: Vec<f64> = expected[2].as_array().unwrap().iter().map(number).collect();
        assert_eq!(array.to_f64_vec(), values, "{file}: {name}");
    }
}

#[test]
fn torch_tensors_in_a_plain_pickle_are_read_as_swin_converters_write_them() {
    let expected = fs::read(fixtures().join("plain_pickles.json")).unwrap();
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&expected).unwrap();
    for file in ["plain_torch_p2.pkl", "plain_torch_p4.pkl", "plain_torch_zipped.pkl"] {
        check_fixture(file, &expected);
        let state = read(&fixtures().join(file)).unwrap();
        assert_eq!(state.metadata.get("matching_heuristics").map(String::as_str), Some("true"));
        assert_eq!(crate::key_map::recognize(&state), crate::key_map::Dialect::Swin);
    }
}

#[test]
fn code_in_a_storage_inside_a_pickle_is_refused() {
    match read(&fixtures().join("evil_storage.pkl")).unwrap_err().reason {
        Reason::Refused { global, .. } => assert_eq!(global, "posix.system"),
        other => panic!("{other}"),
    }
}

#[test]
fn tied_tensors_share_their_bytes() {
    for file in ["flat_zip.pth", "flat_legacy.pth"] {
        let state = read(&fixtures().join(file)).unwrap();
        let (a, b) = (state.get("tied_a").unwrap(), state.get("tied_b").unwrap());
        assert!(a.shares_bytes_with(b), "{file}");
        assert!(!a.shares_bytes_with(state.get("plain").unwrap()), "{file}");
    }
}

#[test]
fn what_stands_beside_the_tensors_is_kept_or_noted() {
    for file in ["training_zip.pth", "training_legacy.pth"] {
        let state = read(&fixtures().join(file)).unwrap();
        assert_eq!(state.metadata.get("epoch").map(String::as_str), Some("11"), "{file}");
        let notes = state.notes.join("\n");
        for expected in [
            "took the entries of \"model\"",
            "skipped \"optimizer\": a dict",
            "skipped \"args\": an object of argparse.Namespace",
        ] {
            assert!(notes.contains(expected), "{file}: {expected} not in\n{notes}");
        }
    }
    let zoo = read(&fixtures().join("numpy_p4.pkl")).unwrap();
    assert_eq!(zoo.metadata.get("__author__").map(String::as_str), Some("torchvision"));
    assert_eq!(zoo.metadata.get("matching_heuristics").map(String::as_str), Some("true"));
    let parallel = read(&fixtures().join("parallel_zip.pth")).unwrap();
    assert_eq!(parallel.remarks, ["took \"module.\" off every name"]);
}

#[test]
fn code_is_refused_by_name_and_place() {
    for (stem, global) in
        [("system", "posix.system"), ("eval", "builtins.eval"), ("getattr", "builtins.getattr")]
    {
        for suffix in ["_zip.pth", "_legacy.pth", ".pkl"] {
            let file = format!("evil_{stem}{suffix}");
            let bytes = fs::read(fixtures().join(&file)).unwrap();
            match read_bytes(&bytes).unwrap_err() {
                Reason::Refused { global: found, offset } => {
                    // Protocol 2 of Python 3 goes by the old name of the module.
                    assert_eq!(found.replace("__builtin__", "builtins"), global, "{file}");
                    let opcode = bytes[offset as usize];
                    assert!(matches!(opcode, b'c' | 0x93), "{file}: opcode {opcode:#x}");
                }
                other => panic!("{file}: {other}"),
            }
        }
    }
}

#[test]
fn files_without_readable_weights_say_what_they_are() {
    let check = |file: &str, expected: &str| {
        let error = read(&fixtures().join(file)).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(expected), "{error}");
    };
    check("whole_module.pth", "found an object of torch.nn.modules.linear.Linear; save `model.st");
    check("complex.pth", "tensor \"w\": elements of torch.ComplexFloatStorage are not supported");
    check("repacked_deflated.pth", "byteorder\" of the archive is compressed");
    check("torchscript.pt", "this is a TorchScript archive; save `model.state_dict()`");
    check("make_fixtures.py", "found a text file");
    check("nowhere.pth", "no such file; check the path");
}

#[test]
fn a_path_to_nothing_says_what_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model_final.pth", "resnet50.safetensors", "notes.txt"] {
        fs::write(folder.path().join(name), b"").unwrap();
    }
    fs::create_dir(folder.path().join("model.pth")).unwrap();
    let check = |name: &str, expected: &str| {
        let error = read(&folder.path().join(name)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}, not {expected}");
    };
    let near = |name: &str| format!("did you mean {}?", folder.path().join(name).display());
    check("model_fina.pth", &near("model_final.pth"));
    check("Model_Final.PTH", &near("model_final.pth"));
    check("resnet50.pth", &near("resnet50.safetensors"));
    check("other_weights.pth", "no such file; check the path");
    check("run/model_final.pth", "; there is no folder ");
    check("model.pth", "found a folder; name the checkpoint file; there is none inside it");
    fs::write(folder.path().join("model.pth/model.safetensors"), b"").unwrap();
    let file = folder.path().join("model.pth/model.safetensors");
    check("model.pth", &format!("name the checkpoint file inside it: {}", file.display()));
    fs::remove_file(file).unwrap();
    fs::write(folder.path().join("model.pth/model.safetensors.index.json"), b"{}").unwrap();
    check("model.pth", "it holds the index of weights in several files");
}

#[test]
fn an_address_says_where_the_file_is_to_be_had() {
    let check = |address: &str, expected: &str| {
        let error = read(Path::new(address)).unwrap_err().to_string();
        assert!(error.contains(address) && error.contains(expected), "{error}, not {expected}");
    };
    check(
        "detectron2://ImageNetPretrained/torchvision/R-50.pkl",
        "download https://dl.fbaipublicfiles.com/detectron2/ImageNetPretrained/torchvision/R-50.pkl and give",
    );
    check(
        "catalog://ImageNetPretrained/FAIR/X-101-64x4d",
        "https://dl.fbaipublicfiles.com/detectron/ImageNetPretrained/FBResNeXt/X-101-64x4d.pkl",
    );
    for address in ["https://example.org/a.pth", "http://a.b/c.pth?x=1", "s3://bucket/a.pth"] {
        check(address, &format!("download {address} and give the path of the file"));
    }
    check("file:///home/me/a.pth", "give the path alone: /home/me/a.pth");
    check("odd name://a.pth", "no such file");
}

#[test]
fn a_folder_is_not_read() {
    let error = read(&fixtures()).unwrap_err().to_string();
    assert!(
        error.contains("found a folder; name the checkpoint file inside it, such as"),
        "{error}"
    );
}

#[test]
fn other_files_are_told_apart() {
    let tar = [&[b'x'; 257][..], b"ustar", &[0; 250]].concat();
    let cases: [(&[u8], &str); 21] = [
        (b"", "found an empty file"),
        (b"<!DOCTYPE html><html>", "found a web page"),
        (b"\n  <html lang=\"en\">", "found a web page"),
        (b"\xef\xbb\xbf<!-- login -->", "found a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "found a git-lfs pointer"),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "found an empty zip archive"),
        (b"\x1f\x8b\x08\0", "found a gzip archive"),
        (&tar, "found a tar archive"),
        (&[0; 100], "found nothing but zeros"),
        (b"Dear reader,\n", "found a text file"),
        (b"(see the other file)\n", "found a text file"),
        (b"city,temperature\nOslo,3\n", "found a text file"),
        ("Lügen haben kurze Beine".as_bytes(), "found a text file"),
        (
            b"{\"message\": \"Not Found\"}",
            "found JSON text: {\"message\": \"Not Found\"}; if a server wrote",
        ),
        (
            b"/personal/run/model.pth\n",
            "found a text file with a path: /personal/run/model.pth; give",
        ),
        (b"model_0000999.pth", "found a text file with a path: model_0000999.pth"),
        (b"Entry not found", "found a text file that begins \"Entry not found\"; check"),
        (b"(a tuple) in words", "found a text file that begins"),
        (b"\x7fELF\x02\x01\x01", "found bytes of no known format"),
        (b"\x80\x02}q\x00.", "found a dict with the keys []"),
        (b"PK\x03\x04 and nothing else", "the list of entries at its end is missing"),
    ];
    for (bytes, expected) in cases {
        let error = read_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

fn all_fixtures() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let files =
        entries.filter(|path| path.extension().is_some_and(|extension| extension != "json"));
    let mut files: Vec<_> = files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    let tensors = read(&fixtures().join("flat_zip.pth")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flat.safetensors");
    safetensors::write_safetensors(&path, &tensors).unwrap();
    files.push(("flat.safetensors".to_owned(), fs::read(path).unwrap()));
    files.sort();
    assert!(files.len() > 30);
    files
}

/// Reads hostile bytes: they must end in a value or an error, and in no more memory than is fair.
///
/// What was read goes on to where names and shapes decide.
fn survive(bytes: &[u8]) -> bool {
    let budget = Source::from_bytes(bytes.to_vec()).array_budget();
    let _tree = crate::tree::read(&mut Source::from_bytes(bytes.to_vec()));
    read_bytes(bytes).is_ok_and(|state| {
        if let Ok(mapping) = crate::key_map::to_vnext(state.clone(), None) {
            let _network = crate::weights::Architecture::of(&mapping.state);
            let _original = crate::key_map::to_original(&mapping.state);
        }
        let total: usize = state.iter().map(|(_, array)| array.bytes().len()).sum();
        // Tied arrays are counted once for each name.
        assert!(total as u64 <= budget * 4, "{total} bytes of arrays from {}", bytes.len());
        true
    })
}

#[test]
fn a_file_cut_short_is_an_error() {
    for (name, bytes) in all_fixtures() {
        let step = (bytes.len() / if bytes.len() < 20_000 { 150 } else { 20 }).max(1);
        for len in (0..bytes.len()).step_by(step) {
            assert!(!survive(&bytes[..len]), "{name} cut to {len} bytes was read");
        }
    }
}

#[test]
fn flipped_and_moved_bytes_never_panic() {
    let mut random = Random(7);
    let mut num_errors = 0;
    for (_, bytes) in all_fixtures() {
        for _ in 0..mutations(bytes.len()) {
            let mut bytes = bytes.clone();
            for _ in 0..=random.below(3) {
                random.mutate(&mut bytes);
            }
            num_errors += usize::from(!survive(&bytes));
        }
    }
    assert!(num_errors > 1000, "only {num_errors} errors: the mutations are too tame");
}

/// Large files take long; their structure is that of the small ones.
fn mutations(len: usize) -> usize {
    if len < 20_000 { 400 } else { 40 }
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % limit.max(1) as u64) as usize
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = self.below(256) as u8,
            // Sizes and counts become huge.
            2 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            // Opcodes that copy, call, append, push a mark or end the program.
            3 => bytes[at] = b"(.0123beghjloPQRsStuR\x81\x85\x92\x93\x94\x96"[self.below(27)],
            4 => {
                let end = (at + self.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ => {
                let end = (at + self.below(20) + 1).min(bytes.len());
                bytes.drain(at..end);
            }
        }
        if bytes.is_empty() {
            bytes.push(0x80);
        }
    }
}
