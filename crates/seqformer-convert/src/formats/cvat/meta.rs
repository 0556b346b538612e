//! The description of a task.

use seqformer_annotations::Fault;
use seqformer_masks::ImageSize;

use crate::ConvertError;
use crate::xml::{Node, XmlFile};

/// No video has more frames: a larger number is a mistake.
const MAX_FRAMES: u32 = 1 << 20;

/// The description of a task in a file.
#[derive(Debug)]
pub(super) struct Meta {
    /// Its name.
    pub(super) name: Option<String>,
    /// How many frames it has.
    pub(super) num_frames: Option<u32>,
    /// The number in the film of the first frame.
    pub(super) start: u32,
    /// How many frames of the film the frames are apart.
    pub(super) step: u32,
    /// The names of the classes.
    pub(super) labels: Vec<String>,
    height: Option<u32>,
    width: Option<u32>,
    num_tasks: usize,
}

impl Default for Meta {
    /// A task without a description.
    fn default() -> Self {
        let (name, num_frames, labels) = (None, None, Vec::new());
        Self {
            name,
            num_frames,
            start: 0,
            step: 1,
            labels,
            height: None,
            width: None,
            num_tasks: 0,
        }
    }
}

impl Meta {
    /// Reads the rest of the element `meta`.
    pub(super) fn read(file: &mut XmlFile) -> Result<Self, ConvertError> {
        let mut meta = Self::default();
        let mut text = String::new();
        while let Some(node) = file.next()? {
            match node {
                Node::Open(element) => {
                    meta.num_tasks += usize::from(element.name == "task");
                    text.clear();
                }
                Node::Text(more) => text.push_str(&more),
                Node::Close(name) if name == "meta" => break,
                Node::Close(name) => {
                    let outer = file.stack().last().map_or("", String::as_str);
                    let taken = meta.take(outer, &name, text.trim());
                    taken.map_err(|fault| ConvertError::wrong(file.path(), "meta", fault))?;
                    text.clear();
                }
            }
        }
        if meta.num_tasks > 1 {
            let found = format!("{} tasks", meta.num_tasks);
            let fault = Fault::new("", "one task", found, "export every task on its own");
            return Err(ConvertError::wrong(file.path(), "meta", fault));
        }
        Ok(meta)
    }

    fn take(&mut self, outer: &str, name: &str, text: &str) -> Result<(), Fault> {
        let number = |text: &str, max: u32| {
            let number = text.parse::<u32>().ok().filter(|&number| number <= max);
            let expected = format!("a whole number from 0 to {max}");
            number.ok_or_else(|| Fault::new(name, expected, format!("{text:?}"), "correct it"))
        };
        match (outer, name) {
            ("task" | "job", "name") => self.name = Some(text.to_owned()),
            ("task" | "job", "size") => self.num_frames = Some(number(text, MAX_FRAMES)?),
            ("task" | "job", "start_frame") => self.start = number(text, u32::MAX)?,
            ("task" | "job", "frame_filter") => {
                if let Some((_, step)) = text.split_once("step=") {
                    self.step = number(step.trim(), MAX_FRAMES)?.max(1);
                }
            }
            ("original_size", "width") => self.width = Some(number(text, u32::MAX)?),
            ("original_size", "height") => self.height = Some(number(text, u32::MAX)?),
            ("label", "name") => self.labels.push(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Returns whether the task is a video, of which size and length are known.
    pub(super) fn is_of_video(&self) -> bool {
        self.num_frames.is_some() && self.height.is_some()
    }

    /// Returns the size of all frames: the one in the file, otherwise the `given` one.
    pub(super) fn size(&self, given: Option<ImageSize>) -> Result<ImageSize, Fault> {
        let size = self.height.zip(self.width).map(|(height, width)| ImageSize { height, width });
        let size = size.or(given).ok_or_else(|| {
            let mend = "name the size with --size WIDTHxHEIGHT";
            Fault::new(
                "original_size",
                "the width and height of the video",
                "no such element",
                mend,
            )
        })?;
        size.checked().map_err(|error| Fault::of_mask(&error))?;
        if size.num_pixels() == 0 {
            let expected = "1 pixel or more a side";
            return Err(Fault::new("original_size", expected, size.to_string(), "correct it"));
        }
        Ok(size)
    }

    /// Returns the frame of a number in the film.
    pub(super) fn frame(&self, number_in_film: u32) -> Result<usize, Fault> {
        let offset =
            number_in_film.checked_sub(self.start).filter(|offset| offset % self.step == 0);
        let frame = offset.map(|offset| offset / self.step).filter(|&frame| frame < MAX_FRAMES);
        frame.map(|frame| frame as usize).ok_or_else(|| {
            let expected = match self.step {
                1 => format!("a frame from {} on", self.start),
                step => format!("frame {} and every {step} frames after it", self.start),
            };
            let mend = "correct it, or export the task again";
            Fault::new("frame", expected, number_in_film.to_string(), mend)
        })
    }
}
