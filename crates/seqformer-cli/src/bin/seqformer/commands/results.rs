//! `seqformer results`: writes results as files of other tools.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use seqformer_convert::{Notes, claim_folder};
use seqformer_export::{Request, Selection, Tools, read_results};
use seqformer_files::Outputs;
use seqformer_video::FfmpegLocation;

use crate::args::{ResultsArgs, ResultsCommand, ResultsConvertArgs};
use crate::output;

/// Runs the command.
pub(crate) fn run(args: &ResultsArgs) -> Result<()> {
    match &args.command {
        ResultsCommand::Convert(args) => convert(args),
    }
}

fn convert(args: &ResultsConvertArgs) -> Result<()> {
    let request = Request {
        results: args.results.clone(),
        annotations: args.gt.clone(),
        images: args.images.clone(),
        videos: args.videos.clone(),
        selection: Selection {
            score_threshold: args.score_threshold,
            max_tracks: args.max_tracks.map(|most| most as usize),
        },
    };
    let ffmpeg = FfmpegLocation::find(args.ffmpeg.as_deref());
    let output = args.to.written_path(&args.output, &ffmpeg);
    let mut outputs = Outputs::new(args.overwrite);
    request.inputs()?.iter().for_each(|input| outputs.add_input(input));
    if args.to.is_file(&output) {
        outputs.claim_file(&output)?;
    } else {
        claim_folder(&mut outputs, &output)?;
    }
    // Signals end this process at once, and remove what is not complete.
    let tools = Tools { ffmpeg: &ffmpeg, stop: &AtomicBool::new(false) };
    let mut notes = Notes::default();
    let found = read_results(&request, args.to, &tools, &mut notes)?;
    let written = found.write(args.to, &output, &tools, &mut notes)?;
    for line in notes.lines() {
        output::note(&format!("note: {line}"));
    }
    output::print_line(&written.display().to_string());
    output::note(&output::contents(
        found.videos.len(),
        found.videos.iter().map(|found| found.video.length).sum(),
        found.videos.iter().map(|found| found.video.tracks.len()).sum(),
    ));
    Ok(())
}
