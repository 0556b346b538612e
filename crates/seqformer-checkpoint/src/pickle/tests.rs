use super::*;

fn load_bytes(bytes: &[u8]) -> Result<Graph, Reason> {
    load(&mut Source::from_bytes(bytes.to_vec()))
}

/// Writes the root as Python's `repr` would, more or less.
fn show(graph: &Graph, id: NodeId) -> String {
    let list = |items: &[NodeId]| {
        items.iter().map(|&item| show(graph, item)).collect::<Vec<_>>().join(", ")
    };
    match graph.node(id) {
        Node::None => "None".into(),
        Node::Bool(value) => value.to_string(),
        Node::Int(value) => value.to_string(),
        Node::Float(value) => format!("{value:?}"),
        Node::Text(text) => format!("{text:?}"),
        Node::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
        Node::Span { offset, len, utf8 } => format!("<{len} at {offset}, {utf8}>"),
        Node::Tuple(items) => format!("({})", list(items)),
        Node::List(items) => format!("[{}]", list(items)),
        Node::Dict(entries) => {
            let entries = entries.iter().map(|&(k, v)| show(graph, k) + ": " + &show(graph, v));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Node::Global(name) => name.to_string(),
        Node::Call { callable, args, state } => {
            let state = state.map(|state| format!(" <- {}", show(graph, state)));
            show(graph, *callable) + &show(graph, *args) + &state.unwrap_or_default()
        }
        Node::Persistent(id) => format!("persistent {}", show(graph, *id)),
        Node::HugeInt => "huge".into(),
    }
}

#[test]
fn every_opcode_does_what_pickletools_says() {
    let check = |bytes: &[u8], expected: &str| {
        let graph = load_bytes(bytes).unwrap_or_else(|error| panic!("{expected}: {error}"));
        assert_eq!(show(&graph, graph.root()), expected);
    };
    // Constants and numbers.
    check(b"N.", "None");
    check(b"\x80\x04\x88.", "true");
    check(b"I01\n.", "true");
    check(b"I00\n.", "false");
    check(b"I-42\n.", "-42");
    check(b"J\xfe\xff\xff\xff.", "-2");
    check(b"K\xff.", "255");
    check(b"M\x01\x02.", "513");
    check(b"L-12345678901234567890L\n.", "-12345678901234567890");
    check(b"\x8a\x00.", "0");
    check(b"\x8a\x02\x00\x80.", "-32768");
    check(b"\x8b\x01\x00\x00\x00\x7f.", "127");
    check(b"\x8a\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.", "huge");
    check(b"F-1.5e3\n.", "-1500.0");
    check(b"G\x3f\xf8\0\0\0\0\0\0.", "1.5");
    // Strings.
    check(b"S'it\\'s \\x41\\n'\n.", r#"b"it\'s A\n""#);
    check(b"V\\u00fcber\xfc\n.", "\"überü\"");
    check(b"U\x02ab.", r#"b"ab""#);
    check(b"T\x02\0\0\0ab.", r#"b"ab""#);
    check(b"B\x02\0\0\0ab.", r#"b"ab""#);
    check(b"C\x02ab.", r#"b"ab""#);
    check(b"\x8e\x02\0\0\0\0\0\0\0ab.", r#"b"ab""#);
    check(b"\x96\x02\0\0\0\0\0\0\0ab.", r#"b"ab""#);
    check(b"X\x02\0\0\0\xc3\xbc.", "\"ü\"");
    check(b"\x8c\x02ab.", "\"ab\"");
    check(b"\x8d\x02\0\0\0\0\0\0\0ab.", "\"ab\"");
    // Collections.
    check(b").", "()");
    check(b"(K\x01K\x02t.", "(1, 2)");
    check(b"K\x01\x85.", "(1)");
    check(b"K\x01K\x02K\x03\x87.", "(1, 2, 3)");
    check(b"](K\x01K\x02e.", "[1, 2]");
    check(b"(lp0\nK\x01a.", "[1]");
    check(b"\x8f(K\x01\x90.", "[1]");
    check(b"(K\x01\x91.", "[1]");
    check(b"}K\x01K\x02s(K\x03K\x04u.", "{1: 2, 3: 4}");
    check(b"(K\x01K\x02d.", "{1: 2}");
    // Stack and memo.
    check(b"K\x01K\x020.", "1");
    check(b"K\x01(K\x02K\x031.", "1");
    check(b"K\x01(0.", "1");
    check(b"K\x012\x86.", "(1, 1)");
    check(b"K\x01p7\n0g7\n.", "1");
    check(b"K\x01q\x070h\x07.", "1");
    check(b"K\x01r\x07\0\0\x010j\x07\0\0\x01.", "1");
    check(b"\x95\x05\0\0\0\0\0\0\0K\x01\x940h\x00.", "1");
    // Objects.
    check(b"cm\nC\n.", "m.C");
    check(b"\x8c\x01m\x8c\x01C\x93.", "m.C");
    check(b"cm\nC\nK\x01\x85R.", "m.C(1)");
    check(b"cm\nC\n)\x81}b.", "m.C() <- {}");
    check(b"cm\nC\n)}\x92.", "m.C()");
    check(b"(K\x01im\nC\n.", "m.C(1)");
    check(b"(cm\nC\nK\x01o.", "m.C(1)");
    check(b"Pkey\n.", "persistent \"key\"");
    check(b"K\x05Q.", "persistent 5");
    check(b"ccollections\nOrderedDict\n)RK\x01K\x02s.", "{1: 2}");
    check(b"ccollections\nOrderedDict\n((lp0\n(K\x01K\x02lp1\natR.", "{1: 2}");
}

#[test]
fn long_strings_stay_in_the_file() {
    let mut bytes = b"X\x88\x13\0\0".to_vec();
    bytes.resize(5 + 5000, b'a');
    bytes.push(b'.');
    let graph = load_bytes(&bytes).unwrap();
    assert_eq!(*graph.node(graph.root()), Node::Span { offset: 5, len: 5000, utf8: true });
}

#[test]
fn a_list_may_hold_itself() {
    let graph = load_bytes(b"]q\x00h\x00a.").unwrap();
    assert_eq!(graph.sequence(graph.root()), Some(&[graph.root()][..]));
}

#[test]
fn broken_programs_are_errors() {
    let check = |bytes: &[u8], expected: &str| {
        let error = load_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", bytes.escape_ascii());
    };
    check(b"", "at byte 0: the bytes end too early");
    check(b"K", "the bytes end too early");
    check(b".", "the stack is empty");
    check(b"(.", "expected a value, found a mark");
    check(b"K\x01t.", "expected a mark");
    check(b"K\x01\x86.", "the stack is empty");
    // Values below a mark are out of reach.
    check(b"K\x01(\x85.", "the stack is empty");
    check(b"h\x05.", "memo 5 was never set");
    check(b"\x80\x06.", "expected protocol 0 to 5, found 6");
    check(b"\xff.", "unknown opcode 0xff");
    check(b"\x82\x01.", "unknown opcode 0x82");
    check(b"Ix\n.", "expected a number");
    check(b"I5", "a line is too long or has no end");
    check(b"Sx\n.", "a string without its quotes");
    check(b"V\\u12\n.", "a wrong escape in a string");
    check(b"}(K\x01u.", "a dict key without its value");
    check(b"(o.", "an object without a class");
    check(b"K\x01K\x02\x93.", "the name of a class is not a string");
    check(b"X\xff\xff\xff\xffa.", "the bytes end too early");
    check(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "the bytes end too early");
    check(b"\x8b\xff\xff\xff\xff.", "the bytes end too early");
}

#[test]
fn dangerous_names_are_refused_even_if_they_are_not_called() {
    let refused = |module: &str, name: &str| {
        let error = load_bytes(format!("(c{module}\n{name}\nt.").as_bytes()).unwrap_err();
        let expected = format!("{module}.{name}");
        assert!(
            matches!(&error, Reason::Refused { global, offset: 1 } if *global == expected),
            "{error}"
        );
        let spelt_out =
            format!("\x00\x00\x00{module}X{}\x00\x00\x00{name}", name.len() as u8 as char);
        let bytes = [&[b'X', module.len() as u8], spelt_out.as_bytes(), b"\x93."].concat();
        let error = load_bytes(&bytes).unwrap_err();
        assert!(matches!(&error, Reason::Refused { global, .. } if *global == expected), "{error}");
    };
    for (module, name) in [
        ("os", "system"),
        ("os.path", "exists"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "__import__"),
        ("builtins", "getattr"),
        ("builtins", "open"),
        ("__builtin__", "compile"),
        ("sys", "exit"),
        ("importlib", "import_module"),
        ("runpy", "run_path"),
        ("operator", "attrgetter"),
        ("pickle", "loads"),
        ("torch", "load"),
        ("torch.serialization", "load"),
        ("torch", "os.system"),
        ("numpy", "load"),
        ("ctypes", "CDLL"),
        ("socket", "socket"),
        ("shutil", "rmtree"),
        ("webbrowser", "open"),
        ("a", "b.__globals__"),
    ] {
        refused(module, name);
    }
}

#[test]
fn harmless_names_are_let_through() {
    for name in [
        "builtins\nset",
        "builtins\nint",
        "builtins\nValueError",
        "argparse\nNamespace",
        "pathlib\nPosixPath",
        "numpy\ndtype",
        "torch\nSize",
        "osgeo\nThing",
        "my_project.os_tools\nConfig",
    ] {
        assert!(load_bytes(format!("c{name}\n.").as_bytes()).is_ok(), "{name}");
    }
}

#[test]
fn a_program_that_doubles_itself_stays_small() {
    // Each round makes a tuple of two times the last one: 2⁶⁰ elements if written out.
    let mut bytes = b"K\x01".to_vec();
    bytes.extend(b"2\x86".repeat(60));
    bytes.push(b'.');
    assert!(load_bytes(&bytes).unwrap().nodes().len() < 100);
}

#[test]
fn a_program_without_measure_is_stopped() {
    let mut bytes = b"]".repeat(5_000_000);
    bytes.push(b'.');
    let error = load_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("more than 4000000 values"), "{error}");
}

#[test]
fn copying_dicts_counts_as_values() {
    // One list of 1000 pairs, given to OrderedDict again and again.
    let mut bytes = b"(".to_vec();
    bytes.extend(b"K\x01K\x02\x86".repeat(1000));
    bytes.extend(b"l\x85q\x00ccollections\nOrderedDict\nq\x01");
    bytes.extend(b"h\x01h\x00R0".repeat(10_000));
    bytes.push(b'.');
    assert!(load_bytes(&bytes).unwrap_err().to_string().contains("more than"));
}

#[test]
fn names_for_messages_are_short_and_clean() {
    assert_eq!(shortened("a\n\x1b[2Jb"), "a\u{fffd}\u{fffd}[2Jb");
    assert_eq!(shortened(&"ü".repeat(500)).chars().count(), 121);
}
