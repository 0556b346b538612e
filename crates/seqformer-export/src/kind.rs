//! The list of kinds.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use seqformer_convert::Format;
use seqformer_video::FfmpegLocation;
use serde::{Deserialize, Serialize};

/// A kind of files for results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Annotations of YouTube-VIS.
    Ytvis,
    /// Palette PNGs, as DAVIS has them.
    Png,
    /// MOTS as text.
    Mots,
    /// Annotations of COCO: every frame is an image.
    Coco,
    /// COCO with videos.
    Cocovid,
    /// CVAT's XML.
    Cvat,
    /// labelme's JSON files.
    Labelme,
    /// A table with a row for each object on each frame.
    Csv,
    /// The pixels of each object as PNGs on transparent ground.
    Cutout,
    /// The pixels of each object as a film on white ground.
    CutoutVideo,
    /// A film of the masks.
    MaskVideo,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Ytvis,
        Self::Png,
        Self::Mots,
        Self::Coco,
        Self::Cocovid,
        Self::Cvat,
        Self::Labelme,
        Self::Csv,
        Self::Cutout,
        Self::CutoutVideo,
        Self::MaskVideo,
    ];

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ytvis => "ytvis",
            Self::Png => "png",
            Self::Mots => "mots",
            Self::Coco => "coco",
            Self::Cocovid => "cocovid",
            Self::Cvat => "cvat",
            Self::Labelme => "labelme",
            Self::Csv => "csv",
            Self::Cutout => "cutout",
            Self::CutoutVideo => "cutout-video",
            Self::MaskVideo => "mask-video",
        }
    }

    /// Returns the format of annotations that it is; nothing for kinds that are none.
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Ytvis => Some(Format::Ytvis),
            Self::Png => Some(Format::Davis),
            Self::Mots => Some(Format::MotsTxt),
            Self::Coco => Some(Format::Coco),
            Self::Cocovid => Some(Format::Cocovid),
            Self::Cvat => Some(Format::Cvat),
            Self::Labelme => Some(Format::Labelme),
            Self::Csv | Self::Cutout | Self::CutoutVideo | Self::MaskVideo => None,
        }
    }

    /// Tells whether the frames of the video are needed.
    pub fn needs_frames(self) -> bool {
        matches!(self, Self::Cutout | Self::CutoutVideo)
    }

    /// Tells whether films are written, which have times.
    pub fn is_film(self) -> bool {
        matches!(self, Self::CutoutVideo | Self::MaskVideo)
    }

    /// Tells whether `output` is a single file, otherwise a folder: a film of masks is one by its name.
    pub fn is_file(self, output: &Path) -> bool {
        match self {
            Self::Ytvis | Self::Coco | Self::Cocovid | Self::Csv => true,
            Self::MaskVideo => is_film_name(output),
            _ => false,
        }
    }

    /// Returns the name under which `output` is written: a film without ffmpeg is a GIF.
    pub fn written_path(self, output: &Path, ffmpeg: &FfmpegLocation) -> PathBuf {
        let is_film = self == Self::MaskVideo && is_film_name(output);
        if is_film && ffmpeg.path().is_none() {
            return output.with_extension("gif");
        }
        output.to_path_buf()
    }

    /// Tells whether scores are kept, or are of no use, as in pictures.
    pub(crate) fn holds_scores(self) -> bool {
        !matches!(self, Self::Png | Self::Mots | Self::Cvat)
    }

    /// Tells whether a pixel can belong to several objects.
    pub(crate) fn holds_overlap(self) -> bool {
        !matches!(self, Self::Png | Self::Mots | Self::MaskVideo)
    }

    /// Returns the names of the files or folders that the results of a single video may be written to, for files that
    /// begin with `stem`; the first one is the name to ask for.
    pub fn paths(self, folder: &Path, stem: &str) -> Vec<PathBuf> {
        let endings: &[&str] = match self {
            Self::Ytvis => &["ytvis.json"],
            Self::Coco => &["coco.json"],
            Self::Cocovid => &["cocovid.json"],
            Self::Csv => &["csv"],
            // A folder is no picture.
            Self::Png => &["masks"],
            Self::Mots => &["mots"],
            Self::Cvat => &["cvat"],
            Self::Labelme => &["labelme"],
            Self::Cutout => &["cutout"],
            Self::CutoutVideo => &["cutout-video"],
            // A GIF where there is no ffmpeg.
            Self::MaskVideo => &["masks.mp4", "masks.gif"],
        };
        endings.iter().map(|ending| folder.join(format!("{stem}.{ending}"))).collect()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        let names = Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("expected one of {names}"))
    }
}

/// Tells whether a name is that of a single film.
pub(crate) fn is_film_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["mp4", "gif"].iter().any(|film| extension.eq_ignore_ascii_case(film))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_read_back_and_files_differ() {
        let mut files = BTreeSet::new();
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("{:?}", kind.name()));
            assert!(
                kind.paths(Path::new("found"), "street").into_iter().all(|path| files.insert(path))
            );
            let is_written = kind.format().is_none_or(|format| format.writer().is_some());
            assert!(is_written, "{kind}");
        }
        assert!("jpeg".parse::<Kind>().unwrap_err().contains("mask-video"));
    }
}
