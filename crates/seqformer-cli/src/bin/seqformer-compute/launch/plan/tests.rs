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
