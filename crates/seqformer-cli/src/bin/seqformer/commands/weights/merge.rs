//! `seqformer weights merge`.

use anyhow::{Result, bail};
use seqformer_checkpoint::few;
use seqformer_checkpoint::key_map::InputConvention;
use seqformer_checkpoint::weights::{MergeSource, MergedPart, TargetFormat, merge, unused_renames};
use seqformer_config::Config;
use seqformer_config::config::ImageFormat;
use seqformer_files::Outputs;
use seqformer_models::Architecture;

use crate::args::MergeArgs;
use crate::output::{note, print_line};
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(args: &MergeArgs) -> Result<()> {
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(&args.config_file);
    args.files.iter().for_each(|file| outputs.add_input(file));
    outputs.claim(&args.output)?;
    TargetFormat::required(&args.output)?;
    let config = Settings::load(&args.config_file, &[])?.config;
    let network = Architecture::of_config(&config);
    let (shapes, input) = (network.shapes(), input_convention(&config));
    let mut sources = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let source = MergeSource::read(file, &args.rename, (&shapes, &input))?;
        for remark in &source.state.remarks {
            note(&format!("{}: {remark}", file.display()));
        }
        note(&format!("{}: {}", file.display(), source.names));
        sources.push(source);
    }
    if let Some(prefix) = unused_renames(&args.rename, &sources).first() {
        bail!(
            "--rename {prefix}=…: expected a prefix of tensor names, found none that starts with it; `seqformer weights \
             inspect FILE --tensors` lists the names"
        );
    }
    let merged = merge(&shapes, &sources);
    let idle = sources
        .iter()
        .enumerate()
        .find(|(index, _)| merged.parts.iter().all(|part| part.from[*index] == 0));
    if let Some((_, source)) = idle {
        bail!(
            "{}: expected a layer of the network of {} ({network}) that no earlier file has, found none; leave the file \
             out, or rename its tensors with --rename",
            source.path.display(),
            args.config_file.display()
        );
    }
    merged.write(&args.output)?;
    for part in &merged.parts {
        print_line(&line(part, &sources));
    }
    for (source, count) in sources.iter().zip(&merged.num_unused).filter(|(_, count)| **count > 0) {
        note(&format!(
            "{}: {count} tensors do not exist in the network, or have another shape there",
            source.path.display()
        ));
    }
    let missing: Vec<&String> = merged.parts.iter().flat_map(|part| &part.missing).collect();
    if args.tensors {
        for name in &missing {
            print_line(&format!("random: {name}"));
        }
    }
    print_line(&format!(
        "{}: {} of {} tensors; {} start from random numbers",
        args.output.display(),
        shapes.len() - missing.len(),
        shapes.len(),
        missing.len()
    ));
    Ok(())
}

/// What is known of a part of the network, in one line.
fn line(part: &MergedPart, sources: &[MergeSource]) -> String {
    let given = part.from.iter().zip(sources).filter(|(count, _)| **count > 0);
    let mut origins: Vec<String> =
        given.map(|(count, source)| format!("{count} from {}", source.path.display())).collect();
    if !part.missing.is_empty() {
        origins.push(format!("{} random", part.missing.len()));
    }
    format!("{:<30}{}", part.name, few(&origins).replace("; ", ", "))
}

/// The frames that the network gets.
fn input_convention(config: &Config) -> InputConvention {
    InputConvention {
        pixel_std: config.model.pixel_std,
        is_bgr: config.input.format == ImageFormat::Bgr,
        stride_in_1x1: config.model.resnets.stride_in_1x1,
    }
}
