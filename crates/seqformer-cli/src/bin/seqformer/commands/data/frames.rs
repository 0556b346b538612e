//! `seqformer data frames`: films to frames and back.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use seqformer_convert::claim_folder;
use seqformer_files::Outputs;
use seqformer_video::{FfmpegLocation, FilmFormat, FrameFolder, FrameSink, FrameSource, Timing};

use crate::args::DataFramesArgs;
use crate::output;
use crate::progress::Stage;

/// Runs the command.
pub(super) fn run(args: &DataFramesArgs) -> Result<()> {
    let ffmpeg = FfmpegLocation::find(args.ffmpeg.as_deref());
    let ending = args.output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if ["mp4", "gif"].contains(&ending.as_str()) {
        return to_film(args, &ffmpeg);
    }
    let mut outputs = Outputs::new(false);
    for input in &args.inputs {
        outputs.add_input(input);
    }
    let mut sources = Vec::with_capacity(args.inputs.len());
    for input in &args.inputs {
        if input.is_dir() {
            bail!(
                "{}: expected a film, found a folder; to make a film of its images, give --output NAME.mp4",
                input.display()
            );
        }
        let source = FrameSource::open(input, &ffmpeg)?;
        let folder = args.output.join(source.name());
        claim_folder(&mut outputs, &folder)?;
        sources.push((source, folder));
    }
    for (source, folder) in sources {
        to_frames(&source, &folder, args.every as usize)?;
    }
    Ok(())
}

fn to_frames(source: &FrameSource, path: &Path, every: usize) -> Result<()> {
    for note in source.notes() {
        output::note(note);
    }
    let folder = FrameFolder::create(path)?;
    let mut stage = Stage::new(source.name(), source.frame_count_hint());
    let (mut read, mut written) = (0, 0);
    let mut frames = source.frames()?;
    for frame in &mut frames {
        let frame = frame?;
        if read % every == 0 {
            folder.write(&format!("{read:05}.jpg"), &frame.image)?;
            written += 1;
        }
        read += 1;
        stage.set(read);
    }
    stage.finish();
    folder.finish()?;
    for note in frames.notes() {
        output::note(&note);
    }
    output::print_line(&path.display().to_string());
    let rate = frames.timing().map(Timing::mean_fps);
    let rate = rate.map(|rate| format!(", {rate:.2} a second")).unwrap_or_default();
    output::note(&format!("{written} of {read} frames{rate}"));
    Ok(())
}

fn to_film(args: &DataFramesArgs, ffmpeg: &FfmpegLocation) -> Result<()> {
    let [input] = args.inputs.as_slice() else {
        bail!(
            "--output {}: a film is made of one folder of images, found {} inputs",
            args.output.display(),
            args.inputs.len()
        );
    };
    ensure!(
        input.is_dir(),
        "{}: expected a folder of images, for the film {}; to write the frames of a film, let --output be a folder",
        input.display(),
        args.output.display()
    );
    let Some(format) = FilmFormat::even(args.fps) else {
        bail!("--fps: expected a number from 0.001 to 1000000, found {}", args.fps);
    };
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(input);
    outputs.claim(&args.output)?;
    // Without ffmpeg it becomes one.
    let gif = args.output.with_extension("gif");
    if gif != args.output && ffmpeg.path().is_none() {
        outputs.claim(&gif)?;
    }
    let source = FrameSource::open(input, ffmpeg)?;
    for note in source.notes() {
        output::note(note);
    }
    let mut sink = FrameSink::film(&args.output, format, ffmpeg)?;
    let mut stage = Stage::new(source.name(), source.frame_count_hint());
    let mut frames = source.frames()?;
    for (index, frame) in (&mut frames).enumerate() {
        let frame = frame?;
        if index % args.every as usize == 0 {
            sink.write(&frame.image)?;
        }
        stage.set(index + 1);
    }
    stage.finish();
    let written = sink.finish()?;
    for note in frames.notes().iter().chain(&written.notes) {
        output::note(note);
    }
    output::print_line(&written.path.display().to_string());
    output::note(&format!("{} frames", written.frames));
    Ok(())
}
