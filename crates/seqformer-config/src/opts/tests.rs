use super::pairs;

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn pairs_and_assignments_are_split() {
    let opts = strings(&["A.B", "-1e-4", "C=x=y", "D", "a=b"]);
    let expected = [("A.B", "-1e-4"), ("C", "x=y"), ("D", "a=b")];
    let expected: Vec<_> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(pairs(&opts).unwrap(), expected);
}

#[test]
fn malformed_lists_are_errors() {
    let cases = [
        (&["SEED"][..], "command line: expected KEY VALUE pairs, found no value for SEED"),
        (&["--resume"], "options go before"),
        (&["_BASE_", "x.yaml"], "_BASE_ is for files only"),
    ];
    for (opts, expected) in cases {
        let error = pairs(&strings(opts)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
