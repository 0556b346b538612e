use super::*;

#[test]
fn numbers_in_names_are_compared_by_value() {
    let expected = ["a.jpg", "img1.jpg", "img02.jpg", "img2b.jpg", "img10.jpg", "img10a2.jpg"];
    let mut names = expected.to_vec();
    names.reverse();
    names.sort_by(|a, b| natural_order(a, b));
    assert_eq!(names, expected);
    let huge = format!("{}.jpg", "9".repeat(60));
    assert_eq!(natural_order(&huge, "10.jpg"), Ordering::Greater);
    assert_eq!(natural_order("007", "7"), Ordering::Equal);
    assert_eq!(natural_order("é2", "é10"), Ordering::Less);
}

#[test]
fn long_lists_are_cut() {
    let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
    assert_eq!(listed(&names), "a, b, c and 2 more");
    assert_eq!(listed(&names[..2]), "a, b");
}
