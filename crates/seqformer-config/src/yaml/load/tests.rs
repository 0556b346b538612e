use std::path::PathBuf;

use super::{Content, Field, load};
use crate::{ConfigError, Origin};

fn load_bytes(bytes: &[u8]) -> Result<Vec<Field>, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.yaml");
    std::fs::write(&path, bytes).unwrap();
    load(&path)
}

/// The fields as one line of text.
fn show(fields: &[Field]) -> String {
    let fields = fields.iter().map(|field| {
        let value = match &field.node.content {
            Content::Mapping(inner) => format!("{{{}}}", show(inner)),
            _ => field.node.to_value().map_or("?".to_owned(), |value| value.to_string()),
        };
        format!("{}: {value}", field.name)
    });
    fields.collect::<Vec<_>>().join(", ")
}

#[test]
fn documents_are_read_as_in_pyyaml() {
    let cases = [
        ("A:\n  B: 1\n  C: [1, yes, x]\n", "A: {B: 1, C: [1, True, 'x']}"),
        ("A: '010'\nB: 010\nC: \"yes\"\nD: 1e-4", "A: '010', B: 8, C: 'yes', D: '1e-4'"),
        ("A: &a [1, 2]\nB: *a\n", "A: [1, 2], B: [1, 2]"),
        ("A: &a {X: 1, Y: 2}\nB:\n  <<: *a\n  Y: 3\n", "A: {X: 1, Y: 2}, B: {Y: 3, X: 1}"),
        ("A: {<<: [{X: 1}, {X: 2, Y: 3}]}", "A: {X: 1, Y: 3}"),
        ("'<<': 1", "<<: 1"),
        ("A: !!str 1\nB: !!int '2'\nC: ! 3\nD: !!float 4", "A: '1', B: 2, C: '3', D: 4.0"),
        (
            "A: !!python/tuple [1, !!python/tuple [x]]\nB: !!python/tuple\n- y\n",
            "A: [1, ['x']], B: ['y']",
        ),
        ("A: !!python/unicode '1'\nB: !!python/float 2", "A: '1', B: 2.0"),
        ("A:\nB: ~\nC: ''\n", "A: None, B: None, C: ''"),
        ("A: {}\nB: []\n", "A: {}, B: []"),
        ("\u{feff}A: |\n  x\n  y\n", "A: 'x\\ny\\n'"),
        ("A: (1, 2)\nB: (\"a\",)\n", "A: '(1, 2)', B: '(\"a\",)'"),
        ("%YAML 1.1\n---\nA: 1\n...\n", "A: 1"),
        ("A: 1 # comment\r\nB: 2\r\n", "A: 1, B: 2"),
    ];
    for (text, expected) in cases {
        assert_eq!(show(&load_bytes(text.as_bytes()).unwrap()), expected, "{text}");
    }
}

#[test]
fn fields_remember_their_lines() {
    let fields = load_bytes(b"# comment\nA:\n  - 1\n\nB: 2\n").unwrap();
    let lines: Vec<_> = fields
        .iter()
        .map(|field| match &field.origin {
            Origin::File { line, .. } => *line,
            origin => panic!("{origin:?}"),
        })
        .collect();
    assert_eq!(lines, [2, 5]);
}

#[test]
fn broken_files_are_errors_with_a_place() {
    let cases: &[(&[u8], &str)] = &[
        (b"A: [1, 2\nB: 3", "test.yaml:2:"),
        (b"A: 'x", "test.yaml:1:"),
        (b"A: 1\n\tB: 2", "test.yaml:1:4: while scanning a plain scalar, found a tab"),
        (b"A: 1\nA: 2", "test.yaml:2:1: the key A is given twice"),
        (b"A: *a", "test.yaml:1:"),
        (b"A: &a [*a]", "test.yaml:1:8: this alias refers to a value that contains it"),
        (b"- 1", "test.yaml:1:1: expected KEY: VALUE lines"),
        (b"text", "test.yaml:1:1: expected KEY: VALUE lines"),
        (b"", "found an empty file"),
        (b"# only a comment\n", "found an empty file"),
        (b"A: 1\n---\nB: 2", "expected one document, found a second"),
        (b"? [1]\n: 2", "expected a key, which is text"),
        (b"<<: 1", "expected a section to merge"),
        (b"A: 99999999999999999999", "test.yaml:1:4: 99999999999999999999 is not an integer"),
        (b"A: !!python/object/apply:os.system [x]", "test.yaml:1:"),
        (b"A: !!python/object/new:set [x]", "stands for Python code, which is never run"),
        (b"A: !!python/name:os.system x", "stands for Python code, which is never run"),
        (b"A: !!python/tuple {x: 1}", "the tag !!python/tuple is not supported"),
        (b"A: !!python/tuple x", "the tag !!python/tuple is not supported"),
        (b"A: !!binary aGk=", "the tag !!binary is not supported"),
        (b"A: !mine x", "the tag !mine is not supported"),
        (b"A: !!int x", "\"x\" is not of the type !!int"),
        (b"A: 1\nB: \x00\n", "test.yaml:2:4: control character U+0000"),
        (b"A: \xff\xfe", "found other bytes at offset 3"),
        (b"\x80\x02}q\x00.", "found other bytes at offset 0"),
    ];
    for (bytes, expected) in cases {
        let error = load_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{:?}: {error}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        assert!(load_bytes(format!("A: {text}").as_bytes()).is_err());
    }
    let blocks: Vec<_> = (0..100).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let error = load_bytes(blocks.concat().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("nested deeper than 32 levels"), "{error}");
}

#[test]
fn alias_bombs_are_errors() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        let line = format!("a{level}: &a{level} [{aliases}]\n");
        text.push_str(&line);
    }
    let error = load_bytes(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("too many values, counting aliases"), "{error}");

    let text = format!("a: &a {}\nb: [{}]", "x".repeat(500_000), "*a,".repeat(100_000));
    assert!(load_bytes(text.as_bytes()).is_err());
}

#[test]
fn large_files_are_errors() {
    let error = load_bytes(&vec![b'#'; (1 << 20) + 1]).unwrap_err().to_string();
    assert!(error.contains("expected at most 1048576 bytes"), "{error}");
}

#[test]
fn a_missing_file_is_an_error_with_its_path() {
    let error = load(&PathBuf::from("no/such.yaml")).unwrap_err().to_string();
    assert_eq!(error, "no/such.yaml: cannot be read");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(text in "[-a:?&*!|>'\"%@`{}\\[\\],#<~.0-9 \n\t]{0,60}") {
        drop(load_bytes(text.as_bytes()));
    }
}

#[test]
fn many_keys_are_an_error() {
    let keys: Vec<_> = (0..100_000).map(|index| format!("k{index}:\n")).collect();
    let error = load_bytes(keys.concat().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("too many values"), "{error}");
}
