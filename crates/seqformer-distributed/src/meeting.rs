//! The side of those who start processes: the table that they serve, and what it tells of the end of one.

use std::time::{Duration, Instant};

use crate::DistributedError;
use crate::placement::prefix;
use crate::process_group::Store;
use crate::status::{self, Status};

/// The table where the processes of all machines meet.
#[derive(Debug)]
pub struct Meeting {
    store: Store,
    world_size: usize,
}

/// What the table says of a process.
#[derive(Debug, Clone)]
pub struct ProcessReport {
    /// What it last did.
    pub status: Option<Status>,
    /// Its last words.
    pub error: Option<String>,
}

impl Meeting {
    /// Serves the table at `port`, or a free one for 0.
    ///
    /// # Errors
    ///
    /// If the port cannot be had.
    pub fn serve(
        port: u16,
        world_size: usize,
        timeout: Duration,
    ) -> Result<Self, DistributedError> {
        Ok(Self { store: Store::serve(port, timeout)?, world_size })
    }

    /// Connects to the table of another machine.
    ///
    /// # Errors
    ///
    /// If nothing answers in time.
    pub fn connect(
        host: &str,
        port: u16,
        world_size: usize,
        timeout: Duration,
    ) -> Result<Self, DistributedError> {
        Ok(Self { store: Store::connect(host, port, timeout)?, world_size })
    }

    /// The port of the table.
    pub fn port(&self) -> u16 {
        self.store.port()
    }

    /// What process `rank` of start number `attempt` left.
    pub fn report(&self, attempt: u64, rank: usize) -> ProcessReport {
        let Ok(part) = self.store.prefixed(&prefix(attempt)) else {
            return ProcessReport { status: None, error: None };
        };
        ProcessReport {
            status: status::of_all(&part, self.world_size).into_iter().nth(rank).flatten(),
            error: status::read_text(&part, &status::error_key(rank)),
        }
    }

    /// Tells the processes of start number `attempt` that process `rank` was stopped, so that none waits for it.
    pub fn announce_stopped(&self, attempt: u64, rank: usize) {
        // Who is gone needs no telling.
        if let Ok(part) = self.store.prefixed(&prefix(attempt)) {
            let _gone = part.set(status::STOPPED, rank.to_string().as_bytes());
        }
    }

    /// Tells the other machines that start number `attempt` has failed, and why.
    pub fn announce_failure(&self, attempt: u64, reason: &str) {
        // Who is gone needs no telling.
        let _gone = self.store.set(&format!("failure/{attempt}"), reason.as_bytes());
    }

    /// Why another machine says that start number `attempt` has failed.
    pub fn failure(&self, attempt: u64) -> Option<String> {
        status::read_text(&self.store, &format!("failure/{attempt}"))
    }

    /// Tells whether the table can still be reached.
    pub fn is_there(&self) -> bool {
        self.store.has("there").is_ok()
    }

    /// Says that the processes of this machine are done, and waits until those of all `machines` are, so that
    /// the table does not go before.
    pub fn leave(&self, attempt: u64, machines: usize, serves: bool, timeout: Duration) {
        let key = format!("done/{attempt}");
        let Ok(mut done) = self.store.add(&key, 1) else { return };
        let end = Instant::now() + timeout;
        while serves && (done as usize) < machines && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
            match self.store.add(&key, 0) {
                Ok(count) => done = count,
                Err(_gone) => return,
            }
        }
    }
}
