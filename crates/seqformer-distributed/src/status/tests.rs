use super::{Status, describe_behind};

#[test]
fn a_status_survives_the_table() {
    let status = Status::new(17, "backward pass");
    assert_eq!(Status::parse(&status.to_text()), Some(status.clone()));
    assert_eq!(status.to_string(), "iteration 17, backward pass");
    assert_eq!(Status::parse("12 x"), None);
}

#[test]
fn who_is_elsewhere_is_named_the_longest_silent_first() {
    let at = |age: u128, iteration: u64, operation: &'static str| {
        let status = Status::new(iteration, operation);
        Some(Status { millis: status.millis - age, ..status })
    };
    let own = Status::new(4, "adding up gradients");
    let all = [
        at(0, 4, "adding up gradients"),
        at(2_000, 4, "forward pass"),
        at(9_000, 3, "loading"),
        None,
    ];
    let text = describe_behind(&all, 0, &own);
    let (first, second) = text.split_once("; ").unwrap();
    assert!(first.starts_with("rank 2 last responded 9."), "{first}");
    assert!(second.starts_with("rank 1 last responded 2."), "{second}");
    assert!(second.ends_with("s ago at iteration 4, forward pass"), "{second}");
    assert_eq!(describe_behind(&all[..1], 0, &own), "");
}
