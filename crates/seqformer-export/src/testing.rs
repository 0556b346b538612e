//! Small results.

use seqformer_convert::{Category, Shape, Shapes, Track, Video};
use seqformer_masks::{BitMask, ImageSize, Rle};

use crate::found::{Export, FoundVideo};

/// The size of the frames.
pub(crate) const SIZE: ImageSize = ImageSize { height: 2, width: 4 };

/// A mask of two equal rows.
pub(crate) fn mask(row: &str) -> Rle {
    let row = row.bytes().map(|pixel| u8::from(pixel == b'#'));
    let bytes = row.clone().chain(row).collect();
    Rle::encode(&BitMask::from_bytes(SIZE, bytes).unwrap())
}

/// An object of class 3.
pub(crate) fn track(id: i64, score: f64, masks: Vec<Option<Rle>>) -> Track {
    Track {
        id,
        category_id: 3,
        is_crowd: false,
        is_ignored: false,
        score: Some(score),
        shapes: Shapes::from(
            masks.into_iter().map(|mask| mask.map(Shape::Mask)).collect::<Vec<_>>(),
        ),
        occlusion: Vec::new(),
    }
}

/// A video of two frames.
pub(crate) fn video(tracks: Vec<Track>) -> Video {
    let file_names = Some(vec!["street/0.jpg".to_owned(), "street/1.jpg".to_owned()]);
    Video {
        id: 1,
        name: "street".to_owned(),
        size: SIZE,
        length: 2,
        file_names,
        tracks,
        exhaustive: None,
    }
}

/// A video with three objects, of which the first two overlap on the first frame.
pub(crate) fn export() -> Export {
    let tracks = vec![
        track(1, 0.75, vec![Some(mask("##..")), Some(mask("##.."))]),
        track(2, 0.5, vec![Some(mask(".##.")), None]),
        track(5, 0.25, vec![None, Some(mask("...#"))]),
    ];
    let found = FoundVideo { video: video(tracks), timing: None, pixel_aspect: None, source: None };
    let categories = vec![Category { id: 3, name: "Fuß/猫".to_owned() }];
    Export { categories, videos: vec![found] }
}
