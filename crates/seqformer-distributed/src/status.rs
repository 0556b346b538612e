//! What each process does and since when, for the message when one of them is lost.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::process_group::Store;

/// What a process was doing when it last responded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The iteration, from 0.
    pub iteration: u64,
    /// What it did.
    pub operation: Cow<'static, str>,
    /// Milliseconds since 1970, by the clock of its machine.
    millis: u128,
}

impl Status {
    pub(crate) fn new(iteration: u64, operation: impl Into<Cow<'static, str>>) -> Self {
        Self { iteration, operation: operation.into(), millis: now() }
    }

    pub(crate) fn key(rank: usize) -> String {
        format!("status/{rank}")
    }

    pub(crate) fn to_text(&self) -> String {
        format!("{} {} {}", self.millis, self.iteration, self.operation)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let millis = words.next()?.parse().ok()?;
        let iteration = words.next()?.parse().ok()?;
        Some(Self { iteration, operation: words.next()?.to_owned().into(), millis })
    }

    /// Time since then; nothing if that machine's clock is ahead.
    pub fn age(&self) -> Duration {
        Duration::from_millis(u64::try_from(now().saturating_sub(self.millis)).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "iteration {}, {}", self.iteration, self.operation)
    }
}

pub(crate) fn error_key(rank: usize) -> String {
    format!("error/{rank}")
}

/// Where the launcher writes which process was stopped, because the others wait for it in vain.
pub(crate) const STOPPED: &str = "stopped";

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

/// Time for reading what is there already.
const BRIEFLY: Duration = Duration::from_secs(5);

/// The value of `key`, if it is there and the table can still be read.
pub(crate) fn read_text(store: &Store, key: &str) -> Option<String> {
    if !store.has(key).ok()? {
        return None;
    }
    let bytes = store.get(key, BRIEFLY).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The statuses of all processes, as far as they are known.
pub(crate) fn of_all(store: &Store, world_size: usize) -> Vec<Option<Status>> {
    let status = |rank| Status::parse(&read_text(store, &Status::key(rank))?);
    (0..world_size).map(status).collect()
}

/// Those processes that are elsewhere than this one, the one that has been silent for longest first.
pub(crate) fn describe_behind(all: &[Option<Status>], own_rank: usize, own: &Status) -> String {
    let place = |status: &Status| (status.iteration, status.operation.clone());
    let mut behind: Vec<(usize, &Status)> = all
        .iter()
        .enumerate()
        .filter_map(|(rank, status)| Some((rank, status.as_ref()?)))
        .filter(|(rank, status)| *rank != own_rank && place(status) != place(own))
        .collect();
    behind.sort_by_key(|(_, status)| std::cmp::Reverse(status.age()));
    let behind = behind.iter().map(|(rank, status)| {
        format!("rank {rank} last responded {:.1} s ago at {status}", status.age().as_secs_f64())
    });
    behind.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
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
}
