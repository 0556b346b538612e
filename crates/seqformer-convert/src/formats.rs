//! One file for each format.

pub(crate) mod bdd_bitmask;
pub(crate) mod burst;
pub(crate) mod coco;
pub(crate) mod cocovid;
pub(crate) mod cvat;
pub(crate) mod davis;
pub(crate) mod kitti_instances;
pub(crate) mod label_studio;
pub(crate) mod labelme;
pub(crate) mod mots_png;
pub(crate) mod mots_txt;
pub(crate) mod sav;
pub(crate) mod scalabel;
pub(crate) mod via;
pub(crate) mod yolo;
pub(crate) mod ytvis;
