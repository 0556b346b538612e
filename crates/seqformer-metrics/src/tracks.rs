//! The tracks of one video as all metrics see them: one mask per frame of the video.

use seqformer_evaluation::{EvaluationError, ObjectGroup, PairedVideo};
use seqformer_masks::{ImageSize, Rle};

/// What a mask without pixels is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmptyMasks {
    /// A detection that matches nothing, as TrackEval has it.
    #[default]
    Detections,
    /// A frame without the object, as if it were `null`.
    Absent,
}

/// Which results count, and what of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Selection {
    /// Results with a lower score are left out.
    pub min_score: Option<f64>,
    /// What masks without pixels are.
    pub empty_masks: EmptyMasks,
}

/// One object through a video.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// The place of its category.
    pub(crate) category: usize,
    /// 0 of an annotation.
    pub(crate) score: f64,
    pub(crate) is_crowd: bool,
    /// Those of its size, length and occlusion.
    pub(crate) groups: Vec<ObjectGroup>,
    /// One for each frame of the video, nothing where the object is absent.
    pub(crate) masks: Vec<Option<Rle>>,
}

/// All tracks of one video, in the order of their files.
#[derive(Debug, Clone)]
pub(crate) struct VideoTracks {
    pub(crate) num_frames: usize,
    pub(crate) size: ImageSize,
    pub(crate) truths: Vec<Track>,
    pub(crate) results: Vec<Track>,
}

impl VideoTracks {
    /// Decodes the masks of a video. Frames beyond its end are left out, and frames that a track
    /// does not have are frames without it.
    ///
    /// # Errors
    ///
    /// A damaged mask.
    pub(crate) fn load(
        video: &PairedVideo<'_>,
        selection: Selection,
    ) -> Result<Self, EvaluationError> {
        let is_kept = |score: f64| selection.min_score.is_none_or(|least| score >= least);
        let kept = video.results().iter().filter(|result| is_kept(result.score()));
        let decoded = kept.map(|result| Ok((result.category, result.score(), result.masks()?)));
        let decoded = decoded.collect::<Result<Vec<_>, EvaluationError>>()?;
        // Annotations have all frames; a length that nothing reaches takes no memory.
        let lengths = video.truths().iter().map(|truth| truth.track.masks().len());
        let longest = lengths.chain(decoded.iter().map(|(_, _, masks)| masks.len())).max();
        let num_frames = video.video().length.min(longest.unwrap_or(0));
        let fitted = |mut masks: Vec<Option<Rle>>| {
            masks.resize(num_frames, None);
            if selection.empty_masks == EmptyMasks::Absent {
                for mask in &mut masks {
                    mask.take_if(|mask| mask.area() == 0);
                }
            }
            masks
        };
        let truths = video.truths().iter().map(|truth| Track {
            category: truth.category,
            score: 0.0,
            is_crowd: truth.track.is_crowd,
            groups: ObjectGroup::of(truth.track),
            masks: fitted(truth.track.masks().masks().collect()),
        });
        let truths = truths.collect();
        let result = |(category, score, masks): (usize, f64, Vec<Option<Rle>>)| {
            let groups = groups_of(&masks);
            Track { category, score, is_crowd: false, groups, masks: fitted(masks) }
        };
        let results = decoded.into_iter().map(result).collect();
        Ok(Self { num_frames, size: video.video().size, truths, results })
    }

    /// Counts the masks of results that have no pixels.
    pub(crate) fn num_empty_results(&self) -> usize {
        let masks = self.results.iter().flat_map(|track| track.masks.iter().flatten());
        masks.filter(|mask| mask.area() == 0).count()
    }
}

/// Returns the groups of a result; its mean area is that over frames with pixels, as in AP.
fn groups_of(masks: &[Option<Rle>]) -> Vec<ObjectGroup> {
    let areas: Vec<Option<u64>> = masks.iter().map(|mask| mask.as_ref().map(Rle::area)).collect();
    let seen: Vec<u64> = areas.iter().flatten().copied().filter(|&area| area > 0).collect();
    let average = seen.iter().sum::<u64>() as f64 / seen.len().max(1) as f64;
    ObjectGroup::of_areas(areas.into_iter(), average)
}
