//! Arguments of `train` and `eval`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use seqformer_config::DeviceChoice;

/// Arguments of `train` and `eval`.
#[derive(Debug, Args)]
#[command(after_help = TRAIN_HELP)]
pub struct TrainArgs {
    /// Configuration of model, data and training: a YAML file with detectron2's keys [default for evaluations: that of
    /// MODEL.WEIGHTS].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Resume from the newest checkpoint in OUTPUT_DIR, if there is one.
    #[arg(long)]
    pub resume: bool,
    /// Only evaluate MODEL.WEIGHTS (with --resume: the newest checkpoint) on DATASETS.TEST.
    #[arg(long)]
    pub eval_only: bool,
    /// GPUs per machine, with one process each; with --device cpu, processes per machine. If there are fewer GPUs, the
    /// available ones do the work of all [default: 1].
    #[arg(long, value_name = "N")]
    pub num_gpus: Option<u32>,
    /// Processes per machine that compute on its CPU instead of on GPUs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub num_workers_cpu: Option<u32>,
    /// Number of machines; the command is started once on each.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub num_machines: u32,
    /// Number of this machine, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub machine_rank: u32,
    /// Rendezvous of the machines: tcp://HOST:PORT with a free port of machine 0, or auto for one machine.
    #[arg(long, value_name = "URL", default_value = "auto")]
    pub dist_url: String,
    /// Longest time that a process waits for another, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub dist_timeout: u64,
    /// Maximum number of restarts from the last checkpoint when a process fails.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub max_restarts: u64,
    /// Device: auto, cpu, cuda or cuda:N [default: MODEL.DEVICE if set, otherwise auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// KEY VALUE pairs that override the configuration.
    #[arg(value_name = "KEY VALUE", allow_negative_numbers = true)]
    pub opts: Vec<String>,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(after_help = TRAIN_HELP)]
pub struct TrainCommandArgs {
    /// Arguments shared with `eval`.
    #[command(flatten)]
    pub train: TrainArgs,
    /// Threads for computation in each process [default: OMP_NUM_THREADS, or the available cores divided by the
    /// processes of this machine].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

const TRAIN_HELP: &str = "\
Writes into OUTPUT_DIR:
  model_0000999.pth, …, model_final.pth  checkpoints that PyTorch can read; last_checkpoint names the newest
  model_best.pth                         the checkpoint with the best AP, when TEST.EVAL_PERIOD is set
  metrics.json, curves.svg, log.txt, log.txt.rankN, events.out.tfevents.*, config.yaml
  inference/results.json, results.zip, instances_predictions.pth   results on the test datasets

Ctrl-C writes a checkpoint and stops. --resume continues from it and ends with the same weights as an
undisturbed run. If an evaluation fails, training continues, and the exit code is 1, as it is
if TEST.EXPECTED_RESULTS is not met.

For several GPUs or machines use --num-gpus and --num-machines, or torchrun, srun or mpirun; see
docs/distributed.md.

Example:
  seqformer train --config-file configs/base_ytvis.yaml SOLVER.IMS_PER_BATCH 2 OUTPUT_DIR output/mine";
