use std::cell::RefCell;

use super::*;

fn lines(run: impl Fn(&mut ParityReport<'_>)) -> (Vec<String>, Outcome) {
    let lines = RefCell::new(Vec::new());
    let tell = |line: &str| lines.borrow_mut().push(line.to_owned());
    let mut report = ParityReport::new(&tell);
    report.set_folder("public");
    report.set_case("case");
    run(&mut report);
    let outcome = report.finish();
    (lines.into_inner(), outcome)
}

#[test]
fn numbers_within_the_tolerance_are_ok() {
    let (lines, outcome) = lines(|report| {
        report.numbers("a", &[1.0, f64::NAN, f64::INFINITY], &[1.5, f64::NAN, f64::INFINITY], 0.5);
        report.numbers("none", &[], &[], 0.0);
    });
    assert!(lines.iter().all(|line| line.ends_with("ok")), "{lines:?}");
    assert!(outcome.is_good());
    assert_eq!(outcome.to_string(), "parity: 2 of 2 ok");
}

#[test]
fn what_is_off_or_missing_is_not_good() {
    let cases: [&dyn Fn(&mut ParityReport<'_>); 6] = [
        &|report| report.numbers("a", &[1.0], &[1.6], 0.5),
        &|report| report.numbers("a", &[f64::NAN], &[1.0], 0.5),
        &|report| report.numbers("a", &[1.0, 2.0], &[1.0], 0.5),
        &|report| report.exact("a", 1, 5),
        &|report| report.exact("a", 0, 0),
        &|report| report.missing("a", "no file"),
    ];
    for case in cases {
        let (lines, outcome) = lines(case);
        assert!(lines[0].ends_with("OFF"), "{lines:?}");
        assert!(!outcome.is_good());
    }
    let (_, outcome) = lines(|report| report.not_yet("tracker"));
    assert!(!outcome.is_good(), "nothing was compared");
    assert_eq!(outcome.to_string(), "not yet: 1 cases\nparity: 0 of 0 ok");
}
