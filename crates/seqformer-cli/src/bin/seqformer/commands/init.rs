//! `seqformer init`: from annotations and frames to a configuration that trains.

mod timing;

use std::path::{Path, PathBuf};

use anyhow::Result;
use seqformer_cli::download_bar::DownloadBar;
use seqformer_convert::ReadOptions;
use seqformer_init::{
    Batch, Costs, Counts, Knows, Network, Project, Request, Start, Training, Weights, Wishes,
};
use seqformer_models::Models;
use seqformer_video::FfmpegLocation;

use crate::args::{InitArgs, NetworkChoice};
use crate::output::{note, print_line};
use crate::progress::Stage;
use timing::Timing;

/// Classes with fewer objects are hardly learned, and a note says so.
const FEW_OBJECTS: usize = 10;

/// Load for each core from which on a measurement is off.
const BUSY_SHARE: f64 = 0.5;

/// Runs the command.
pub(crate) fn run(args: &InitArgs) -> Result<()> {
    let weights = args.weights.as_deref().map(locate).transpose()?;
    let start = match (&weights, args.network) {
        (Some(weights), _) => Start::from_weights(&weights.file)?,
        (None, NetworkChoice::Small) => Start::random(Network::Small)?,
        (None, NetworkChoice::R50) => Start::random(Network::R50)?,
    };
    let request = Request {
        data: args.data.clone(),
        from: args.from,
        options: ReadOptions { images: None, size: args.size },
        boxes_as_masks: args.boxes_as_masks,
        frames: args.frames.clone(),
        output: args.output.clone().unwrap_or_else(|| default_output(&args.data)),
        weights,
        val_share: args.val_share,
        seed: args.seed,
        ffmpeg: FfmpegLocation::find(args.ffmpeg.as_deref()),
    };
    let mut stage = None;
    let mut extracted = 0;
    let project = Project::prepare(&request, &mut |more| {
        extracted += more;
        let stage =
            stage.get_or_insert_with(|| Stage::new("frames of video files".to_owned(), None));
        stage.set(extracted);
    })?;
    if let Some(stage) = stage {
        stage.finish();
    }
    describe_data(args, &project);
    describe_start(args, &start, &project);
    let wishes = Wishes {
        short_edge: args.short_edge,
        batch: args.batch.map(|batch| batch as usize),
        iterations: args.iterations,
    };
    let load = timing::load();
    let (training, timing) = choose(args, &project, &start, wishes)?;
    let mut about = about(args, &project, &training, &timing);
    if matches!(timing, Timing::Done(_)) {
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        about.extend(load.and_then(|load| busy(load, cores)));
    }
    let config_file = project.finish(&start, &training, &about)?;
    about[1..].iter().for_each(|line| note(line));
    print_line(&config_file.display().to_string());
    note(&format!("train it:  seqformer train --config-file {}", quoted_for_shell(&config_file)));
    Ok(())
}

/// The weights that a path, name or address means; an address is fetched.
fn locate(text: &str) -> Result<Weights> {
    if !Models::is_of_cache(text) {
        let file = std::path::absolute(text)?;
        return Ok(Weights { name: file.display().to_string(), file });
    }
    let mut bar = DownloadBar::new(text);
    let file =
        Models::from_environment()?.locate_or_fetch(text, &mut |progress| bar.show(progress));
    bar.finish();
    Ok(Weights { name: text.to_owned(), file: file? })
}

/// A folder in the current one that is not there yet.
fn default_output(data: &Path) -> PathBuf {
    let stem = data.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("seqformer_{stem}");
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let names = std::iter::once(name.clone()).chain(numbered);
    let free = names.map(PathBuf::from).find(|path| path.symlink_metadata().is_err());
    free.unwrap_or_else(|| PathBuf::from(name))
}

/// Says what is in the data and how it was divided.
fn describe_data(args: &InitArgs, project: &Project) {
    if args.from.is_none() {
        note(&format!(
            "{}: read as {} (--from says otherwise)",
            args.data.display(),
            project.format()
        ));
    }
    for line in project.notes().lines() {
        note(&format!("note: {line}"));
    }
    let (train, val) = (project.train(), project.val());
    note(&describe("training", train, project.is_images()));
    note(&describe("validation", val, project.is_images()));
    let classes: Vec<String> = train
        .classes
        .iter()
        .zip(&val.classes)
        .map(|(train, val)| format!("{} {} + {}", train.name, train.objects, val.objects))
        .collect();
    note(&format!(
        "{} classes (objects in training + validation): {}",
        classes.len(),
        classes.join(", ")
    ));
    let rare = train.classes.iter().filter(|class| class.objects < FEW_OBJECTS);
    let rare: Vec<&str> = rare.map(|class| class.name.as_str()).collect();
    if !rare.is_empty() {
        note(&format!(
            "note: fewer than {FEW_OBJECTS} objects to learn from: {}; such classes are hardly found",
            rare.join(", ")
        ));
    }
    let unseen = val.unused_classes();
    if !unseen.is_empty() {
        note(&format!("note: no object to validate with: {}", unseen.join(", ")));
    }
}

fn describe(part: &str, counts: &Counts, is_images: bool) -> String {
    let Counts { videos, frames, objects, lengths, short_edges, most_objects, .. } = counts;
    let (shortest, longest) = lengths;
    let (smallest, median, largest) = short_edges;
    let what = if is_images {
        format!("{videos} images")
    } else {
        format!("{videos} videos of {shortest} to {longest} frames, {frames} in all")
    };
    let edges = if smallest == largest {
        format!("short edge {median} pixels")
    } else {
        format!("short edges {smallest} to {largest}, median {median} pixels")
    };
    format!("{part}: {what}, {edges}, {objects} objects, at most {most_objects} in one")
}

/// Says where the training starts and what that means.
fn describe_start(args: &InitArgs, start: &Start, project: &Project) {
    let weights = args.weights.as_deref().unwrap_or_default();
    let network = &start.network;
    match (start.knows, start.num_classes) {
        (Knows::Everything, Some(classes)) if classes == project.train().classes.len() => {
            note(&format!(
                "start: {weights}, {network}; its class layers are kept, as the number of classes is the same: they must be \
                 the same classes in the same order, or are learned anew"
            ));
        }
        (Knows::Everything, _) => note(&format!(
            "start: {weights}, {network}; only its class layers start from random numbers, because the classes are others"
        )),
        (Knows::Images, _) => note(&format!(
            "start: {weights}, {network}: a backbone trained on images. Everything behind it starts from random numbers and \
             needs many videos and days on a GPU; weights of a whole SeqFormer need hours (`seqformer models list`)"
        )),
        (Knows::Nothing, _) => note(&format!(
            "start: random numbers, {network}. Without --weights a network learns what the videos show and hardly more: a \
             few simple kinds of objects in hours, objects in general not at all (`seqformer models list` names weights)"
        )),
    }
}

/// Chooses the numbers of the training: with the batch that a timed trial allows, if there is one.
fn choose(
    args: &InitArgs,
    project: &Project,
    start: &Start,
    wishes: Wishes,
) -> Result<(Training, Timing)> {
    let of = |batch| Training::new(start, project.train(), project.is_images(), batch, wishes);
    let clips = wishes.batch.unwrap_or(Batch::FIRST.clips.min(project.train().videos));
    let first = of(Batch { clips, ..Batch::FIRST });
    if args.no_timing {
        return Ok((first, Timing::Not("--no-timing".to_owned())));
    }
    let limits = timing::Limits::start();
    let trial = project.write_trial(start, &first)?;
    let timed = limits.time(&trial, args.device)?;
    let Timing::Done(costs) = &timed else { return Ok((first, timed)) };
    let batch = costs.batch_for(start.reference_batch, project.train().videos, wishes.batch);
    if batch == costs.batch {
        return Ok((first, timed));
    }
    let chosen = of(batch);
    let trial = project.write_trial(start, &chosen)?;
    let again = limits.time(&trial, args.device)?;
    // What was measured is kept where the larger batch could not be.
    Ok(if matches!(again, Timing::Done(_)) { (chosen, again) } else { (first, timed) })
}

/// What was chosen and measured, for the head of the configuration and for the console.
fn about(args: &InitArgs, project: &Project, training: &Training, timing: &Timing) -> Vec<String> {
    let edges: Vec<String> = training.short_edges.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        format!(
            "SeqFormer on {}, by `seqformer init`: {} to train on, {} to validate with. Paths are absolute.",
            args.data.display(),
            project.train().videos,
            project.val().videos
        ),
        format!(
            "batch: {} clips of {} frames, short edges {}, learning rate {:.1e}, {} iterations",
            training.batch.clips,
            training.num_frames,
            edges.join(", "),
            training.learning_rate,
            training.iterations
        ),
    ];
    lines.push(match timing {
        Timing::Done(costs) => costs_line(costs, training.iterations),
        Timing::Not(why) => format!(
            "hours and memory: not measured ({why}); `seqformer bench --training --config-file FILE` measures them"
        ),
    });
    lines
}

fn costs_line(costs: &Costs, iterations: u64) -> String {
    let hours = costs.seconds * iterations as f64 / 3600.0;
    let time = if hours < 1.0 {
        format!("{:.0} minutes", (60.0 * hours).ceil())
    } else {
        format!("{hours:.1} hours")
    };
    let gib = |mib: f64| format!("{:.1} GiB", mib / 1024.0);
    let memory = match (&costs.gpu, costs.peak_mib) {
        (Some(gpu), _) => {
            format!("{} of {} on {}", gib(gpu.peak_mib), gib(gpu.memory_mib), gpu.name)
        }
        (None, Some(peak)) => format!("{} on the CPU", gib(peak)),
        (None, None) => "unknown".to_owned(),
    };
    format!(
        "measured here: {:.2} s an iteration (mean of {}), {time} for all without evaluations; peak memory {memory}",
        costs.seconds, costs.num_timed
    )
}

/// What to say if other programs were using the machine before the measurement.
fn busy(load: f64, cores: usize) -> Option<String> {
    (load > BUSY_SHARE * cores as f64).then(|| {
        format!(
            "note: other programs were running (load {load:.0} on {cores} cores), and without them an iteration is faster: \
             `seqformer bench --training --config-file FILE` measures again"
        )
    })
}

fn quoted_for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+,:@%".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_mentioned() {
        assert_eq!(busy(0.9, 2), None);
        let said = busy(28.3, 2).unwrap_or_default();
        assert!(said.contains("load 28 on 2 cores"), "{said}");
    }
}
