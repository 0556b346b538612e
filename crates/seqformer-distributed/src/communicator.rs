//! This process among those that work together; one alone is the same with nobody to talk to.
//!
//! Small things, such as counts, texts and who is where, travel over Gloo and a common table; gradients and
//! weights over NCCL where they are on GPUs.

mod exchange;
mod queue;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use seqformer_libtorch::OpsError;
use tch::Device;

pub use self::exchange::PendingSum;
pub use self::queue::TaskQueue;
use crate::DistributedError;
use crate::placement::Placement;
use crate::process_group::{Member, ProcessGroup, Store};
use crate::status::{self, Status};

/// Shortest time between two notes of the same kind of work.
const NOTE_PERIOD: Duration = Duration::from_secs(1);

/// This process among those that work together.
#[derive(Debug)]
pub struct Communicator {
    member: Member,
    links: Option<Links>,
}

#[derive(Debug)]
struct Links {
    store: Store,
    /// For numbers on the CPU.
    control: ProcessGroup,
    /// For tensors on GPUs.
    gpus: Option<ProcessGroup>,
    timeout: Duration,
    status: RefCell<Status>,
    noted: Cell<Instant>,
    /// What was last seen of each process, and when by the clock here: those of other machines may differ.
    seen: RefCell<Vec<(Option<Status>, Instant)>>,
    /// Makes the keys of jobs that come one after the other differ.
    jobs: Cell<u64>,
}

impl Communicator {
    /// One process alone.
    pub fn alone() -> Self {
        Self { member: Member { rank: 0, world_size: 1 }, links: None }
    }

    /// Meets the other processes; `timeout` bounds this and every later wait for one of them.
    ///
    /// # Errors
    ///
    /// If they do not come in time or cannot reach each other, or NCCL cannot be used with a GPU.
    pub fn join(
        placement: &Placement,
        device: Device,
        timeout: Duration,
    ) -> Result<Self, DistributedError> {
        let member = Member { rank: placement.rank, world_size: placement.world_size };
        let lost = |message: String, others: String| DistributedError::Lost {
            rank: member.rank,
            world_size: member.world_size,
            place: format!("meeting at {}:{}", placement.host, placement.port),
            message,
            others,
        };
        let failed = |error: OpsError| lost(error.to_string(), String::new());
        let store = if placement.serves {
            Store::serve(placement.port, timeout)
        } else {
            Store::connect(&placement.host, placement.port, timeout)
        };
        let store = store.and_then(|store| store.prefixed(&placement.prefix())).map_err(failed)?;
        let status = Status::new(0, "joining the other processes");
        // Before the wait: who does not come can be named.
        store.set(&Status::key(member.rank), status.to_text().as_bytes()).map_err(failed)?;
        let address = placement.own_address();
        let part = store.prefixed("gloo").map_err(failed)?;
        let control = ProcessGroup::gloo(&part, member, address.as_deref(), timeout);
        let control = control.map_err(|error| {
            let absent: Vec<String> = (0..member.world_size)
                .filter(|&rank| !store.has(&Status::key(rank)).unwrap_or(true))
                .map(|rank| rank.to_string())
                .collect();
            let others = match absent.len() {
                0 => String::new(),
                _ => format!("these ranks did not join: {}", absent.join(", ")),
            };
            lost(error.to_string(), others)
        })?;
        let gpus = match device {
            Device::Cuda(index) => {
                let part = store.prefixed("nccl").map_err(failed)?;
                Some(ProcessGroup::nccl(&part, member, index, timeout).map_err(failed)?)
            }
            _ => None,
        };
        let links = Links {
            store,
            control,
            gpus,
            timeout,
            status: RefCell::new(status),
            noted: Cell::new(Instant::now()),
            seen: RefCell::new(vec![(None, Instant::now()); member.world_size]),
            jobs: Cell::new(0),
        };
        Ok(Self { member, links: Some(links) })
    }

    /// Number of this process, from 0.
    pub fn rank(&self) -> usize {
        self.member.rank
    }

    /// Number of processes.
    pub fn world_size(&self) -> usize {
        self.member.world_size
    }

    /// Tells whether this is the process that writes files and speaks.
    pub fn is_leader(&self) -> bool {
        self.member.rank == 0
    }

    /// Says to all what this process begins to do, for the message when something goes wrong.
    pub fn note(&self, iteration: u64, operation: impl Into<Cow<'static, str>>) {
        let Some(links) = &self.links else { return };
        let status = Status::new(iteration, operation);
        // A table that is gone shows in the next operation that needs it.
        let _gone = links.store.set(&Status::key(self.rank()), status.to_text().as_bytes());
        *links.status.borrow_mut() = status;
        links.noted.set(Instant::now());
    }

    /// The same without another iteration.
    pub fn note_operation(&self, operation: impl Into<Cow<'static, str>>) {
        let iteration = self.links.as_ref().map_or(0, |links| links.status.borrow().iteration);
        self.note(iteration, operation);
    }

    /// Says now and then that this process is still at work.
    pub fn note_alive(&self) {
        let Some(links) = &self.links else { return };
        if links.noted.get().elapsed() >= NOTE_PERIOD {
            let operation = links.status.borrow().operation.clone();
            self.note_operation(operation);
        }
    }

    /// Leaves the words of an error in the table, for whoever has to explain the end of this process.
    pub fn report(&self, error: &str) {
        if let Some(links) = &self.links {
            let _gone = links.store.set(&status::error_key(self.rank()), error.as_bytes());
        }
    }

    /// A key that all processes make alike and that no other job has.
    fn next_key(&self, kind: &str) -> String {
        let number =
            self.links.as_ref().map_or(0, |links| links.jobs.replace(links.jobs.get() + 1));
        format!("{kind}/{number}")
    }

    /// The error of a common operation that failed: names this process, what it did, and who is behind.
    pub fn failed(&self, error: &dyn std::error::Error) -> DistributedError {
        let (place, others) = match &self.links {
            None => (String::new(), String::new()),
            Some(links) => {
                if let Some(gpus) = &links.gpus {
                    gpus.give_up();
                }
                let status = links.status.borrow();
                let others = status::of_all(&links.store, self.world_size());
                (status.to_string(), status::describe_behind(&others, self.rank(), &status))
            }
        };
        DistributedError::Lost {
            rank: self.rank(),
            world_size: self.world_size(),
            place,
            message: error.to_string(),
            others,
        }
    }
}
