use super::{BoxField, Entry};

#[test]
fn numbers_that_are_not_finite_are_a_fault_of_the_field_that_holds_them() {
    let entry = Entry::parse(br#"{"a": NaN, "b": [1, -Infinity], "c": "NaN\"", "d": 5}"#).unwrap();
    assert_eq!(entry.count("d").unwrap(), Some(5));
    assert_eq!(entry.text("c").unwrap(), Some("NaN\""));
    let message = entry.number("a").unwrap_err().to_string();
    assert_eq!(message, "a: expected a finite number, found NaN; write a number without quotes");
    for fault in [entry.id("a").err(), entry.text("a").err(), entry.count("a").err()] {
        assert_eq!(fault.unwrap().found, "NaN");
    }
    assert_eq!(entry.bbox("b"), BoxField::Odd("[1,-Infinity]".into()));
    assert_eq!(entry.to_json(), r#"{"a":null,"b":[1,null],"c":"NaN\"","d":5}"#);
}

#[test]
fn what_is_no_object_is_described() {
    for (text, expected) in [
        (&b"[1]"[..], "expected an object, found [1]; remove the entry"),
        (
            b"{\"a\" 1}",
            "expected an object in JSON, found a slip (expected `:`); write the entry again",
        ),
        (b"{\"a\": \"\xff\"}", "expected UTF-8 text, found other bytes; save the file as UTF-8"),
    ] {
        assert_eq!(Entry::parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_key_that_occurs_twice_is_told_and_the_last_value_counts() {
    let entry = Entry::parse(br#"{"id": 1, "a": 2, "id": 3, "a": 4}"#).unwrap();
    assert_eq!((entry.repeated_key(), entry.count("id").unwrap()), (Some("id"), Some(3)));
    assert_eq!(Entry::parse(br#"{"id": 1, "a": {"id": 2}}"#).unwrap().repeated_key(), None);
}
