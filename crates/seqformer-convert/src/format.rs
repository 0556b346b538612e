//! The list of formats.

use std::fmt;
use std::str::FromStr;

use crate::formats;
use crate::interface::{Reader, Writer};

/// A format of annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YouTube-VIS, OVIS and LV-VIS.
    Ytvis,
    /// COCO's images.
    Coco,
    /// COCO with videos, as mmtracking has it, and TAO.
    Cocovid,
    /// DAVIS 2017 and YouTube-VOS: palette PNGs of several objects.
    Davis,
    /// DAVIS 2016: PNGs of one object.
    Davis2016,
    /// MOTS and KITTI-MOTS as 16-bit PNGs.
    MotsPng,
    /// MOTS and KITTI-MOTS as text.
    MotsTxt,
    /// CVAT's XML.
    Cvat,
    /// labelme's JSON files.
    Labelme,
    /// YOLO's segmentation labels.
    Yolo,
    /// VGG Image Annotator's projects.
    Via,
    /// SA-V's masklets.
    Sav,
    /// BDD100K's JSON, which is scalabel's.
    Scalabel,
    /// Label Studio's tasks.
    LabelStudio,
    /// BURST's sequences.
    Burst,
    /// BDD100K's bitmasks.
    BddBitmask,
    /// KITTI's instance segmentation of single images.
    KittiInstances,
}

/// What the list says of a format.
struct Row {
    name: &'static str,
    reader: &'static dyn Reader,
    writer: Option<Writer>,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 17] = [
        Self::Ytvis,
        Self::Coco,
        Self::Cocovid,
        Self::Davis,
        Self::Davis2016,
        Self::MotsPng,
        Self::MotsTxt,
        Self::Cvat,
        Self::Labelme,
        Self::Yolo,
        Self::Via,
        Self::Sav,
        Self::Scalabel,
        Self::LabelStudio,
        Self::Burst,
        Self::BddBitmask,
        Self::KittiInstances,
    ];

    fn row(self) -> Row {
        use formats::bdd_bitmask::BddBitmask;
        use formats::burst::Burst;
        use formats::coco::Coco;
        use formats::cocovid::Cocovid;
        use formats::cvat::Cvat;
        use formats::davis::{Davis, Davis2016};
        use formats::kitti_instances::KittiInstances;
        use formats::label_studio::LabelStudio;
        use formats::labelme::Labelme;
        use formats::mots_png::MotsPng;
        use formats::mots_txt::MotsTxt;
        use formats::sav::Sav;
        use formats::scalabel::Scalabel;
        use formats::via::Via;
        use formats::yolo::Yolo;
        use formats::ytvis::Ytvis;
        let file = |name, reader, writer| Row { name, reader, writer: Some(Writer::File(writer)) };
        let folder =
            |name, reader, writer| Row { name, reader, writer: Some(Writer::Folder(writer)) };
        let read_only = |name, reader| Row { name, reader, writer: None };
        match self {
            Self::Ytvis => file("ytvis", &Ytvis, &Ytvis),
            Self::Coco => file("coco", &Coco, &Coco),
            Self::Cocovid => file("cocovid", &Cocovid, &Cocovid),
            Self::Davis => folder("davis", &Davis, &Davis),
            Self::Davis2016 => folder("davis-2016", &Davis2016, &Davis2016),
            Self::MotsPng => folder("mots-png", &MotsPng, &MotsPng),
            Self::MotsTxt => folder("mots-txt", &MotsTxt, &MotsTxt),
            Self::Cvat => folder("cvat", &Cvat, &Cvat),
            Self::Labelme => folder("labelme", &Labelme, &Labelme),
            Self::Yolo => folder("yolo", &Yolo, &Yolo),
            Self::Via => file("via", &Via, &Via),
            Self::Sav => read_only("sav", &Sav),
            Self::Scalabel => read_only("scalabel", &Scalabel),
            Self::LabelStudio => read_only("label-studio", &LabelStudio),
            Self::Burst => read_only("burst", &Burst),
            Self::BddBitmask => read_only("bdd-bitmask", &BddBitmask),
            Self::KittiInstances => read_only("kitti-instances", &KittiInstances),
        }
    }

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns its reader.
    pub fn reader(self) -> &'static dyn Reader {
        self.row().reader
    }

    /// Returns its writer; `None` if it is only read.
    pub fn writer(self) -> Option<Writer> {
        self.row().writer
    }

    /// Returns whether a dataset is one file, so that a folder has to hold exactly one.
    pub(crate) fn is_one_file(self) -> bool {
        matches!(
            self,
            Self::Ytvis | Self::Coco | Self::Cocovid | Self::Burst | Self::LabelStudio | Self::Via
        )
    }

    /// Returns the names of all formats, or of those that can be written, with commas in between.
    pub(crate) fn names(only_writable: bool) -> String {
        let listed =
            Self::ALL.into_iter().filter(|format| !only_writable || format.writer().is_some());
        listed.map(Self::name).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| format!("expected one of {}", Self::names(false)))
    }
}
