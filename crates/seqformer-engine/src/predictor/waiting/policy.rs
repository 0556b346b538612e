//! Decides when idle threads sleep.

/// Fraction of time that threads wait for a core, summed over all, above which other programs need the cores.
const BUSY: f64 = 0.2;
/// Fraction below which the cores are free.
const FREE: f64 = 0.05;
/// Consecutive measurements of needed cores after which threads sleep; a single one may be a burst of this program
/// itself.
const NEEDED: u32 = 2;
/// Consecutive measurements of free cores after which threads spin again; doubled each time that this was wrong.
const PATIENCE: u32 = 10;
const MAX_PATIENCE: u32 = 160;

/// Decides by measurements.
#[derive(Debug)]
pub(super) struct Policy {
    sleeps: bool,
    /// Consecutive measurements in favour of a change.
    against: u32,
    /// Consecutive measurements in favour of spinning.
    free: u32,
    patience: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { sleeps: false, against: 0, free: 0, patience: PATIENCE }
    }
}

impl Policy {
    /// Whether threads should sleep from now on; `share` is the fraction of the last window that they waited.
    pub(super) fn next(&mut self, share: f64) -> bool {
        let is_against = if self.sleeps { share < FREE } else { share > BUSY };
        self.against = if is_against { self.against + 1 } else { 0 };
        let needed = if self.sleeps { self.patience } else { NEEDED };
        if self.against >= needed {
            if self.sleeps {
                self.patience = (2 * self.patience).min(MAX_PATIENCE);
            }
            self.sleeps = !self.sleeps;
            (self.against, self.free) = (0, 0);
        } else if !self.sleeps {
            self.free = if is_against { 0 } else { self.free.saturating_add(1) };
            if self.free >= MAX_PATIENCE {
                self.patience = PATIENCE;
            }
        }
        self.sleeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_sleep_soon_when_cores_are_needed_and_look_again_when_they_were_free_for_long() {
        let mut policy = Policy::default();
        // A burst alone changes nothing.
        assert!(!policy.next(0.0) && !policy.next(0.9) && !policy.next(0.19));
        assert!(!policy.next(0.21) && policy.next(0.21));
        for _ in 0..PATIENCE - 1 {
            assert!(policy.next(0.01));
        }
        // One window in between, and the count begins anew.
        assert!(policy.next(0.06));
        for _ in 0..PATIENCE - 1 {
            assert!(policy.next(0.01));
        }
        assert!(!policy.next(0.01));
    }

    /// Windows in a row at free cores until threads look for work again.
    fn windows_to_return(policy: &mut Policy) -> u32 {
        assert!(!policy.next(0.5) && policy.next(0.5));
        (1..1000).find(|_| !policy.next(0.0)).unwrap()
    }

    #[test]
    fn who_was_wrong_about_free_cores_waits_longer_the_next_time() {
        let mut policy = Policy::default();
        let found: Vec<u32> = (0..6).map(|_| windows_to_return(&mut policy)).collect();
        assert_eq!(found, [10, 20, 40, 80, 160, 160]);
        for _ in 0..MAX_PATIENCE {
            policy.next(0.0);
        }
        assert_eq!(windows_to_return(&mut policy), 10);
    }
}
