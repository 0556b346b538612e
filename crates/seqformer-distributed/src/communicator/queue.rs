//! Tasks that processes share out among themselves, and waiting for each other without a time limit of its own: as
//! long as all are heard of.

use std::time::{Duration, Instant};

use seqformer_libtorch::OpsError;

use super::{Communicator, NOTE_PERIOD};
use crate::{DistributedError, status};

/// How often a process that waits looks again.
const POLL: Duration = Duration::from_millis(20);

/// Tasks that the processes take from the table, one after the other.
#[derive(Debug)]
pub struct TaskQueue<'a> {
    communicator: &'a Communicator,
    key: String,
}

impl Communicator {
    /// A new queue; all processes make it together.
    pub fn queue(&self) -> TaskQueue<'_> {
        TaskQueue { communicator: self, key: self.next_key("queue") }
    }

    /// Waits for a value as long as the others are at work and none was stopped.
    pub(super) fn wait_for(&self, key: &str) -> Result<Vec<u8>, DistributedError> {
        let Some(links) = &self.links else { return Ok(Vec::new()) };
        let failed = |error: OpsError| self.failed(&error);
        loop {
            // First, because a process that was stopped may have written the value before.
            let stopped = status::read_text(&links.store, status::STOPPED);
            if links.store.has(key).map_err(failed)? {
                return links.store.get(key, links.timeout).map_err(failed);
            }
            if let Some(rank) = stopped {
                let message = format!("rank {rank} was stopped");
                return Err(self.failed(&OpsError::Group { operation: "waiting", message }));
            }
            self.check_others()?;
            std::thread::sleep(POLL);
        }
    }

    /// Fails if a process has not been heard of for longer than the timeout.
    fn check_others(&self) -> Result<(), DistributedError> {
        let Some(links) = &self.links else { return Ok(()) };
        if links.noted.get().elapsed() < NOTE_PERIOD {
            return Ok(());
        }
        self.note_alive();
        let mut seen = links.seen.borrow_mut();
        for (seen, status) in seen.iter_mut().zip(status::of_all(&links.store, self.world_size())) {
            if seen.0 != status {
                *seen = (status, Instant::now());
            }
        }
        let silent = seen
            .iter()
            .enumerate()
            .find(|(rank, (_, since))| *rank != self.rank() && since.elapsed() > links.timeout);
        match silent {
            None => Ok(()),
            Some((rank, (status, _))) => {
                let status = status.as_ref().map(ToString::to_string).unwrap_or_default();
                let message = format!(
                    "rank {rank} has not responded for more than {} s, since {status}",
                    links.timeout.as_secs()
                );
                Err(self.failed(&OpsError::Group { operation: "waiting", message }))
            }
        }
    }
}

impl TaskQueue<'_> {
    /// Number of the next task that nobody has, from 0.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn take(&self) -> Result<usize, DistributedError> {
        let Some(links) = &self.communicator.links else { return Ok(usize::MAX) };
        let next = links.store.add(&format!("{}/next", self.key), 1);
        Ok(next.map_err(|error| self.communicator.failed(&error))? as usize - 1)
    }

    /// Number of tasks that were taken.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn num_taken(&self) -> Result<usize, DistributedError> {
        let Some(links) = &self.communicator.links else { return Ok(0) };
        let next = links.store.add(&format!("{}/next", self.key), 0);
        Ok(next.map_err(|error| self.communicator.failed(&error))? as usize)
    }

    /// Hands in what a task gave.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn hand_in(&self, task: usize, found: &[u8]) -> Result<(), DistributedError> {
        let Some(links) = &self.communicator.links else { return Ok(()) };
        let done = links.store.set(&format!("{}/{task}", self.key), found);
        done.map_err(|error| self.communicator.failed(&error))
    }

    /// What a task gave, if it is done, and forgets it.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn collect(&self, task: usize) -> Result<Option<Vec<u8>>, DistributedError> {
        let Some(links) = &self.communicator.links else { return Ok(None) };
        let key = format!("{}/{task}", self.key);
        let failed = |error: OpsError| self.communicator.failed(&error);
        if !links.store.has(&key).map_err(failed)? {
            return Ok(None);
        }
        let found = links.store.get(&key, links.timeout).map_err(failed)?;
        links.store.remove(&key).map_err(failed)?;
        Ok(Some(found))
    }

    /// Waits a moment for the others.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn pause(&self) -> Result<(), DistributedError> {
        std::thread::sleep(POLL);
        self.communicator.check_others()
    }

    /// Says to all that the job is done, with a word for them.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn close(&self, word: &str) -> Result<(), DistributedError> {
        let Some(links) = &self.communicator.links else { return Ok(()) };
        let done = links.store.set(&format!("{}/end", self.key), word.as_bytes());
        done.map_err(|error| self.communicator.failed(&error))
    }

    /// Waits for [`TaskQueue::close`].
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn wait_for_end(&self) -> Result<String, DistributedError> {
        let word = self.communicator.wait_for(&format!("{}/end", self.key))?;
        Ok(String::from_utf8_lossy(&word).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tch::Device;

    use crate::{Communicator, Meeting, Placement};

    #[test]
    fn nobody_waits_for_a_process_that_was_stopped() {
        const TIMEOUT: Duration = Duration::from_mins(1);
        let meeting = Meeting::serve(0, 2, TIMEOUT).unwrap();
        let port = meeting.port();
        let join = move |rank| {
            let host = "127.0.0.1".to_owned();
            let placement = Placement {
                rank,
                world_size: 2,
                local_rank: rank,
                host,
                port,
                serves: false,
                attempt: 3,
            };
            Communicator::join(&placement, Device::Cpu, TIMEOUT).unwrap()
        };
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                let communicator = join(1);
                let before = communicator.share_text(None).unwrap();
                (before, communicator.share_text(None).unwrap_err().to_string())
            });
            let leader = join(0);
            leader.share_text(Some("written before".to_owned())).unwrap();
            meeting.announce_stopped(3, 0);
            let (before, error) = waiting.join().unwrap();
            assert_eq!(before, "written before");
            assert!(error.contains("rank 0 was stopped"), "{error}");
        });
    }
}
