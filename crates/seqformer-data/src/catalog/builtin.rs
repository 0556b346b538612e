//! The table of built-in dataset names.

use crate::ClassTable;
use seqformer_annotations::DatasetKind;

/// A built-in dataset, its paths relative to the folder of all datasets.
#[derive(Debug)]
pub(super) struct Builtin {
    pub name: &'static str,
    pub image_root: &'static str,
    pub json: &'static str,
    pub classes: ClassTable,
}

impl Builtin {
    pub(super) fn kind(&self) -> DatasetKind {
        if self.name.starts_with("coco") { DatasetKind::Coco } else { DatasetKind::Ytvis }
    }
}

macro_rules! table {
    ($($classes:ident $name:literal $image_root:literal $json:literal;)*) => {
        /// Reference: VNext `builtin.py`, its IDOL project for OVIS, detectron2 for COCO; the files
        /// of `coco2…` are those that `seqformer data coco-to-ytvis` writes.
        pub(super) const BUILTIN: &[Builtin] = &[$(Builtin {
            name: $name,
            image_root: $image_root,
            json: $json,
            classes: ClassTable::$classes,
        }),*];
    };
}

table! {
    Ytvis2019 "ytvis_2019_train" "ytvis_2019/train/JPEGImages" "ytvis_2019/annotations/instances_train_sub.json";
    Ytvis2019 "ytvis_2019_val" "ytvis_2019/val/JPEGImages" "ytvis_2019/annotations/instances_val_sub.json";
    Ytvis2019 "ytvis_2019_test" "ytvis_2019/test/JPEGImages" "ytvis_2019/test.json";
    Ytvis2019 "ytvis_2019_dev" "ytvis_2019/train/JPEGImages" "ytvis_2019/instances_train_sub.json";
    Ytvis2021 "ytvis_2021_train" "ytvis_2021/train/JPEGImages" "ytvis_2021/annotations/instances_train_sub.json";
    Ytvis2021 "ytvis_2021_val" "ytvis_2021/val/JPEGImages" "ytvis_2021/annotations/instances_val_sub.json";
    Ytvis2021 "ytvis_2021_test" "ytvis_2021/test/JPEGImages" "ytvis_2021/test.json";
    Ytvis2021 "ytvis_2021_dev" "ytvis_2021/train/JPEGImages" "ytvis_2021/instances_train_sub.json";
    Ytvis2021 "ytvis_2022_val_full" "ytvis_2022/val/JPEGImages" "ytvis_2022/instances.json";
    Ytvis2021 "ytvis_2022_val_sub" "ytvis_2022/val/JPEGImages" "ytvis_2022/instances_sub.json";
    Ovis "ytvis_ovis_train" "ovis/train" "ovis/annotations_train.json";
    Ovis "ytvis_ovis_val" "ovis/valid" "ovis/annotations_valid.json";
    Ovis "ytvis_ovis_train_sub" "ovis/train" "ovis/ovis_sub_train.json";
    Ovis "ytvis_ovis_val_sub" "ovis/train" "ovis/ovis_sub_val.json";
    Coco "coco_2017_train" "coco/train2017" "coco/annotations/instances_train2017.json";
    Coco "coco_2017_val" "coco/val2017" "coco/annotations/instances_val2017.json";
    Coco "coco_2017_test" "coco/test2017" "coco/annotations/image_info_test2017.json";
    Coco "coco_2017_test-dev" "coco/test2017" "coco/annotations/image_info_test-dev2017.json";
    Coco "coco_2017_val_100" "coco/val2017" "coco/annotations/instances_val2017_100.json";
    Ytvis2019 "coco2ytvis2019_train" "coco/train2017" "coco/annotations/coco2ytvis2019_train.json";
    Ytvis2019 "coco2ytvis2019_val" "coco/val2017" "coco/annotations/coco2ytvis2019_val.json";
    Ytvis2021 "coco2ytvis2021_train" "coco/train2017" "coco/annotations/coco2ytvis2021_train.json";
    Ytvis2021 "coco2ytvis2021_val" "coco/val2017" "coco/annotations/coco2ytvis2021_val.json";
    Ovis "coco2ovis_train" "coco/train2017" "coco/annotations/coco2ovis_train.json";
    Ovis "coco2ovis_val" "coco/val2017" "coco/annotations/coco2ovis_val.json";
    Coco "coco_2014_train" "coco/train2014" "coco/annotations/instances_train2014.json";
    Coco "coco_2014_val" "coco/val2014" "coco/annotations/instances_val2014.json";
    Coco "coco_2014_minival" "coco/val2014" "coco/annotations/instances_minival2014.json";
    Coco "coco_2014_valminusminival" "coco/val2014" "coco/annotations/instances_valminusminival2014.json";
}
