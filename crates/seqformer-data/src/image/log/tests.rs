use super::*;

#[test]
fn equal_remarks_are_counted_by_image_and_not_repeated() {
    let mut seen = BTreeMap::new();
    let mut said = Vec::new();
    for _epoch in 0..3 {
        for index in 0..120 {
            said.extend(remark(&mut seen, Path::new(&format!("{index}.jpg")), "odd"));
        }
    }
    said.extend(remark(&mut seen, Path::new("0.jpg"), "other"));
    assert_eq!(
        said,
        [
            "0.jpg: odd; further cases are counted",
            "10 images so far, the last is 9.jpg: odd",
            "100 images so far, the last is 99.jpg: odd",
            "0.jpg: other; further cases are counted",
        ]
    );
}
