//! How many processes a run has, and on which device each computes.

use anyhow::{Result, bail};
use seqformer_distributed::Placement;
use seqformer_engine::DeviceChoice;

use crate::args::TrainArgs;
use crate::settings::Settings;

/// The processes of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Processes per machine.
    pub(crate) per_machine: usize,
    /// Number of machines.
    pub(crate) machines: usize,
    /// Number of this machine, from 0.
    pub(crate) machine: usize,
    /// Number of devices that the recipe is for: those requested, or the processes.
    pub(crate) wanted: u32,
    /// Where this process computes; with `Cpu` the launcher also divides the cores.
    pub(crate) device: DeviceChoice,
}

impl Plan {
    /// Follows the flags as far as the machine allows. `placement` is what another launcher has already decided.
    pub(crate) fn new(
        args: &TrainArgs,
        choice: DeviceChoice,
        placement: Option<&Placement>,
        count_gpus: impl Fn() -> usize,
    ) -> Result<Self> {
        if args.num_workers_cpu.is_some() && args.num_gpus.is_some_and(|gpus| gpus > 0) {
            bail!(
                "--num-workers-cpu requires --num-gpus 0: processes run either on GPUs or on the CPU"
            );
        }
        let on_cpu = args.num_workers_cpu.is_some()
            || args.num_gpus == Some(0)
            || choice == DeviceChoice::Cpu;
        let asked = match (args.num_workers_cpu, args.num_gpus) {
            (Some(count), _) => count,
            (None, count) => count.unwrap_or(1).max(1),
        };
        let mut plan = Self {
            per_machine: asked as usize,
            machines: args.num_machines as usize,
            machine: args.machine_rank as usize,
            wanted: asked * args.num_machines,
            device: if on_cpu { DeviceChoice::Cpu } else { choice },
        };
        let many = asked > 1 || args.num_machines > 1 || placement.is_some();
        if many && !on_cpu {
            let gpus = count_gpus();
            plan.use_gpus(gpus, placement, choice)?;
        }
        if let Some(placement) = placement {
            let world_size = u32::try_from(placement.world_size).unwrap_or(u32::MAX);
            plan.wanted = plan.wanted.max(world_size);
            (plan.per_machine, plan.machines) = (placement.world_size, 1);
        }
        Ok(plan)
    }

    /// One process per available GPU.
    fn use_gpus(
        &mut self,
        gpus: usize,
        placement: Option<&Placement>,
        choice: DeviceChoice,
    ) -> Result<()> {
        if gpus == 0 {
            // Explicitly requesting a GPU that does not exist is an error.
            if choice == DeviceChoice::Auto {
                self.device = DeviceChoice::Cpu;
                self.per_machine = 1;
            }
            return Ok(());
        }
        if let Some(placement) = placement {
            // A launcher may expose a different GPU to each process.
            self.device = DeviceChoice::Cuda(placement.local_rank % gpus);
        } else if self.per_machine > gpus {
            if self.machines > 1 {
                bail!("--num-gpus {}: this machine has {gpus}", self.per_machine);
            }
            self.per_machine = gpus;
        }
        Ok(())
    }

    /// Limits the processes of a single machine to the number of clips in a batch, because others would have no work.
    pub(crate) fn limit_to(&mut self, clips: usize) {
        if self.machines == 1 {
            self.per_machine = self.per_machine.min(clips.max(1));
        }
    }

    /// Total number of processes.
    pub(crate) fn world_size(&self) -> usize {
        self.per_machine * self.machines
    }

    /// Lets fewer processes do the work of all requested devices: the batch size of the recipe is kept, and each step
    /// processes at once what a single device would have processed.
    pub(crate) fn stand_in(&self, settings: &mut Settings, speaks: bool) {
        let (wanted, there) = (self.wanted as usize, self.world_size());
        if there >= wanted {
            return;
        }
        let solver = &mut settings.config.solver;
        let share = (solver.ims_per_batch / wanted).max(1);
        if solver.micro_batch_size == 0 {
            solver.micro_batch_size = share;
        }
        if speaks {
            tracing::warn!(
                "--num-gpus {}: {there} {} the work of {wanted} devices, with {} of the batch's {} clips at once; \
                 for processes on the CPU, add --device cpu",
                wanted / self.machines.max(1),
                if there == 1 { "process does" } else { "processes do" },
                solver.micro_batch_size,
                solver.ims_per_batch
            );
        }
    }
}

#[cfg(test)]
mod tests;
