use serde_json::json;

use super::{Id, Ids};

#[test]
fn whole_numbers_are_ids_however_they_are_written() {
    for (value, expected) in [
        (json!(7), Some(Id::Number(7))),
        (json!(7.0), Some(Id::Number(7))),
        (json!(-3), Some(Id::Number(-3))),
        (json!("a_1"), Some(Id::Text("a_1".into()))),
        (json!(7.5), None),
        (json!(1e300), None),
        (json!(u64::MAX), None),
        (json!(null), None),
        (json!([7]), None),
    ] {
        assert_eq!(Id::read(&value), expected, "{value}");
    }
}

#[test]
fn numbers_stay_and_texts_are_numbered_in_their_order() {
    let number = |number: i64| Id::Number(number);
    let text = |text: &str| Id::Text(text.into());
    let plain = Ids::new([number(5), number(0)].iter());
    assert!(!plain.are_ranked());
    assert_eq!(plain.number(&number(5)), Some(5));
    assert_eq!(plain.number(&text("5")), None);
    assert_eq!(plain.number(&number(-1)), None);
    assert_eq!(plain.id(5), number(5));
    let texts = [text("b"), text("a"), text("B")];
    let ranked = Ids::new(texts.iter());
    assert_eq!(
        ["B", "a", "b", "c"].map(|name| ranked.number(&text(name))),
        [Some(1), Some(2), Some(3), None]
    );
    assert_eq!((ranked.id(3), ranked.id(4)), (text("b"), number(4)));
    let negative = Ids::new([number(4), number(-9)].iter());
    assert_eq!([-9, 4].map(|id| negative.number(&number(id))), [Some(1), Some(2)]);
}
