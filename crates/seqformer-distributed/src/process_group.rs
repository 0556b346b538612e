//! Processes that work together: where they meet, and what they add up and pass round (c10d of PyTorch).
//!
//! All processes of a group must call the same operations in the same order. NCCL moves tensors between GPUs;
//! Gloo moves those of the CPU.

#[expect(unsafe_code, reason = "calls of the shim")]
mod binding;
mod store;

use std::time::Duration;

use seqformer_cuda::library;
use seqformer_libtorch::OpsError;
use tch::{Device, Kind, Tensor};

pub use self::store::Store;

/// Size of the buckets in which gradients travel, in bytes: that of PyTorch's DistributedDataParallel.
pub const BUCKET_BYTES: usize = 25 << 20;

/// The place of a process in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its number, from 0.
    pub rank: usize,
    /// Number of processes.
    pub world_size: usize,
}

/// Processes that add up and pass round tensors.
#[derive(Debug)]
pub struct ProcessGroup {
    group: binding::Group,
    member: Member,
}

impl ProcessGroup {
    /// Joins a group for tensors of the CPU; returns when all have joined.
    ///
    /// `address` is that of this machine by which the others reach it. Without it, the network interface that
    /// `GLOO_SOCKET_IFNAME` names is used, or the address of this machine's name.
    ///
    /// # Errors
    ///
    /// If not all processes come in time, or they cannot reach each other.
    pub fn gloo(
        store: &Store,
        member: Member,
        address: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, OpsError> {
        let interface = std::env::var("GLOO_SOCKET_IFNAME").ok().filter(|name| !name.is_empty());
        let (rank, size) = (member.rank as i32, member.world_size as i32);
        let group =
            binding::Group::gloo(&store.0, rank, size, interface.as_deref(), address, timeout);
        let group = group.map_err(group_error("joining the group of processes (Gloo)"))?;
        Ok(Self { group, member })
    }

    /// Joins a group for tensors of GPUs; this process has GPU number `device` of its machine.
    ///
    /// # Errors
    ///
    /// If there is no GPU, or this program was built without NCCL; the message says what is missing.
    pub fn nccl(
        store: &Store,
        member: Member,
        device: usize,
        timeout: Duration,
    ) -> Result<Self, OpsError> {
        let operation = "joining the group of processes (NCCL)";
        let library = library::path().map_err(|message| OpsError::Group { operation, message })?;
        let (rank, size) = (member.rank as i32, member.world_size as i32);
        let group = binding::Group::nccl(&library, &store.0, rank, size, device as i32, timeout);
        Ok(Self { group: group.map_err(group_error(operation))?, member })
    }

    /// The place of this process.
    pub fn member(&self) -> Member {
        self.member
    }

    /// Says that a process may be gone, as a failed operation of the group also does: when this value is dropped, it
    /// does not wait for the others.
    pub fn give_up(&self) {
        self.group.health().note_failure();
    }

    /// Adds up a tensor over all processes, in its own memory.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time; the tensor is then undefined.
    pub fn all_reduce(&self, tensor: &Tensor) -> Result<(), OpsError> {
        self.start_all_reduce(tensor)?.wait()
    }

    /// Begins [`ProcessGroup::all_reduce`]; the tensor may be used when the result was waited for.
    ///
    /// # Errors
    ///
    /// If a process is gone.
    pub fn start_all_reduce(&self, tensor: &Tensor) -> Result<Pending, OpsError> {
        let operation = "reducing over the processes";
        let work = self.group.all_reduce(tensor, false).map_err(group_error(operation))?;
        Ok(Pending { work, operation })
    }

    /// Copies a tensor of process `root` to all others, into the memory of theirs.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time; the tensor is then undefined.
    pub fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<(), OpsError> {
        let operation = "broadcasting to the processes";
        let work = self.group.broadcast(tensor, root as i32).map_err(group_error(operation))?;
        Pending { work, operation }.wait()
    }

    /// Collects one row of numbers of each process, in the order of their ranks.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time, or rows differ in length.
    pub fn all_gather(&self, row: &[f64], device: Device) -> Result<Vec<Vec<f64>>, OpsError> {
        let operation = "gathering from the processes";
        let own = Tensor::from_slice(row).to_device(device);
        let size = [self.member.world_size as i64, row.len() as i64];
        let all = Tensor::zeros(size, (Kind::Double, device));
        let work = self.group.all_gather(&all, &own).map_err(group_error(operation))?;
        Pending { work, operation }.wait()?;
        let failed =
            |error: tch::TchError| OpsError::Torch { operation, message: error.to_string() };
        Vec::<Vec<f64>>::try_from(all.to_device(Device::Cpu)).map_err(failed)
    }

    /// Waits until all processes are here.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn barrier(&self) -> Result<(), OpsError> {
        let operation = "waiting for the other processes";
        let work = self.group.barrier().map_err(group_error(operation))?;
        Pending { work, operation }.wait()
    }
}

/// An operation that has begun.
#[derive(Debug)]
#[must_use = "its tensor may be used only when it was waited for"]
pub struct Pending {
    work: binding::Work,
    operation: &'static str,
}

impl Pending {
    /// Waits for the end; on a GPU only its queue does.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn wait(&self) -> Result<(), OpsError> {
        self.work.wait().map_err(group_error(self.operation))
    }
}

/// Gradients that are summed over all processes while the backward pass goes on.
///
/// They travel in buckets of many parameters, the last parameters first. It hooks into the parameters, so only
/// one should be alive for them.
#[derive(Debug)]
pub struct GradientReducer(binding::Reducer);

impl GradientReducer {
    /// Deals `parameters`, the same in all processes, into buckets of at most `bucket_bytes`; a larger
    /// parameter has one of its own.
    ///
    /// # Errors
    ///
    /// If there is no parameter, or no memory.
    pub fn new(
        group: &ProcessGroup,
        parameters: &[&Tensor],
        bucket_bytes: usize,
    ) -> Result<Self, OpsError> {
        let reducer = binding::Reducer::new(&group.group, parameters, bucket_bytes);
        reducer.map(Self).map_err(group_error("gradients of several processes"))
    }

    /// Differentiates `loss`, one number, and adds up the gradients of all processes and of `before`, earlier
    /// gradients of this process alone. `None` where no process has one. A process without a loss only takes
    /// part in the sums.
    ///
    /// The gradients live in memory that the next call writes again.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time, or libtorch fails; then no further call works.
    pub fn backward(
        &mut self,
        loss: Option<&Tensor>,
        before: Option<&[Option<Tensor>]>,
    ) -> Result<Vec<Option<Tensor>>, OpsError> {
        let found = self.0.backward(loss, before);
        found.map_err(group_error("reducing the gradients of all processes"))
    }
}

fn group_error(operation: &'static str) -> impl Fn(String) -> OpsError {
    move |message| OpsError::Group { operation, message: first_line(&message) }
}

/// The messages of c10d begin with a place in its source, and go on with a stack of addresses.
fn first_line(message: &str) -> String {
    let end = message.find("\nException raised from").unwrap_or(message.len());
    let lines = message[..end].lines().map(str::trim).filter(|line| !line.is_empty());
    let text = lines.collect::<Vec<_>>().join(" ");
    match text.strip_prefix("[/").and_then(|rest| rest.split_once("] ")) {
        Some((_place, rest)) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
