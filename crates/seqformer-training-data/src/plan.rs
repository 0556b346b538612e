//! The data of a training.

use seqformer_config::Config;
use seqformer_config::config::{DataPath, DatasetsSection};
use seqformer_data::{AbsentInstances, DatasetKind, Mapper};

use crate::mappers;

/// Everything that a training takes from its configuration about data.
#[derive(Debug, Clone)]
pub struct DataPlan {
    /// The names of the datasets, and those of the user.
    pub datasets: DatasetsSection,
    /// Classes of the network.
    pub num_classes: usize,
    /// Skips videos without annotations.
    pub filter_empty: bool,
    /// Clips are views of images, in which nothing moves.
    pub coco_pretrain: bool,
    /// Frames per clip.
    pub num_frames: usize,
    /// What happens to instances that are visible in no frame of a clip.
    pub absent: AbsentInstances,
    /// Makes clips of videos.
    pub video_mapper: Mapper,
    /// Makes clips of images.
    pub still_mapper: Mapper,
}

impl DataPlan {
    /// Reads all keys about data.
    pub fn from_config(config: &Config) -> Self {
        let input = &config.input;
        let is_original = input.data_path == DataPath::Original;
        let absent = if config.model.seqformer.drop_absent || is_original {
            AbsentInstances::Drop
        } else {
            AbsentInstances::Keep
        };
        Self {
            datasets: config.datasets.clone(),
            num_classes: config.model.seqformer.num_classes as usize,
            filter_empty: config.dataloader.filter_empty_annotations,
            coco_pretrain: input.coco_pretrain,
            num_frames: input.sampling_frame_num,
            absent,
            video_mapper: mappers::of_videos(input, absent),
            still_mapper: mappers::of_stills(input, absent),
        }
    }

    /// Makes clips from the records of a dataset.
    pub(crate) fn mapper(&self, kind: DatasetKind) -> Mapper {
        match kind {
            DatasetKind::Ytvis => self.video_mapper.clone(),
            DatasetKind::Coco => self.still_mapper.clone(),
        }
    }
}
