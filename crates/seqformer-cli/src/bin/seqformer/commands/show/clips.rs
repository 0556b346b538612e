//! The clips of a training, by the mappers and in the order of the training itself.

use std::path::Path;

use anyhow::Result;
use seqformer_data::{ClipSample, ClipSource as _, Purpose, Random};
use seqformer_files::Outputs;
use seqformer_masks::Rle;
use seqformer_training_data::{BatchPlan, DataPlan, training_data};

use super::pictures::{Album, Object};
use crate::args::DataShowArgs;
use crate::output;
use crate::settings::Settings;

/// Draws the first clips of a training.
pub(super) fn show(args: &DataShowArgs, config_file: &Path, pairs: &[String]) -> Result<()> {
    let settings = Settings::load(config_file, pairs)?;
    let album = Album::new(args)?;
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(config_file);
    args.font.iter().for_each(|font| outputs.add_input(font));
    let names: Vec<String> = (1..=args.count).map(|number| format!("clip_{number:04}")).collect();
    for name in &names {
        album.claim(name, &mut outputs)?;
    }
    let data = training_data(&DataPlan::from_config(&settings.config))?;
    data.notes.iter().for_each(|note| output::note(&format!("note: {note}")));
    let seed = settings.config.seed.unwrap_or(0);
    let batches = BatchPlan::from_config(&settings.config).batches(&data.set, seed, 0);
    for (name, entry) in names.iter().zip(batches.flatten()) {
        let clip =
            data.set.sample(entry, &mut Random::new(seed, Purpose::Sample, entry.position))?;
        let frames = clip.frames.iter().enumerate();
        let frames = frames.map(|(index, image)| {
            Ok((image.clone(), objects(&clip, index, data.categories.names())))
        });
        let path = album.write(name, frames)?;
        let file = &data.set.parts()[entry.dataset].dataset.path;
        output::print_line(&format!("{}: {}", path.display(), describe(&clip, file)));
    }
    Ok(())
}

/// The visible instances of a frame.
fn objects(clip: &ClipSample, frame: usize, classes: &[String]) -> Vec<Object> {
    let seen = clip.instances.iter().filter(|instance| instance.frames[frame].is_visible);
    let object = |instance: &seqformer_data::ClipInstance| Object {
        number: instance.track_id,
        label: label(classes.get(instance.label), instance.track_id),
        mask: Rle::encode(&instance.frames[frame].mask),
    };
    seen.map(object).collect()
}

/// The class and the id of an object.
pub(super) fn label(class: Option<&String>, id: u64) -> String {
    format!("{} #{id}", class.map_or("?", String::as_str))
}

fn describe(clip: &ClipSample, file: &Path) -> String {
    let frames: Vec<String> = clip.frame_indices.iter().map(ToString::to_string).collect();
    let (before, after) = (clip.original_size, clip.size());
    format!(
        "{}, id {}, frames {}, {}x{} from {}x{}, {} instances",
        file.display(),
        clip.video_id,
        frames.join(","),
        after.width,
        after.height,
        before.width,
        before.height,
        clip.instances.len()
    )
}
