//! `seqformer data`: converts annotation files.

use anyhow::Result;
use seqformer_data::{CategoryMap, ClassTable, CocoTable, write_coco_subset};
use seqformer_files::Outputs;

use crate::args::{CocoToYtvisArgs, DataArgs, DataCommand, TargetClasses};
use crate::output;

/// Runs the command.
pub(crate) fn run(args: &DataArgs) -> Result<()> {
    match &args.command {
        DataCommand::CocoToYtvis(args) => coco_to_ytvis(args),
    }
}

fn coco_to_ytvis(args: &CocoToYtvisArgs) -> Result<()> {
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(&args.json);
    outputs.claim(&args.output)?;
    let target = match args.classes {
        TargetClasses::Ytvis2019 => ClassTable::Ytvis2019,
        TargetClasses::Ytvis2021 => ClassTable::Ytvis2021,
        TargetClasses::Ovis => ClassTable::Ovis,
    };
    let table = if args.reference_table { CocoTable::Reference } else { CocoTable::Corrected };
    let Some(map) = CategoryMap::from_coco(target, table) else { return Ok(()) };
    let subset = write_coco_subset(&args.json, &map, &target.categories(), &args.output)?;
    output::print_line(&args.output.display().to_string());
    output::note(&format!(
        "{} images with {} objects; {} objects of other classes are skipped",
        subset.images, subset.annotations, subset.dropped
    ));
    Ok(())
}
