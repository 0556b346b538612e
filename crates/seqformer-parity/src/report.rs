//! The comparisons and their outcome.

use std::fmt;

use tch::{Device, Kind, Tensor};

/// Collects comparisons and reports each one as it is made.
pub(crate) struct ParityReport<'a> {
    device: Device,
    on_line: &'a dyn Fn(&str),
    folder: String,
    case: String,
    outcome: Outcome,
}

/// The count of all comparisons.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    compared: usize,
    ok: usize,
    not_yet: usize,
}

impl Outcome {
    /// Whether something was compared, and nothing is off or missing.
    pub(crate) fn is_good(self) -> bool {
        self.compared > 0 && self.ok == self.compared
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not_yet > 0 {
            writeln!(f, "not yet: {} cases", self.not_yet)?;
        }
        write!(f, "parity: {} of {} ok", self.ok, self.compared)
    }
}

impl<'a> ParityReport<'a> {
    /// An empty report of what `device` computes, which passes its lines to `on_line`.
    pub(crate) fn new(device: Device, on_line: &'a dyn Fn(&str)) -> Self {
        let (folder, case) = (String::new(), String::new());
        Self { device, on_line, folder, case, outcome: Outcome::default() }
    }

    /// Where the networks of all cases are.
    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// The folder of what follows.
    pub(crate) fn set_folder(&mut self, folder: &str) {
        folder.clone_into(&mut self.folder);
    }

    /// The case of what follows.
    pub(crate) fn set_case(&mut self, case: &str) {
        case.clone_into(&mut self.case);
    }

    /// Compares two tensors within an absolute tolerance; NaN equals NaN.
    pub(crate) fn close(&mut self, name: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
        if found.size() != expected.size() {
            let what = format!("shape {:?}, expected {:?}", found.size(), expected.size());
            return self.line(name, &what, false);
        }
        let double = |tensor: &Tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Double);
        let (found, expected) = (double(found), double(expected));
        let same =
            found.eq_tensor(&expected).logical_or(&found.isnan().logical_and(&expected.isnan()));
        let difference = (&found - &expected).abs().masked_fill(&same, 0.0);
        let largest =
            if difference.numel() == 0 { 0.0 } else { difference.max().double_value(&[]) };
        self.number(name, largest, tolerance);
    }

    /// Compares two lists of numbers within an absolute tolerance.
    pub(crate) fn numbers(&mut self, name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
        self.close(name, &Tensor::from_slice(found), &Tensor::from_slice(expected), tolerance);
    }

    /// Records a difference that was measured by the caller.
    pub(crate) fn number(&mut self, name: &str, difference: f64, tolerance: f64) {
        let what = format!("{difference:.2e} (at most {tolerance:.2e})");
        // A NaN is not within any tolerance.
        self.line(name, &what, difference <= tolerance);
    }

    /// Compares things that must be equal, of which `different` are not.
    pub(crate) fn exact(&mut self, name: &str, different: usize, of: usize) {
        self.line(
            name,
            &format!("{different} of {of} differ (at most 0)"),
            different == 0 && of > 0,
        );
    }

    /// Compares pixels, of which a few may be off where a number is next to the threshold.
    pub(crate) fn pixels(&mut self, name: &str, different: u64, of: u64, allowed: u64) {
        self.line(
            name,
            &format!("{different} of {of} pixels differ (at most {allowed})"),
            different <= allowed,
        );
    }

    /// Records something that could not be compared.
    pub(crate) fn missing(&mut self, name: &str, why: &str) {
        self.line(name, &format!("MISSING: {why}"), false);
    }

    /// Records a case that this version cannot run.
    pub(crate) fn not_yet(&mut self, case: &str) {
        self.outcome.not_yet += 1;
        (self.on_line)(&format!("{}/{case}  not yet", self.folder));
    }

    /// The count.
    pub(crate) fn finish(self) -> Outcome {
        self.outcome
    }

    fn line(&mut self, name: &str, what: &str, ok: bool) {
        self.outcome.compared += 1;
        self.outcome.ok += usize::from(ok);
        let verdict = if ok { "ok" } else { "OFF" };
        (self.on_line)(&format!("{}/{}: {name}  {what}  {verdict}", self.folder, self.case));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn lines(run: impl Fn(&mut ParityReport<'_>)) -> (Vec<String>, Outcome) {
        let lines = RefCell::new(Vec::new());
        let tell = |line: &str| lines.borrow_mut().push(line.to_owned());
        let mut report = ParityReport::new(Device::Cpu, &tell);
        report.set_folder("public");
        report.set_case("case");
        run(&mut report);
        let outcome = report.finish();
        (lines.into_inner(), outcome)
    }

    #[test]
    fn numbers_within_the_tolerance_are_ok() {
        let (lines, outcome) = lines(|report| {
            report.numbers(
                "a",
                &[1.0, f64::NAN, f64::INFINITY],
                &[1.5, f64::NAN, f64::INFINITY],
                0.5,
            );
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
}
