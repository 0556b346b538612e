//! Writes videos of moving cut-outs as a dataset.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fs, io, thread};

use seqformer_annotations::Id;
use seqformer_files::{Outputs, TemporaryFolder};
use serde_json::Value;

use super::composed_video::{
    BoxedMask, ComposedTrack, ComposedVideo, annotation_file, frame_name, to_json, video_name,
};
use super::writer::{create_folder, write_jpeg, write_json};
use crate::cutouts::{CutoutPool, CutoutScene, SceneObject, SceneSettings};
use crate::random::{Purpose, Random};
use crate::{AnnotatedVideos, DataError, read_coco};

/// The annotation file in the output folder, and the folder of the frames.
const ANNOTATIONS: &str = "train.json";
const FRAMES: &str = "JPEGImages";

/// Which videos of cut-outs to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutoutOptions {
    /// The COCO file.
    pub annotations: PathBuf,
    /// The folder of its images.
    pub images: PathBuf,
    /// The output folder, created if missing.
    pub output: PathBuf,
    /// Number of videos.
    pub num_videos: usize,
    /// Minimum and maximum number of frames of a video.
    pub frames: RangeInclusive<usize>,
    /// Short side of the frames in pixels.
    pub short_side: u32,
    /// Minimum and maximum number of cut-outs of a video.
    pub objects: RangeInclusive<usize>,
    /// The random seed.
    pub seed: u64,
    /// Number of threads; it does not change the videos.
    pub num_workers: usize,
}

/// A COCO file from which videos are made.
#[derive(Debug)]
pub struct CutoutSet {
    options: CutoutOptions,
    pictures: AnnotatedVideos,
    pool: CutoutPool,
}

impl CutoutOptions {
    fn check(&self) -> Result<(), DataError> {
        let wrong = |option: &'static str, expected: String, found: String| {
            Err(DataError::SynthOption { option, expected, found })
        };
        let range = |range: &RangeInclusive<usize>| format!("{} to {}", range.start(), range.end());
        if !(1..=99_999).contains(&self.num_videos) {
            return wrong("videos", "1 to 99999 videos".to_owned(), self.num_videos.to_string());
        }
        if *self.frames.start() == 0 || self.frames.is_empty() || *self.frames.end() > 10_000 {
            let expected = "a range within 1 to 10000".to_owned();
            return wrong("frames", expected, range(&self.frames));
        }
        if !(32..=4096).contains(&self.short_side) {
            let expected = "a short side of 32 to 4096 pixels".to_owned();
            return wrong("size", expected, self.short_side.to_string());
        }
        let most = SceneSettings::MAX_OBJECTS;
        if *self.objects.start() == 0 || self.objects.is_empty() || *self.objects.end() > most {
            let expected = format!("a range within 1 to {most}");
            return wrong("objects", expected, range(&self.objects));
        }
        Ok(())
    }

    fn annotation_path(&self) -> PathBuf {
        self.output.join(ANNOTATIONS)
    }

    fn frame_folder(&self) -> PathBuf {
        self.output.join(FRAMES)
    }

    /// Checks that no output replaces anything.
    fn check_outputs(&self) -> Result<(), DataError> {
        let mut outputs = Outputs::new(false);
        outputs.add_input(&self.annotations);
        outputs.add_input(&self.images);
        for path in [self.annotation_path(), self.frame_folder()] {
            outputs.claim_own(&path)?;
            if path.symlink_metadata().is_ok() {
                return Err(DataError::OutputExists { path });
            }
        }
        Ok(())
    }
}

impl CutoutSet {
    /// Reads the annotations and checks everything that can be checked before the work.
    ///
    /// # Errors
    ///
    /// Options out of range, an output that exists or is an input, an annotation file that cannot be used, images that
    /// do not exist, and annotations without an object that can be cut out.
    pub fn open(options: CutoutOptions) -> Result<Self, DataError> {
        options.check()?;
        options.check_outputs()?;
        let pictures = read_coco(&options.annotations, &options.images)?;
        let num_pictures = pictures.videos.len();
        let files = pictures.videos.iter().flat_map(|picture| &picture.frames);
        let missing: Vec<&PathBuf> = files.filter(|file| !file.is_file()).collect();
        if let Some(&first) = missing.first() {
            return Err(DataError::MissingImages {
                path: options.annotations,
                num_pictures,
                num_missing: missing.len(),
                first: first.clone(),
            });
        }
        let pool = CutoutPool::new(&pictures.videos);
        if pool.backgrounds().is_empty() {
            return Err(DataError::NothingToCutOut {
                path: options.annotations,
                num_pictures,
                num_objects: pool.num_objects(),
                left_out: pool.left_out().to_string(),
            });
        }
        Ok(Self { options, pictures, pool })
    }

    /// Returns what the user should know of the annotations.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.pictures.notes.clone();
        notes.push(format!(
            "{} objects of {} pictures can be cut out; left out: {}",
            self.pool.num_objects(),
            self.pictures.videos.len(),
            self.pool.left_out()
        ));
        notes
    }

    /// Writes the videos, and calls `progress` with the number of finished ones. Frames and annotations appear when all
    /// are complete. Returns the annotation file.
    ///
    /// # Errors
    ///
    /// A picture that cannot be read or has another size than the annotations say, and files that cannot be written.
    pub fn write(&self, progress: &mut dyn FnMut(usize)) -> Result<PathBuf, DataError> {
        let frames = self.options.frame_folder();
        create_folder(&self.options.output)?;
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source: io::Error| DataError::Write { path, source }
        };
        let folder = TemporaryFolder::beside(&frames).map_err(failed(&frames))?;
        let videos = self.compose_all(folder.path(), progress)?;
        let categories = self.pictures.categories.names().iter().enumerate();
        let categories = categories.map(|(index, name)| (self.category_id(index), name.clone()));
        let file = annotation_file(categories, videos);
        let json = self.options.annotation_path();
        // Nothing is left half-written: a name that was taken meanwhile is not replaced.
        self.options.check_outputs()?;
        fs::rename(folder.path(), &frames).map_err(failed(&frames))?;
        folder.keep();
        write_json(&json, &file).map_err(failed(&json))?;
        Ok(json)
    }

    /// Composes the videos on several threads. The order of the result does not depend on them.
    fn compose_all(
        &self,
        folder: &Path,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<ComposedVideo>, DataError> {
        let count = self.options.num_videos;
        let (next, is_stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, finished) = crossbeam_channel::unbounded();
        let work = |sender: crossbeam_channel::Sender<_>| {
            while !is_stopped.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return;
                }
                let video = self.compose(index, folder);
                if video.is_err() {
                    is_stopped.store(true, Ordering::Relaxed);
                }
                if sender.send((index, video)).is_err() {
                    return;
                }
            }
        };
        let mut videos = BTreeMap::new();
        thread::scope(|scope| {
            for _ in 0..self.options.num_workers.clamp(1, count) {
                let (sender, work) = (sender.clone(), &work);
                scope.spawn(move || work(sender));
            }
            drop(sender);
            for (index, video) in finished {
                videos.insert(index, video);
                progress(videos.len());
            }
        });
        // Videos are begun in their order, so this is the same error for any number of threads.
        videos.into_values().collect()
    }

    /// Composes a video and writes its frames.
    fn compose(&self, index: usize, folder: &Path) -> Result<ComposedVideo, DataError> {
        let options = &self.options;
        let mut random = Random::new(options.seed, Purpose::Cutouts, index as u64);
        let backgrounds = self.pool.backgrounds();
        let background = backgrounds[random.index(backgrounds.len())];
        let (fewest, most) = (*options.frames.start() as u32, *options.frames.end() as u32);
        let length = random.between(fewest, most) as usize;
        let records = &self.pictures.videos;
        let size = SceneSettings::frame_size(records[background].size, options.short_side);
        let settings = SceneSettings { num_frames: length, size, objects: options.objects.clone() };
        let scene = CutoutScene::draw(records, &self.pool, background, &settings, &mut random)?;
        let own = folder.join(video_name(index));
        create_folder(&own)?;
        let objects = scene.objects();
        let mut masks: Vec<Vec<Option<BoxedMask>>> = objects.iter().map(|_| Vec::new()).collect();
        for frame in 0..length {
            let rendered = scene.render(frame);
            write_jpeg(&own.join(frame_name(frame)), &rendered.image)?;
            for (masks, mask) in masks.iter_mut().zip(&rendered.masks) {
                masks.push(mask.as_ref().and_then(BoxedMask::new));
            }
        }
        let track = |(object, masks): (&SceneObject, Vec<Option<BoxedMask>>)| {
            let is_seen = masks.iter().any(Option::is_some);
            is_seen.then(|| ComposedTrack {
                category_id: to_json(&self.category_id(object.category)),
                is_crowd: object.is_crowd,
                masks,
            })
        };
        let tracks = objects.iter().zip(masks).filter_map(track).collect();
        let exhaustive_category_ids = self.complete_classes(background);
        Ok(ComposedVideo { size, length, exhaustive_category_ids, tracks })
    }

    fn category_id(&self, category: usize) -> Id {
        self.pictures.category_ids.id(self.pictures.categories.ids()[category] as i64)
    }

    /// Returns the classes of which every object in a video over this picture is annotated; `None` for all.
    ///
    /// Cut-outs are annotated themselves and bring nothing else with them, so these are the classes that are complete
    /// in the picture.
    fn complete_classes(&self, background: usize) -> Option<Vec<Value>> {
        let complete = self.pictures.videos[background].exhaustive.as_ref()?;
        Some(complete.iter().map(|&category| to_json(&self.category_id(category))).collect())
    }
}

#[cfg(test)]
mod tests;
