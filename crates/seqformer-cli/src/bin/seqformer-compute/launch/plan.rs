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
mod tests {
    use clap::Parser as _;
    use seqformer_distributed::Placement;
    use seqformer_engine::DeviceChoice;

    use super::Plan;
    use crate::args::{Cli, Command, ComputeCommand, TrainArgs};

    fn arguments(flags: &[&str]) -> TrainArgs {
        let words = [&["seqformer", "train", "--config-file", "x.yaml"], flags].concat();
        match Cli::parse_from(words).command {
            Command::Compute(ComputeCommand::Train(args)) => args.train,
            other => panic!("expected the arguments of train, found {other:?}"),
        }
    }

    fn placement(rank: usize, world_size: usize, local_rank: usize) -> Placement {
        let host = "127.0.0.1".to_owned();
        Placement { rank, world_size, local_rank, host, port: 1, serves: false, attempt: 0 }
    }

    #[test]
    fn there_is_a_process_for_each_gpu_or_each_part_of_the_cpu() {
        use DeviceChoice::{Auto, Cpu, Cuda};
        // flags, device, GPUs; processes, devices of the recipe, device
        let cases = [
            (&[][..], Auto, 4, 1, 1, Auto),
            (&["--num-gpus", "4"], Auto, 8, 4, 4, Auto),
            (&["--num-gpus", "8"], Auto, 2, 2, 8, Auto),
            (&["--num-gpus", "8"], Auto, 0, 1, 8, Cpu),
            (&["--num-gpus", "3"], Cpu, 8, 3, 3, Cpu),
            (&["--num-gpus", "0", "--num-workers-cpu", "2"], Auto, 8, 2, 2, Cpu),
            (&["--num-workers-cpu", "2", "--num-machines", "2"], Auto, 0, 4, 4, Cpu),
            (&["--num-gpus", "0"], Auto, 8, 1, 1, Cpu),
            (&["--num-gpus", "2"], Cuda(0), 0, 2, 2, Cuda(0)),
        ];
        for (flags, choice, gpus, processes, wanted, device) in cases {
            let plan = Plan::new(&arguments(flags), choice, None, || gpus).unwrap();
            let found = (plan.world_size(), plan.wanted, plan.device);
            assert_eq!(found, (processes, wanted, device), "{flags:?} with {gpus} GPUs");
        }
    }

    #[test]
    fn processes_of_a_launcher_have_a_gpu_each() {
        let on = |flags: &[&str], placement: Placement, gpus: usize| {
            Plan::new(&arguments(flags), DeviceChoice::Auto, Some(&placement), || gpus).unwrap()
        };
        let plan = on(&[], placement(5, 8, 1), 4);
        assert_eq!((plan.device, plan.world_size(), plan.wanted), (DeviceChoice::Cuda(1), 8, 8));
        // Each sees its own alone.
        assert_eq!(on(&[], placement(5, 8, 1), 1).device, DeviceChoice::Cuda(0));
        // The recipe is for more.
        let plan = on(&["--num-gpus", "8"], placement(0, 2, 0), 0);
        assert_eq!((plan.device, plan.world_size(), plan.wanted), (DeviceChoice::Cpu, 2, 8));
    }

    #[test]
    fn a_batch_has_a_clip_for_each_process() {
        let args = arguments(&["--num-gpus", "8"]);
        let mut plan = Plan::new(&args, DeviceChoice::Cpu, None, || 0).unwrap();
        plan.limit_to(16);
        assert_eq!((plan.world_size(), plan.wanted), (8, 8));
        plan.limit_to(3);
        assert_eq!((plan.world_size(), plan.wanted), (3, 8));
    }

    #[test]
    fn contradictions_are_errors() {
        let plan = |flags: &[&str], gpus: usize| {
            Plan::new(&arguments(flags), DeviceChoice::Auto, None, || gpus)
        };
        let both = plan(&["--num-gpus", "2", "--num-workers-cpu", "2"], 2).unwrap_err().to_string();
        assert!(both.contains("--num-gpus 0"), "{both}");
        let few = plan(&["--num-gpus", "4", "--num-machines", "2"], 2).unwrap_err().to_string();
        assert!(few.contains("this machine has 2"), "{few}");
    }
}
