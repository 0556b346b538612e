//! Writing tasks: a file of tracks for each video, or one file for images.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use seqformer_masks::{BoxXywh, Polygon};

use super::read::Cvat;
use crate::contour::{outline, outlines};
use crate::dataset::{Dataset, Occlusion, Shape, Track, Video};
use crate::frames::{Held, count_marks};
use crate::interface::FolderWriter;
use crate::{ConvertError, Notes, names};

impl FolderWriter for Cvat {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        for video in &dataset.videos {
            count_marks(video, Held { occlusion: true, ..Held::default() }, notes);
        }
        if dataset.has_images_only() {
            let path = folder.join("annotations.xml");
            return write_file(&path, |xml| images(xml, dataset, notes));
        }
        for video in &dataset.videos {
            let inside = names::inside(&video.name)
                .map_err(|fault| ConvertError::Name { place: video.place(), fault })?;
            let mut path = folder.join(inside).into_os_string();
            path.push(".xml");
            let path = Path::new(&path);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)
                .map_err(|source| ConvertError::write(parent, source))?;
            write_file(path, |xml| tracks(xml, (dataset, video), notes))?;
        }
        if dataset.videos.len() > 1 {
            notes.say("CVAT has a file for each task: every video is one");
        }
        Ok(())
    }
}

type Xml = Writer<BufWriter<File>>;

fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> Result<(), ConvertError> {
    let write = || {
        let mut xml = Writer::new_with_indent(BufWriter::new(File::create(path)?), b' ', 2);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        within(&mut xml, "annotations", |xml| {
            text(xml, "version", "1.1")?;
            fill(xml)
        })?;
        io::Write::flush(xml.get_mut())
    };
    write().map_err(|source| ConvertError::write(path, source))
}

fn within(
    xml: &mut Xml,
    name: &str,
    fill: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    element(xml, BytesStart::new(name), fill)
}

fn element(
    xml: &mut Xml,
    start: BytesStart<'_>,
    fill: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    xml.write_event(Event::Start(start))?;
    fill(xml)?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}

fn text(xml: &mut Xml, name: &str, value: &str) -> io::Result<()> {
    xml.write_event(Event::Start(BytesStart::new(name)))?;
    xml.write_event(Event::Text(BytesText::new(value)))?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}

/// Writes what a task is called, how long it is, and its classes.
fn meta(
    xml: &mut Xml,
    dataset: &Dataset,
    mode: &str,
    more: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    within(xml, "meta", |xml| {
        within(xml, "task", |xml| {
            text(xml, "mode", mode)?;
            more(xml)?;
            within(xml, "labels", |xml| {
                for category in &dataset.categories {
                    within(xml, "label", |xml| {
                        text(xml, "name", &category.name)?;
                        text(xml, "attributes", "")
                    })?;
                }
                Ok(())
            })
        })
    })
}

fn tracks(
    xml: &mut Xml,
    (dataset, video): (&Dataset, &Video),
    notes: &mut Notes,
) -> io::Result<()> {
    meta(xml, dataset, "interpolation", |xml| {
        text(xml, "name", &video.name)?;
        text(xml, "size", &video.length.to_string())?;
        text(xml, "start_frame", "0")?;
        text(xml, "stop_frame", &video.length.saturating_sub(1).to_string())?;
        within(xml, "original_size", |xml| {
            text(xml, "width", &video.size.width.to_string())?;
            text(xml, "height", &video.size.height.to_string())
        })
    })?;
    notes.say("CVAT numbers frames from 0: the names of image files are lost");
    for track in &video.tracks {
        let mut start = BytesStart::new("track");
        start.push_attribute(("id", track.id.to_string().as_str()));
        start.push_attribute(("label", dataset.category_name(track.category_id)));
        start.push_attribute(("source", if track.score.is_some() { "auto" } else { "manual" }));
        element(xml, start, |xml| {
            // The shape that is repeated, marked as outside, where the object is no longer visible.
            let mut last: Option<Shape> = None;
            for (frame, shape) in track.shapes.frames().enumerate() {
                match shape {
                    Some(shape) => {
                        let written = one_polygon(&shape, (video, track, frame), notes);
                        if let Some(written) = &written {
                            tracked(xml, written, (track, frame), false)?;
                        }
                        last = written;
                    }
                    None => {
                        if let Some(hidden) = last.take() {
                            tracked(xml, &hidden, (track, frame), true)?;
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn tracked(
    xml: &mut Xml,
    shape: &Shape,
    (track, frame): (&Track, usize),
    is_outside: bool,
) -> io::Result<()> {
    let mut start = shape_element(shape);
    let is_occluded =
        track.occlusion.get(frame).copied().flatten().is_some_and(Occlusion::is_occluded);
    let mark = |is_set: bool| if is_set { "1" } else { "0" };
    start.push_attribute(("frame", frame.to_string().as_str()));
    start.push_attribute(("keyframe", "1"));
    start.push_attribute(("outside", mark(is_outside)));
    start.push_attribute(("occluded", mark(is_occluded)));
    start.push_attribute(("z_order", "0"));
    xml.write_event(Event::Empty(start))
}

fn images(xml: &mut Xml, dataset: &Dataset, notes: &mut Notes) -> io::Result<()> {
    meta(xml, dataset, "annotation", |xml| text(xml, "size", &dataset.videos.len().to_string()))?;
    for (index, video) in dataset.videos.iter().enumerate() {
        let mut start = BytesStart::new("image");
        start.push_attribute(("id", index.to_string().as_str()));
        start.push_attribute(("name", &*video.frame_name(0)));
        start.push_attribute(("width", video.size.width.to_string().as_str()));
        start.push_attribute(("height", video.size.height.to_string().as_str()));
        element(xml, start, |xml| {
            for track in &video.tracks {
                let shape = track.shapes.frames().next().flatten();
                let shape = shape.and_then(|shape| one_polygon(&shape, (video, track, 0), notes));
                let Some(shape) = shape else { continue };
                let hidden = track.occlusion.first().copied().flatten();
                let mut start = shape_element(&shape);
                start.push_attribute(("label", dataset.category_name(track.category_id)));
                start.push_attribute((
                    "occluded",
                    if hidden.is_some_and(Occlusion::is_occluded) { "1" } else { "0" },
                ));
                start.push_attribute(("z_order", "0"));
                xml.write_event(Event::Empty(start))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Converts a shape to one polygon, because an object of CVAT has only one; a box stays a box.
fn one_polygon(
    shape: &Shape,
    (video, track, frame): (&Video, &Track, usize),
    notes: &mut Notes,
) -> Option<Shape> {
    match shape {
        Shape::Box(_) => return Some(shape.clone()),
        Shape::Polygons(polygons) if polygons.len() == 1 => return Some(shape.clone()),
        _ => {}
    }
    let mask = shape.draw(video.size)?;
    if outlines(&mask).len() > 1 {
        let what =
            "masks of several parts become one polygon, with lines without width between the parts";
        notes.count(what, || video.frame_place(track, frame));
    }
    outline(&mask).map(|polygon| Shape::Polygons(Box::new([polygon])))
}

fn shape_element(shape: &Shape) -> BytesStart<'static> {
    if let Shape::Polygons(polygons) = shape {
        let mut start = BytesStart::new("polygon");
        let corners = polygons.first().map_or(&[][..], Polygon::vertices);
        let points: Vec<String> = corners.iter().map(|[x, y]| format!("{x},{y}")).collect();
        start.push_attribute(("points", points.join(";").as_str()));
        return start;
    }
    let BoxXywh { x, y, width, height } = shape.bounding_box();
    let mut start = BytesStart::new("box");
    for (key, value) in [("xtl", x), ("ytl", y), ("xbr", x + width), ("ybr", y + height)] {
        start.push_attribute((key, value.to_string().as_str()));
    }
    start
}
