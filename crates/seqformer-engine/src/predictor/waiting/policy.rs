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
mod tests;
