//! Annotated objects grouped by size, length and whether they go out of sight.

use seqformer_evaluation::{AREA_RANGES, TruthTrack};

/// What is common to the objects of a group, in the order of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
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

impl Group {
    /// Returns all groups of an object, none if it has no pixels.
    pub(crate) fn of(track: &TruthTrack) -> Vec<Self> {
        let seen: Vec<usize> = (track.masks().areas().enumerate())
            .filter(|(_, area)| area.is_some_and(|area| area > 0))
            .map(|(frame, _)| frame)
            .collect();
        let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return Vec::new() };
        let size = (1..AREA_RANGES.len()).find(|&at| AREA_RANGES[at].contains(track.average_area));
        let length = LENGTHS.iter().position(|&(most, _)| seen.len() <= most);
        let is_interrupted = last - first + 1 > seen.len();
        let groups = [size.map(Self::Size), length.map(Self::Length)];
        groups.into_iter().flatten().chain([Self::OutOfSight(is_interrupted)]).collect()
    }

    /// Returns how tables and files call it.
    pub(crate) fn name(self) -> String {
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
    use seqformer_evaluation::GroundTruth;

    use super::Group;

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
        Group::of(&truth.tracks()[0]).into_iter().map(Group::name).collect()
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
