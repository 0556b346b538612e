//! The quick walk against the thorough parser.

use proptest::prelude::*;

use super::Cursor;

#[test]
fn a_value_is_cut_out_of_its_object() {
    let text = br#" {"a": "}\"", "b": {"c": [1]}, "cut" : [[3, 4], [ 5,6 ]] , "d": 7}"#;
    let mut pairs = Vec::new();
    let cut = Cursor::new(text).cut_value("cut", |cursor| {
        cursor.list(|cursor| {
            pairs.push(cursor.pair()?);
            Some(())
        })
    });
    let ((), rest) = cut.unwrap();
    assert_eq!(pairs, [[3, 4], [5, 6]]);
    assert_eq!(rest, br#" {"a": "}\"", "b": {"c": [1]}, "cut" :[] , "d": 7}"#);
    for bad in ["", "[]", "{", r#"{"b": 1}"#, r#"{"b" 1, "cut": []}"#, r#"{"\u0063ut": []}"#] {
        let cut = Cursor::new(bad.as_bytes()).cut_value("cut", |cursor| cursor.list(|_| None));
        assert!(cut.is_none(), "{bad}");
    }
}

proptest! {
    #[test]
    fn strings_of_run_lengths_are_unescaped(text in "[0-o]{0,300}", behind in "[ ,}]{0,80}") {
        let json = serde_json::to_string(&text).unwrap() + &behind;
        let mut found = b"before".to_vec();
        let mut cursor = Cursor::new(json.as_bytes());
        prop_assert_eq!(cursor.compressed(&mut found), Some(()));
        prop_assert_eq!(found, format!("before{text}").into_bytes());
        prop_assert_eq!(cursor.at, json.len() - behind.len());
    }

    #[test]
    fn any_other_string_is_left_to_the_thorough_parser(text in "\"?[!-~é\\\\]{0,90}\"?") {
        let mut found = Vec::new();
        let mut cursor = Cursor::new(text.as_bytes());
        if cursor.compressed(&mut found).is_some() {
            let expected: String = serde_json::from_str(&text[..cursor.at]).unwrap();
            prop_assert_eq!(found, expected.into_bytes());
        }
    }
}
