//! Several processes that train or evaluate together; one alone is the same with nobody to talk to.
//!
//! Small things, such as counts, texts and who is where, travel over Gloo and a common table; gradients and
//! weights over NCCL where they are on GPUs.

mod meeting;
mod placement;
mod queue;
mod status;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use seqformer_ops::OpsError;
use seqformer_ops::process_group::{
    BUCKET_BYTES, GradientReducer, Member, Pending, ProcessGroup, Store,
};
use tch::{Device, Tensor};

use crate::EngineError;

pub use meeting::{Meeting, ProcessReport};
pub use placement::{LAUNCHED, Placement, RESUME};
pub(crate) use queue::TaskQueue;
pub use status::Status;

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
    ) -> Result<Self, EngineError> {
        let member = Member { rank: placement.rank, world_size: placement.world_size };
        let lost = |message: String, others: String| EngineError::Distributed {
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
    pub(crate) fn note(&self, iteration: u64, operation: impl Into<Cow<'static, str>>) {
        let Some(links) = &self.links else { return };
        let status = Status::new(iteration, operation);
        // A table that is gone shows in the next operation that needs it.
        let _gone = links.store.set(&Status::key(self.rank()), status.to_text().as_bytes());
        *links.status.borrow_mut() = status;
        links.noted.set(Instant::now());
    }

    /// The same without another iteration.
    pub(crate) fn note_operation(&self, operation: impl Into<Cow<'static, str>>) {
        let iteration = self.links.as_ref().map_or(0, |links| links.status.borrow().iteration);
        self.note(iteration, operation);
    }

    /// Says now and then that this process is still at work.
    pub(crate) fn note_alive(&self) {
        let Some(links) = &self.links else { return };
        if links.noted.get().elapsed() >= NOTE_PERIOD {
            let operation = links.status.borrow().operation.clone();
            self.note_operation(operation);
        }
    }

    /// The row of numbers of every process.
    pub(crate) fn collect(&self, row: &[f64]) -> Result<Vec<Vec<f64>>, EngineError> {
        match &self.links {
            None => Ok(vec![row.to_vec()]),
            Some(links) => {
                links.control.all_gather(row, Device::Cpu).map_err(|error| self.failed(&error))
            }
        }
    }

    /// Begins to add up numbers over all processes.
    pub(crate) fn start_sum(&self, numbers: &[f64]) -> Result<PendingSum, EngineError> {
        let tensor = Tensor::from_slice(numbers);
        let pending = match &self.links {
            None => None,
            Some(links) => {
                let pending = links.control.start_all_reduce(&tensor);
                Some(pending.map_err(|error| self.failed(&error))?)
            }
        };
        Ok(PendingSum { tensor, pending })
    }

    /// The numbers of all processes, added up.
    pub(crate) fn finish_sum(&self, sum: PendingSum) -> Result<Vec<f64>, EngineError> {
        if let Some(pending) = &sum.pending {
            pending.wait().map_err(|error| self.failed(&error))?;
        }
        Ok(Vec::try_from(&sum.tensor)?)
    }

    /// The text that the first process has; the others need none.
    pub(crate) fn share_text(&self, text: Option<String>) -> Result<String, EngineError> {
        let key = self.next_key("text");
        match (&self.links, text) {
            (None, text) => Ok(text.unwrap_or_default()),
            (Some(links), Some(text)) if self.is_leader() => {
                let done = links.store.set(&key, text.as_bytes());
                done.map_err(|error| self.failed(&error))?;
                Ok(text)
            }
            (Some(_), _) => {
                let bytes = self.wait_for(&key)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }

    /// The texts of all processes, in the order of their ranks.
    /// Makes sure that all processes have done a part of their own work; fails in all if it failed in one.
    pub(crate) fn agree<T>(&self, own: Result<T, EngineError>) -> Result<T, EngineError> {
        if self.links.is_none() {
            return own;
        }
        if let Err(error) = &own
            && error.is_of_processes()
        {
            return own;
        }
        let message = own.as_ref().err().map(EngineError::describe).unwrap_or_default();
        let texts = self.collect_texts(&message)?;
        let own = own?;
        match texts.into_iter().enumerate().find(|(_, text)| !text.is_empty()) {
            Some((rank, message)) => Err(EngineError::Elsewhere { rank, message }),
            None => Ok(own),
        }
    }

    pub(crate) fn collect_texts(&self, text: &str) -> Result<Vec<String>, EngineError> {
        let Some(links) = &self.links else { return Ok(vec![text.to_owned()]) };
        let key = self.next_key("texts");
        let own = links.store.set(&format!("{key}/{}", self.rank()), text.as_bytes());
        own.map_err(|error| self.failed(&error))?;
        let texts = (0..self.world_size()).map(|rank| {
            let bytes = self.wait_for(&format!("{key}/{rank}"))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        let texts = texts.collect::<Result<Vec<_>, EngineError>>()?;
        // The process that serves the table may end for what it has read; the others have to read it first.
        self.barrier()?;
        Ok(texts)
    }

    /// Copies tensors of the first process to all others, into the memory of theirs, a few large pieces at a
    /// time.
    pub(crate) fn share_tensors(&self, tensors: &[Tensor]) -> Result<(), EngineError> {
        let Some(links) = &self.links else { return Ok(()) };
        let mut rest = tensors;
        while let Some(first) = rest.first() {
            let bytes = |tensor: &Tensor| tensor.numel() * tensor.kind().elt_size_in_bytes();
            let mut total = 0;
            let count = rest.iter().take_while(|tensor| {
                total += bytes(tensor);
                tensor.kind() == first.kind()
                    && tensor.device() == first.device()
                    && total <= 4 * BUCKET_BYTES
            });
            let (piece, after) = rest.split_at(count.count().max(1));
            rest = after;
            tch::no_grad(|| {
                let flat: Vec<Tensor> = piece.iter().map(|tensor| tensor.reshape([-1])).collect();
                let flat = Tensor::cat(&flat, 0);
                let group = if flat.device().is_cuda() { links.gpus.as_ref() } else { None };
                let done = group.unwrap_or(&links.control).broadcast(&flat, 0);
                done.map_err(|error| self.failed(&error))?;
                let sizes: Vec<i64> = piece.iter().map(|tensor| tensor.numel() as i64).collect();
                for (tensor, part) in piece.iter().zip(flat.split_with_sizes(sizes, 0)) {
                    tensor.shallow_clone().f_copy_(&part.view_as(tensor))?;
                }
                Ok::<(), EngineError>(())
            })?;
        }
        Ok(())
    }

    /// What adds up the gradients of all processes; nothing for one alone.
    pub(crate) fn reducer(
        &self,
        parameters: &[&Tensor],
    ) -> Result<Option<GradientReducer>, EngineError> {
        let Some(links) = &self.links else { return Ok(None) };
        let is_cuda = parameters.first().is_some_and(|tensor| tensor.device().is_cuda());
        let group = if is_cuda { links.gpus.as_ref() } else { None };
        let group = group.unwrap_or(&links.control);
        let reducer = GradientReducer::new(group, parameters, BUCKET_BYTES);
        Ok(Some(reducer.map_err(|error| self.failed(&error))?))
    }

    /// Ends when all processes are here.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn barrier(&self) -> Result<(), EngineError> {
        match &self.links {
            None => Ok(()),
            Some(links) => links.control.barrier().map_err(|error| self.failed(&error)),
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

    /// Names this process, what it did, and who is behind.
    pub(crate) fn failed(&self, error: &dyn std::error::Error) -> EngineError {
        let (place, others) = match &self.links {
            None => (String::new(), String::new()),
            Some(links) => {
                let status = links.status.borrow();
                let others = status::of_all(&links.store, self.world_size());
                (status.to_string(), status::describe_behind(&others, self.rank(), &status))
            }
        };
        EngineError::Distributed {
            rank: self.rank(),
            world_size: self.world_size(),
            place,
            message: error.to_string(),
            others,
        }
    }
}

/// A sum that is on its way.
#[derive(Debug)]
pub(crate) struct PendingSum {
    tensor: Tensor,
    pending: Option<Pending>,
}
