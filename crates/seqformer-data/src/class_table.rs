//! The official classes of the built-in datasets.

use crate::Categories;

/// Datasets whose classes are known without a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassTable {
    /// 40 classes.
    Ytvis2019,
    /// 40 classes, which are also those of YouTube-VIS 2022.
    Ytvis2021,
    /// 25 classes.
    Ovis,
    /// 80 classes whose ids have gaps.
    Coco,
}

impl ClassTable {
    /// Returns the classes with the ids of the official files.
    pub fn categories(self) -> Categories {
        let names = self.names().iter().map(|&name| name.to_owned());
        let skipped: &[u64] = if self == Self::Coco { &COCO_SKIPPED_IDS } else { &[] };
        let ids = (1..).filter(|id| !skipped.contains(id));
        Categories::new(ids.zip(names).collect())
    }

    /// Returns the names in the order of the ids.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Ytvis2019 => &YTVIS_2019,
            Self::Ytvis2021 => &YTVIS_2021,
            Self::Ovis => &OVIS,
            Self::Coco => &COCO,
        }
    }
}

#[rustfmt::skip]
const YTVIS_2019: [&str; 40] = [
    "person", "giant_panda", "lizard", "parrot", "skateboard", "sedan", "ape", "dog", "snake",
    "monkey", "hand", "rabbit", "duck", "cat", "cow", "fish", "train", "horse", "turtle", "bear",
    "motorbike", "giraffe", "leopard", "fox", "deer", "owl", "surfboard", "airplane", "truck",
    "zebra", "tiger", "elephant", "snowboard", "boat", "shark", "mouse", "frog", "eagle",
    "earless_seal", "tennis_racket",
];

#[rustfmt::skip]
const YTVIS_2021: [&str; 40] = [
    "airplane", "bear", "bird", "boat", "car", "cat", "cow", "deer", "dog", "duck", "earless_seal",
    "elephant", "fish", "flying_disc", "fox", "frog", "giant_panda", "giraffe", "horse", "leopard",
    "lizard", "monkey", "motorbike", "mouse", "parrot", "person", "rabbit", "shark", "skateboard",
    "snake", "snowboard", "squirrel", "surfboard", "tennis_racket", "tiger", "train", "truck",
    "turtle", "whale", "zebra",
];

/// Spelt as in the official file, including "Vehical".
#[rustfmt::skip]
const OVIS: [&str; 25] = [
    "Person", "Bird", "Cat", "Dog", "Horse", "Sheep", "Cow", "Elephant", "Bear", "Zebra",
    "Giraffe", "Poultry", "Giant_panda", "Lizard", "Parrot", "Monkey", "Rabbit", "Tiger", "Fish",
    "Turtle", "Bicycle", "Motorcycle", "Airplane", "Boat", "Vehical",
];

#[rustfmt::skip]
const COCO: [&str; 80] = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
];

/// The ids between 1 and 90 that COCO does not use.
const COCO_SKIPPED_IDS: [u64; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
