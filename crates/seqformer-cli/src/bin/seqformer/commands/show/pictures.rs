//! Pictures or films with objects drawn over their frames.

use std::path::PathBuf;

use anyhow::Result;
use seqformer_data::RgbImage;
use seqformer_files::Outputs;
use seqformer_masks::Rle;
use seqformer_video::{
    FfmpegLocation, Fonts, FrameSink, OverlayObject, draw_overlay_with_fonts, track_color,
};

use crate::args::DataShowArgs;

/// Frames of a film per second, as most datasets of videos have them.
const FILM_RATE: f64 = 5.0;

/// An object in one frame.
pub(super) struct Object {
    /// Decides the colour: the same in all frames.
    pub(super) number: u64,
    pub(super) label: String,
    pub(super) mask: Rle,
}

/// Where pictures go.
pub(super) struct Album<'a> {
    args: &'a DataShowArgs,
    ffmpeg: FfmpegLocation,
    given_font: Option<Fonts>,
}

impl<'a> Album<'a> {
    /// # Errors
    ///
    /// A font that cannot be read.
    pub(super) fn new(args: &'a DataShowArgs) -> Result<Self> {
        let ffmpeg = FfmpegLocation::find(args.ffmpeg.as_deref());
        let given_font = args.font.as_deref().map(Fonts::with_file).transpose()?;
        Ok(Self { args, ffmpeg, given_font })
    }

    /// Claims what [`Self::write`] writes under `name`.
    ///
    /// # Errors
    ///
    /// If something is there, unless it may be replaced.
    pub(super) fn claim(&self, name: &str, outputs: &mut Outputs) -> Result<()> {
        let path = self.path(name);
        if self.args.film {
            // Without ffmpeg.
            outputs.claim(&path.with_extension("gif"))?;
        }
        Ok(outputs.claim(&path)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        let name = if self.args.film { format!("{name}.mp4") } else { name.to_owned() };
        self.args.output.join(name)
    }

    /// Writes the frames as a folder of pictures or as a film, and returns its path.
    ///
    /// # Errors
    ///
    /// A frame that cannot be made or drawn on, and what cannot be written.
    pub(super) fn write(
        &self,
        name: &str,
        frames: impl Iterator<Item = Result<(RgbImage, Vec<Object>)>>,
    ) -> Result<PathBuf> {
        let path = self.path(name);
        let mut sink = if self.args.film {
            FrameSink::video(&path, FILM_RATE, &self.ffmpeg)?
        } else {
            FrameSink::folder(&path)?
        };
        for frame in frames {
            let (mut image, objects) = frame?;
            self.draw(&mut image, &objects)?;
            sink.write(&image)?;
        }
        Ok(sink.finish()?.path)
    }

    /// Draws objects over an image.
    pub(super) fn draw(&self, image: &mut RgbImage, objects: &[Object]) -> Result<()> {
        let drawn = objects.iter().map(|object| OverlayObject {
            mask: &object.mask,
            color: track_color(object.number),
            label: object.label.clone(),
        });
        let fonts = self.given_font.as_ref().unwrap_or(Fonts::of_system());
        Ok(draw_overlay_with_fonts(image, &drawn.collect::<Vec<_>>(), fonts)?)
    }
}
