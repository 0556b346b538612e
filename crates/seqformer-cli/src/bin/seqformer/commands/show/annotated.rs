//! Annotations of a file over its frames, or results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seqformer_data::{
    AnnotatedVideos, DatasetKind, DatasetSource, RgbImage, TestMapper, VideoRecord,
};
use seqformer_evaluation::{
    CocoGroundTruth, CocoResults, GroundTruth, PairedVideo, Results, YtvisEvaluator,
};
use seqformer_files::Outputs;
use seqformer_masks::Rle;
use seqformer_training_data::image_root;
use seqformer_video::write_jpeg;

use super::clips::label;
use super::missing::{MissingFrames, is_missing};
use super::pictures::{Album, Object};
use crate::args::DataShowArgs;
use crate::output;

/// Value of the pixels of a frame without a file: dark, so that all colours of objects stand out.
const PLAIN_GROUND: u8 = 40;

/// An object in all frames of a video.
struct Track {
    number: u64,
    label: String,
    /// One per frame; there may be fewer.
    masks: Vec<Option<Rle>>,
}

/// Draws the annotations of `file`, or results for it.
pub(super) fn show(args: &DataShowArgs, file: &Path) -> Result<()> {
    let source = source(args, file)?;
    let is_video = source.kind == DatasetKind::Ytvis;
    if !is_video && args.film {
        bail!(
            "{}: expected videos for --film, found single images; leave --film out",
            file.display()
        );
    }
    let dataset = source.read()?;
    dataset.notes.iter().for_each(|note| output::note(&format!("note: {note}")));
    let kinds = if is_video { ["video", "videos"] } else { ["image", "images"] };
    let mut missing = MissingFrames::new(file, kinds);
    let records = chosen(args, &dataset, &mut missing)?;
    missing.report()?;
    let album = Album::new(args)?;
    let mut outputs = Outputs::new(args.overwrite);
    outputs.add_input(file);
    outputs.add_input(&source.image_root);
    args.results.iter().chain(&args.font).for_each(|input| outputs.add_input(input));
    let mut names = Vec::new();
    for record in &records {
        let id = name_of(&dataset, record);
        let name = if is_video { format!("video_{id}") } else { format!("image_{id}.jpg") };
        if is_video {
            album.claim(&name, &mut outputs)?;
        } else {
            outputs.claim(&args.output.join(&name))?;
        }
        names.push(name);
    }
    let found = match &args.results {
        None => records.iter().map(|record| annotated(&dataset, record)).collect::<Result<_>>()?,
        Some(results) if is_video => tracks_found(file, results, &records, args.score_threshold)?,
        Some(results) => objects_found(file, results, &records, args.score_threshold)?,
    };
    for ((record, name), tracks) in records.iter().zip(&names).zip(&found) {
        let frames = (0..record.frames.len()).map(|index| frame(record, index, tracks));
        let path = if is_video {
            album.write(name, frames)?
        } else {
            picture(&album, args.output.join(name), frames)?
        };
        let count = record.frames.len();
        output::print_line(&format!(
            "{}: {}, {}, {}",
            path.display(),
            file.display(),
            output::counted(count, ["frame", "frames"]),
            output::counted(tracks.len(), ["object", "objects"])
        ));
    }
    Ok(())
}

fn source(args: &DataShowArgs, file: &Path) -> Result<DatasetSource> {
    Ok(DatasetSource {
        name: file.display().to_string(),
        kind: DatasetKind::of_file(file)?,
        json: file.to_path_buf(),
        image_root: args.images.clone().unwrap_or_else(|| image_root(file)),
        classes: None,
    })
}

/// The videos that are drawn: of those that are asked for, or of all, those with frames on the disk.
fn chosen<'a>(
    args: &DataShowArgs,
    dataset: &'a AnnotatedVideos,
    missing: &mut MissingFrames<'_>,
) -> Result<Vec<&'a VideoRecord>> {
    if args.videos.is_empty() {
        let drawable = dataset.videos.iter().filter(|record| missing.look_for(record));
        return Ok(drawable.take(args.count as usize).collect());
    }
    let find = |id: &String| {
        let record = dataset.videos.iter().find(|record| name_of(dataset, record) == *id);
        record.with_context(|| {
            let known: Vec<String> =
                dataset.videos.iter().take(5).map(|record| name_of(dataset, record)).collect();
            format!(
                "--videos {id}: expected the id of a video or image of {}, such as {}, found another one",
                dataset.path.display(),
                known.join(", ")
            )
        })
    };
    let mut records = args.videos.iter().map(find).collect::<Result<Vec<_>>>()?;
    records.retain(|record| missing.look_for(record));
    Ok(records)
}

/// The id as the file has it, without characters that are no part of a file's name.
fn name_of(dataset: &AnnotatedVideos, record: &VideoRecord) -> String {
    let id = dataset.video_ids.id(record.id as i64).to_string();
    id.trim_matches('"').replace(['/', '\\'], "_")
}

fn annotated(dataset: &AnnotatedVideos, record: &VideoRecord) -> Result<Vec<Track>> {
    let track = |track: &seqformer_data::TrackAnnotation| -> Result<Track> {
        let mut masks = Vec::with_capacity(track.frames.len());
        for frame in &track.frames {
            let mask = frame.as_ref().map(|frame| frame.segmentation.to_mask(record.size));
            let mask = mask.transpose().with_context(|| {
                format!(
                    "{}: annotation {}: the mask cannot be used",
                    dataset.path.display(),
                    track.id
                )
            })?;
            masks.push(mask.map(|mask| Rle::encode(&mask)));
        }
        let name = label(dataset.categories.names().get(track.category), track.id);
        let label = if track.is_crowd { format!("{name} crowd") } else { name };
        Ok(Track { number: track.id, label, masks })
    };
    record.tracks.iter().map(track).collect()
}

/// The results above the threshold for each of the videos.
fn tracks_found(
    file: &Path,
    results: &Path,
    records: &[&VideoRecord],
    threshold: f64,
) -> Result<Vec<Vec<Track>>> {
    let truth = GroundTruth::read(file)?;
    let names: Vec<String> = truth.categories().map(|category| category.name.clone()).collect();
    let results = Results::read(results)?;
    let evaluator = YtvisEvaluator::new(&truth);
    let videos = evaluator.videos(&results)?;
    let of_record = |record: &&VideoRecord| -> Result<Vec<Track>> {
        let video = videos.iter().find(|video| video.video().id == record.id as i64);
        let found = video.map(PairedVideo::results).unwrap_or_default();
        let good = found.iter().filter(|result| result.score() > threshold);
        let track = |result: &seqformer_evaluation::PairedResult<'_>| -> Result<Track> {
            Ok(Track {
                number: result.index() as u64,
                label: scored(names.get(result.category), result.score()),
                masks: result.masks()?,
            })
        };
        good.map(track).collect()
    };
    records.iter().map(of_record).collect()
}

/// The results above the threshold for each of the images.
fn objects_found(
    file: &Path,
    results: &Path,
    records: &[&VideoRecord],
    threshold: f64,
) -> Result<Vec<Vec<Track>>> {
    let truth = CocoGroundTruth::read(file)?;
    let results = CocoResults::read(results)?;
    let classes: BTreeMap<i64, String> =
        truth.categories().map(|category| (category.id, category.name.clone())).collect();
    let of_record = |record: &&VideoRecord| -> Result<Vec<Track>> {
        let Some(image) = truth.images().find(|image| image.id == record.id as i64) else {
            return Ok(Vec::new());
        };
        let found = results.of_image(image, truth.image_ids(), truth.category_ids())?;
        let good = found.into_iter().filter(|result| result.score > threshold).enumerate();
        let tracks = good.map(|(number, result)| Track {
            number: number as u64,
            label: scored(classes.get(&result.category_id), result.score),
            masks: vec![Some(result.mask)],
        });
        Ok(tracks.collect())
    };
    records.iter().map(of_record).collect()
}

fn scored(class: Option<&String>, score: f64) -> String {
    format!("{} {score:.2}", class.map_or("?", String::as_str))
}

/// A frame and the objects in it; a plain one where there is no file.
fn frame(record: &VideoRecord, index: usize, tracks: &[Track]) -> Result<(RgbImage, Vec<Object>)> {
    let unchanged = TestMapper { short_edge: 0, max_size: u32::MAX };
    let image = if record.frames.get(index).is_some_and(|path| is_missing(path)) {
        let pixels = vec![PLAIN_GROUND; 3 * record.size.num_pixels() as usize];
        RgbImage { size: record.size, pixels }
    } else {
        unchanged.map_frame(record, index)?
    };
    let object = |track: &Track| {
        let mask = track.masks.get(index)?.clone()?;
        Some(Object { number: track.number, label: track.label.clone(), mask })
    };
    Ok((image, tracks.iter().filter_map(object).collect()))
}

/// Writes the only frame of an image.
fn picture(
    album: &Album<'_>,
    path: PathBuf,
    frames: impl Iterator<Item = Result<(RgbImage, Vec<Object>)>>,
) -> Result<PathBuf> {
    for frame in frames.take(1) {
        let (mut image, objects) = frame?;
        album.draw(&mut image, &objects)?;
        write_jpeg(&path, &image)?;
    }
    Ok(path)
}
