//! When threads sleep while they wait.

/// Share of the time that threads wait for a core, all together, above which other programs need the cores.
const BUSY: f64 = 0.2;
/// Share below which they are free.
const FREE: f64 = 0.05;
/// Looks in a row at cores that are needed, after which threads sleep: one alone may be a burst of this program itself.
const NEEDED: u32 = 2;
/// Looks in a row at free cores, after which threads look for work again; twice as many each time that this was wrong.
const PATIENCE: u32 = 10;
const MAX_PATIENCE: u32 = 160;

/// Decides by what was seen.
#[derive(Debug)]
pub(super) struct Policy {
    sleeps: bool,
    /// Looks in a row that speak for a change.
    against: u32,
    /// Looks in a row that speak for threads that look for work.
    free: u32,
    patience: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { sleeps: false, against: 0, free: 0, patience: PATIENCE }
    }
}

impl Policy {
    /// Whether threads should sleep from now on; `share` is the part of the last window that they waited.
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
