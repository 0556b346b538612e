//! Which process this is and where the others are: what launchers say in environment variables.

use std::net::UdpSocket;

use crate::DistributedError;

/// Set by our own launcher: the process is to end when its standard input does.
pub const LAUNCHED: &str = "SEQFORMER_LAUNCHED";
/// Set by our own launcher when it starts processes again that have written a checkpoint.
pub const RESUME: &str = "SEQFORMER_RESUME";

/// PyTorch's port for processes to meet.
const DEFAULT_PORT: u16 = 29500;

/// The place of a process in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Number among all processes.
    pub rank: usize,
    /// Number of processes.
    pub world_size: usize,
    /// Number among those of this machine, which is that of its GPU.
    pub local_rank: usize,
    /// Where the processes meet.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// Whether this process serves the meeting point, because no launcher does.
    pub serves: bool,
    /// How often the processes were started before.
    pub attempt: u64,
}

impl Placement {
    /// Reads what torchrun (or our own launcher), SLURM, Open MPI or MPICH say; nothing if none of them has
    /// started this process.
    ///
    /// # Errors
    ///
    /// If a variable is not a number, or it is not said where the processes meet.
    pub fn from_environment(
        var: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, DistributedError> {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        let Some((rank, world_size, local_rank)) = member(&var)? else { return Ok(None) };
        if rank >= world_size {
            return Err(wrong(format!(
                "rank {rank} is not below the number of processes, {world_size}"
            )));
        }
        let agent_serves = var("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|value| value == "True");
        let host = match var("MASTER_ADDR") {
            Some(host) => host,
            None => match first_slurm_host(&var) {
                Some(host) => host,
                None if world_size == 1 => return Ok(None),
                None if is_one_machine(&var, world_size)? => "127.0.0.1".to_owned(),
                None => {
                    return Err(wrong(
                        "MASTER_ADDR is not set: set it to the name of the machine of rank 0, and MASTER_PORT to a \
                         free port there"
                            .to_owned(),
                    ));
                }
            },
        };
        let port = match number::<u16>(&var, "MASTER_PORT")? {
            Some(port) => port,
            // Jobs that share a machine must not meet each other.
            None => match number::<u64>(&var, "SLURM_JOB_ID")? {
                Some(job) => 20_000 + (job % 20_000) as u16,
                None => DEFAULT_PORT,
            },
        };
        let attempt = number(&var, "TORCHELASTIC_RESTART_COUNT")?.unwrap_or(0);
        let serves = rank == 0 && !agent_serves;
        Ok(Some(Self { rank, world_size, local_rank, host, port, serves, attempt }))
    }

    /// Keys of this start in the common table.
    pub(crate) fn prefix(&self) -> String {
        prefix(self.attempt)
    }

    /// The address of this machine on the way to the meeting point, by which the others reach it, too.
    pub(crate) fn own_address(&self) -> Option<String> {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
        // Nothing is sent.
        socket.connect((self.host.as_str(), self.port)).ok()?;
        Some(socket.local_addr().ok()?.ip().to_string())
    }
}

pub(crate) fn prefix(attempt: u64) -> String {
    format!("seqformer/{attempt}")
}

type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Rank, number of processes and local rank by the first launcher that says all of them.
fn member(var: &Variables<'_>) -> Result<Option<(usize, usize, usize)>, DistributedError> {
    const LAUNCHERS: [[&str; 3]; 4] = [
        ["RANK", "WORLD_SIZE", "LOCAL_RANK"],
        // In a batch script, but outside of srun, the step is not set.
        ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"],
        ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"],
        ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"],
    ];
    for [rank, size, local] in LAUNCHERS {
        if let (Some(rank), Some(size)) = (number(var, rank)?, number(var, size)?) {
            return Ok(Some((rank, size, number(var, local)?.unwrap_or(0))));
        }
    }
    Ok(None)
}

/// Whether MPI says that all processes are here.
fn is_one_machine(var: &Variables<'_>, world_size: usize) -> Result<bool, DistributedError> {
    for name in ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "LOCAL_WORLD_SIZE"] {
        if let Some(size) = number::<usize>(var, name)? {
            return Ok(size == world_size);
        }
    }
    Ok(false)
}

/// The first machine of a SLURM step: `gpu[003-006,010],login` gives `gpu003`.
fn first_slurm_host(var: &Variables<'_>) -> Option<String> {
    var("SLURM_PROCID")?;
    let list = var("SLURM_STEP_NODELIST").or_else(|| var("SLURM_JOB_NODELIST"))?;
    let (mut host, mut rest) = (String::new(), list.as_str());
    while let Some(next) = rest.chars().next() {
        match next {
            ',' => break,
            '[' => {
                let (inside, after) = rest[1..].split_once(']')?;
                host.push_str(inside.split([',', '-']).next()?);
                rest = after;
            }
            _ => {
                host.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    (!host.is_empty()).then_some(host)
}

fn number<T: std::str::FromStr>(
    var: &Variables<'_>,
    name: &str,
) -> Result<Option<T>, DistributedError> {
    let Some(text) = var(name) else { return Ok(None) };
    let parsed = text.parse().map(Some);
    parsed.map_err(|_other| wrong(format!("{name}: expected a number, found {text:?}")))
}

fn wrong(what: String) -> DistributedError {
    DistributedError::Launch { what }
}

#[cfg(test)]
mod tests;
