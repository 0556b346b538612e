//! Folder structure and class names of a synthetic dataset.

use std::path::Path;

use super::Shape;
use crate::{Catalog, Categories, ClassTable, DataError, DatasetKind, DatasetSource};

/// Folder structure and class names of a synthetic dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynthLayout {
    /// `train/JPEGImages`, `annotations/train.json` and the same for `val`; classes are named
    /// like the shapes.
    Plain,
    /// The folders and the 40 classes of YouTube-VIS 2019, of which the first ones are used.
    Ytvis2019,
    /// The folders and the 40 classes of YouTube-VIS 2021.
    Ytvis2021,
    /// The folders and the 25 classes of OVIS.
    Ovis,
    /// The folders and the 80 classes of COCO 2017; single images.
    Coco,
}

impl SynthLayout {
    /// Returns the training and the validation split in `output`.
    pub(super) fn sources(
        self,
        output: &Path,
    ) -> Result<(DatasetSource, DatasetSource), DataError> {
        let (train, val) = match self {
            Self::Plain => return Ok((plain(output, "train"), plain(output, "val"))),
            Self::Ytvis2019 => ("ytvis_2019_train", "ytvis_2019_val"),
            Self::Ytvis2021 => ("ytvis_2021_train", "ytvis_2021_val"),
            Self::Ovis => ("ytvis_ovis_train", "ytvis_ovis_val"),
            Self::Coco => ("coco_2017_train", "coco_2017_val"),
        };
        let catalog = Catalog::new(output);
        Ok((catalog.get(train)?, catalog.get(val)?))
    }

    /// Returns the classes of the annotation file; the first ones are the shapes.
    pub(super) fn categories(self, num_classes: usize) -> Categories {
        match self {
            Self::Plain => {
                let names = Shape::ALL.iter().take(num_classes).map(|shape| shape.name());
                Categories::new((1..).zip(names.map(str::to_owned)).collect())
            }
            Self::Ytvis2019 => ClassTable::Ytvis2019.categories(),
            Self::Ytvis2021 => ClassTable::Ytvis2021.categories(),
            Self::Ovis => ClassTable::Ovis.categories(),
            Self::Coco => ClassTable::Coco.categories(),
        }
    }

    /// Returns whether masks are written in the compressed form, as in OVIS.
    pub(super) fn is_compressed(self) -> bool {
        matches!(self, Self::Ovis | Self::Coco)
    }
}

fn plain(output: &Path, split: &str) -> DatasetSource {
    DatasetSource {
        name: split.to_owned(),
        kind: DatasetKind::Ytvis,
        json: output.join("annotations").join(format!("{split}.json")),
        image_root: output.join(split).join("JPEGImages"),
        classes: None,
    }
}
