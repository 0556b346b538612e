//! Results as a table (CSV, RFC 4180): a row for each object on each frame.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use seqformer_convert::Track;
use seqformer_masks::{BoxXywh, Rle};

use crate::found::{Export, FoundVideo};

/// The names of the columns. Frames are counted from 0, times are seconds and empty for images, and the box and the area of the
/// mask are in pixels.
const HEADER: &str =
    "video,video_id,frame,time,file_name,track_id,category_id,class,score,x,y,width,height,area";

/// Writes the table.
pub(crate) fn write(export: &Export, file: &mut File) -> io::Result<()> {
    let mut table = BufWriter::new(file);
    writeln!(table, "{HEADER}")?;
    for found in &export.videos {
        let video = &found.video;
        let mut walks: Vec<_> =
            video.tracks.iter().map(|track| (track, track.shapes.frames())).collect();
        for frame in 0..video.length {
            for (track, shapes) in &mut walks {
                let mask = shapes.next().flatten().and_then(|shape| shape.draw(video.size));
                if let Some(mask) = mask {
                    writeln!(table, "{}", row(export, found, (track, frame), &mask))?;
                }
            }
        }
    }
    table.flush()
}

fn row(export: &Export, found: &FoundVideo, (track, frame): (&Track, usize), mask: &Rle) -> String {
    let video = &found.video;
    let class = export.categories.iter().find(|category| category.id == track.category_id);
    let time = found.timing.as_ref().and_then(|timing| timing.times.get(frame));
    let file_name = video.file_names.as_ref().and_then(|names| names.get(frame));
    // The scores of the network have this precision.
    let score = track.score.map(|score| score as f32);
    let BoxXywh { x, y, width, height } = mask.bounding_box();
    let number = |number: Option<String>| number.unwrap_or_default();
    [
        quoted(&video.name),
        video.id.to_string().into(),
        frame.to_string().into(),
        number(time.map(ToString::to_string)).into(),
        quoted(file_name.map_or("", String::as_str)),
        track.id.to_string().into(),
        track.category_id.to_string().into(),
        quoted(class.map_or("", |class| &class.name)),
        number(score.map(|score| score.to_string())).into(),
        x.to_string().into(),
        y.to_string().into(),
        width.to_string().into(),
        height.to_string().into(),
        mask.area().to_string().into(),
    ]
    .join(",")
}

/// Puts a text into quotes where it would be read as something else.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\"")).into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_with_marks_of_the_format_are_quoted() {
        assert_eq!(quoted("giant panda"), "giant panda");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("a\nb"), "\"a\nb\"");
    }
}
