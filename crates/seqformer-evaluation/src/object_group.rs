//! Annotated objects grouped by size, length and whether they go out of sight.

use crate::TruthTrack;
use crate::parameters::{AREA_RANGES, AreaRange};

/// What is common to the objects of a group, in the order of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectGroup {
    /// By mean area: the place of a range of YouTube-VIS.
    Size(usize),
    /// By the number of frames with pixels: the place of a range of TAO.
    Length(usize),
    /// Whether there are frames without it between frames with it.
    OutOfSight(bool),
}

/// How many frames the objects of a group have at most; TAO has the same ranges.
const LENGTHS: [(usize, &str); 3] =
    [(3, "length: up to 3"), (10, "length: 4 to 10"), (usize::MAX, "length: over 10")];

/// The same as ranges that matching takes in place of areas.
pub(crate) const LENGTH_RANGES: [AreaRange; AREA_RANGES.len()] = [
    AreaRange { name: "all", low: 0.0, high: f64::MAX },
    AreaRange { name: "short", low: 1.0, high: 3.0 },
    AreaRange { name: "medium", low: 4.0, high: 10.0 },
    AreaRange { name: "long", low: 11.0, high: f64::MAX },
];

/// Whether a track goes out of sight, 0 or 1, in place of areas; the last range has none.
pub(crate) const OCCLUSION_RANGES: [AreaRange; AREA_RANGES.len()] = [
    AreaRange { name: "all", low: 0.0, high: 1.0 },
    AreaRange { name: "always in sight", low: 0.0, high: 0.0 },
    AreaRange { name: "out of sight", low: 1.0, high: 1.0 },
    AreaRange { name: "none", low: 2.0, high: 2.0 },
];

/// In which frames a track has pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    /// The first and the last frame, if there is any.
    extent: Option<(usize, usize)>,
    num_frames: usize,
}

impl Presence {
    /// Reads the areas of all frames.
    pub(crate) fn of(areas: impl Iterator<Item = Option<u64>>) -> Self {
        let mut presence = Self::default();
        for (frame, area) in areas.enumerate() {
            presence.add(frame, area.unwrap_or(0));
        }
        presence
    }

    /// Adds a frame, which comes after all that were added.
    pub(crate) fn add(&mut self, frame: usize, area: u64) {
        if area > 0 {
            self.num_frames += 1;
            self.extent = Some((self.extent.map_or(frame, |(first, _)| first), frame));
        }
    }

    /// Returns the number of frames with pixels.
    pub(crate) fn length(self) -> f64 {
        self.num_frames as f64
    }

    /// Returns 1 if the track goes out of sight in between, 0 if not, −1 without pixels.
    pub(crate) fn occlusion(self) -> f64 {
        match self.extent {
            None => -1.0,
            Some((first, last)) => f64::from(u8::from(last - first + 1 > self.num_frames)),
        }
    }
}

impl ObjectGroup {
    /// Returns all groups of an object, none if it has no pixels.
    pub fn of(track: &TruthTrack) -> Vec<Self> {
        Self::of_areas(track.masks().areas(), track.average_area)
    }

    /// Returns all groups of a track with the given areas, one for each frame, none if it has no pixels.
    pub fn of_areas(areas: impl Iterator<Item = Option<u64>>, average_area: f64) -> Vec<Self> {
        let presence = Presence::of(areas);
        if presence.extent.is_none() {
            return Vec::new();
        }
        let size = (1..AREA_RANGES.len()).find(|&at| AREA_RANGES[at].contains(average_area));
        let length = LENGTHS.iter().position(|&(most, _)| presence.num_frames <= most);
        let groups = [size.map(Self::Size), length.map(Self::Length)];
        let is_interrupted = presence.occlusion() > 0.0;
        groups.into_iter().flatten().chain([Self::OutOfSight(is_interrupted)]).collect()
    }

    /// Returns all groups in the order of tables.
    pub fn all() -> Vec<Self> {
        let sizes = (1..AREA_RANGES.len()).map(Self::Size);
        let lengths = (0..LENGTHS.len()).map(Self::Length);
        sizes.chain(lengths).chain([false, true].map(Self::OutOfSight)).collect()
    }

    /// Returns how tables and files call it.
    pub fn name(self) -> String {
        match self {
            Self::Size(range) => format!("size: {}", AREA_RANGES[range].name),
            Self::Length(range) => LENGTHS[range].1.to_owned(),
            Self::OutOfSight(false) => "occlusion: always in sight".to_owned(),
            Self::OutOfSight(true) => "occlusion: out of sight in between".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ObjectGroup;
    use crate::GroundTruth;

    fn groups(areas: &str, masks: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gt.json");
        let masks = masks.chars().map(|seen| match seen {
            '.' => "null",
            'e' => r#"{"size": [2, 2], "counts": [4]}"#,
            _ => r#"{"size": [2, 2], "counts": [0, 4]}"#,
        });
        let masks: Vec<&str> = masks.collect();
        let text = format!(
            r#"{{"videos": [{{"id": 1, "height": 2, "width": 2, "length": {}}}], "categories": [{{"id": 1, "name": "c"}}],
            "annotations": [{{"id": 1, "video_id": 1, "category_id": 1, "areas": {areas}, "segmentations": [{}]}}]}}"#,
            masks.len(),
            masks.join(", ")
        );
        std::fs::write(&path, text).unwrap();
        let truth = GroundTruth::read(&path).unwrap();
        ObjectGroup::of(&truth.tracks()[0]).into_iter().map(ObjectGroup::name).collect()
    }

    #[test]
    fn an_object_is_in_one_group_of_each_kind() {
        let always = "occlusion: always in sight";
        let between = "occlusion: out of sight in between";
        assert_eq!(groups("[4, 4]", "xx"), ["size: small", "length: up to 3", always]);
        assert_eq!(groups("[20000]", ".xxxx."), ["size: medium", "length: 4 to 10", always]);
        assert_eq!(groups("[70000]", "xxxx.xxxexxxx"), ["size: large", "length: over 10", between]);
        assert_eq!(groups("[]", "e."), [""; 0]);
    }
}
