//! Writes the frames and the annotation file of a split.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use seqformer_masks::{BitMask, BoxXywh, Rle};
use serde::Serialize;
use serde_json::Value;
use turbojpeg::{Image, PixelFormat, Subsamp};

use super::scene::Scene;
use super::{Shape, SynthLayout, SynthOptions};
use crate::random::{Purpose, Random};
use crate::{Categories, DataError, DatasetSource, RgbImage};

const JPEG_QUALITY: i32 = 90;

#[derive(Debug, Default, Serialize)]
pub(super) struct AnnotationFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) videos: Option<Vec<VideoEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Vec<ImageEntry>>,
    pub(super) categories: Vec<CategoryEntry>,
    pub(super) annotations: Vec<Annotation>,
}

#[derive(Debug, Serialize)]
pub(super) struct VideoEntry {
    pub(super) id: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) length: usize,
    pub(super) file_names: Vec<String>,
    /// The categories of which every object is annotated, if not all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exhaustive_category_ids: Option<Vec<Value>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ImageEntry {
    id: usize,
    width: u32,
    height: u32,
    file_name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct CategoryEntry {
    pub(super) id: Value,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supercategory: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Annotation {
    Track(TrackEntry),
    Object(ObjectEntry),
}

#[derive(Debug, Serialize)]
pub(super) struct TrackEntry {
    pub(super) id: usize,
    pub(super) video_id: usize,
    pub(super) category_id: Value,
    pub(super) iscrowd: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) length: usize,
    pub(super) bboxes: Vec<Option<[f64; 4]>>,
    pub(super) areas: Vec<Option<u64>>,
    pub(super) segmentations: Vec<Option<MaskEntry>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ObjectEntry {
    id: usize,
    image_id: usize,
    category_id: u64,
    iscrowd: u8,
    bbox: [f64; 4],
    area: u64,
    segmentation: MaskEntry,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum MaskEntry {
    Compressed(Rle),
    Plain { size: [u32; 2], counts: Vec<u32> },
}

impl MaskEntry {
    fn new(mask: &BitMask, layout: SynthLayout) -> Self {
        let rle = Rle::encode(mask);
        if layout.is_compressed() {
            return Self::Compressed(rle);
        }
        let size = [rle.size().height, rle.size().width];
        Self::Plain { size, counts: rle.counts().to_vec() }
    }
}

/// Writes `count` videos or images, and finally the annotation file.
pub(super) fn write_split(
    options: &SynthOptions,
    source: &DatasetSource,
    purpose: Purpose,
    count: usize,
) -> Result<(), DataError> {
    create_folder(&source.image_root)?;
    let categories = options.layout.categories(options.num_classes);
    let mut file =
        AnnotationFile { categories: category_entries(&categories), ..AnnotationFile::default() };
    // A split without videos has an empty list, not a missing one.
    match options.layout {
        SynthLayout::Coco => file.images = Some(Vec::new()),
        _ => file.videos = Some(Vec::new()),
    }
    for index in 0..count {
        let mut random = Random::new(options.seed, purpose, index as u64);
        if options.layout == SynthLayout::Coco {
            write_image(options, source, &categories, &mut random, &mut file)?;
        } else {
            write_video(options, source, &categories, &mut random, &mut file)?;
        }
    }
    if let Some(folder) = source.json.parent() {
        create_folder(folder)?;
    }
    write_json(&source.json, &file)
        .map_err(|error| DataError::Write { path: source.json.clone(), source: error })
}

fn category_entries(categories: &Categories) -> Vec<CategoryEntry> {
    let pairs = categories.ids().iter().zip(categories.names());
    let entry = |(&id, name): (&u64, &String)| CategoryEntry {
        id: id.into(),
        name: name.clone(),
        supercategory: Some("object"),
    };
    pairs.map(entry).collect()
}

fn write_video(
    options: &SynthOptions,
    source: &DatasetSource,
    categories: &Categories,
    random: &mut Random,
    file: &mut AnnotationFile,
) -> Result<(), DataError> {
    let length = random.between(options.min_frames as u32, options.max_frames as u32) as usize;
    let scene = Scene::draw(random, options.size, length, options.num_classes);
    let id = file.videos.get_or_insert_default().len() + 1;
    let folder = format!("video_{id:05}");
    create_folder(&source.image_root.join(&folder))?;
    let mut tracks: Vec<Vec<Option<BitMask>>> = vec![Vec::new(); scene.objects().len()];
    let mut file_names = Vec::with_capacity(length);
    for index in 0..length {
        let frame = scene.render(index, options.size);
        let name = format!("{folder}/{index:05}.jpg");
        write_jpeg(&source.image_root.join(&name), &frame.image)?;
        file_names.push(name);
        for (track, mask) in tracks.iter_mut().zip(frame.masks) {
            track.push(mask);
        }
    }
    let (width, height) = (options.size.width, options.size.height);
    let video = VideoEntry { id, width, height, length, file_names, exhaustive_category_ids: None };
    file.videos.get_or_insert_default().push(video);
    for (object, masks) in scene.objects().iter().zip(tracks) {
        if masks.iter().all(Option::is_none) {
            continue;
        }
        file.annotations.push(Annotation::Track(TrackEntry {
            id: file.annotations.len() + 1,
            video_id: id,
            category_id: category_id(categories, object.shape).into(),
            iscrowd: 0,
            width,
            height,
            length,
            bboxes: masks.iter().map(|mask| mask.as_ref().and_then(bbox)).collect(),
            areas: masks.iter().map(|mask| mask.as_ref().map(BitMask::area)).collect(),
            segmentations: masks
                .iter()
                .map(|mask| mask.as_ref().map(|mask| MaskEntry::new(mask, options.layout)))
                .collect(),
        }));
    }
    Ok(())
}

fn write_image(
    options: &SynthOptions,
    source: &DatasetSource,
    categories: &Categories,
    random: &mut Random,
    file: &mut AnnotationFile,
) -> Result<(), DataError> {
    let scene = Scene::draw(random, options.size, 1, options.num_classes);
    let frame = scene.render(0, options.size);
    let id = file.images.get_or_insert_default().len() + 1;
    let file_name = format!("{id:012}.jpg");
    write_jpeg(&source.image_root.join(&file_name), &frame.image)?;
    let (width, height) = (options.size.width, options.size.height);
    file.images.get_or_insert_default().push(ImageEntry { id, width, height, file_name });
    for (object, mask) in scene.objects().iter().zip(frame.masks) {
        let Some((mask, bbox)) = mask.and_then(|mask| bbox(&mask).map(|bbox| (mask, bbox))) else {
            continue;
        };
        file.annotations.push(Annotation::Object(ObjectEntry {
            id: file.annotations.len() + 1,
            image_id: id,
            category_id: category_id(categories, object.shape),
            iscrowd: 0,
            bbox,
            area: mask.area(),
            segmentation: MaskEntry::new(&mask, options.layout),
        }));
    }
    Ok(())
}

/// Returns the id in the file of a shape's class.
fn category_id(categories: &Categories, shape: Shape) -> u64 {
    let position = Shape::ALL.iter().position(|&other| other == shape).unwrap_or_default();
    categories.ids()[position]
}

pub(super) fn bbox(mask: &BitMask) -> Option<[f64; 4]> {
    let BoxXywh { x, y, width, height } = mask.bounding_box()?.into();
    Some([x, y, width, height])
}

pub(super) fn create_folder(path: &Path) -> Result<(), DataError> {
    fs::create_dir_all(path).map_err(|source| DataError::Write { path: path.to_owned(), source })
}

pub(super) fn write_jpeg(path: &Path, image: &RgbImage) -> Result<(), DataError> {
    let raw = Image {
        pixels: image.pixels.as_slice(),
        width: image.size.width as usize,
        pitch: 3 * image.size.width as usize,
        height: image.size.height as usize,
        format: PixelFormat::RGB,
    };
    let bytes = turbojpeg::compress(raw, JPEG_QUALITY, Subsamp::Sub2x2).map_err(io::Error::other);
    bytes
        .and_then(|bytes| fs::write(path, &*bytes))
        .map_err(|source| DataError::Write { path: path.to_owned(), source })
}

pub(super) fn write_json(path: &Path, file: &AnnotationFile) -> io::Result<()> {
    seqformer_files::replace(path, |to| {
        let mut writer = BufWriter::new(to);
        serde_json::to_writer(&mut writer, file)?;
        writer.flush()
    })
}
