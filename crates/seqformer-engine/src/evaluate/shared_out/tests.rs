use seqformer_annotations::Ids;
use std::path::PathBuf;

use seqformer_masks::{BitMask, BoxXywh, ImageSize, Rle};

use super::{FoundDetection, FoundTrack, Job, Writer, parse, run_shared};
use crate::{Communicator, EngineError, EvaluationOutput};

fn mask(seed: u32) -> Rle {
    let size = ImageSize { height: 5, width: 7 };
    let mut mask = BitMask::new(size);
    for index in 0..35_u32 {
        mask.set(index / 7, index % 7, (index * index + seed).is_multiple_of(3));
    }
    Rle::encode(&mask)
}

#[test]
fn results_survive_the_way_between_processes() {
    let score = 0.1_f32 + 0.2_f32;
    let track = FoundTrack::new(3, score, [mask(0), mask(1)].into_iter());
    let back: FoundTrack = parse(&serde_json::to_vec(&track).unwrap()).unwrap();
    let (track, back) = (track.into_result(9).unwrap(), back.into_result(9).unwrap());
    assert_eq!(track, back);
    assert_eq!(track.score.to_bits(), score.to_bits());
    assert_eq!(track.segmentations, [Some(mask(0)), Some(mask(1))]);
    let bbox = BoxXywh { x: 0.1, y: 1.0 / 3.0, width: 2.0, height: 3.0 };
    let found = FoundDetection::new(3, score, bbox, &mask(2));
    let back: FoundDetection = parse(&serde_json::to_vec(&found).unwrap()).unwrap();
    assert_eq!(found.into_result(1).unwrap(), back.into_result(1).unwrap());
}

/// `run_shared` writes nothing itself.
enum NoFile {}

impl Writer for NoFile {
    type Found = usize;

    fn start(
        _output: EvaluationOutput<'_>,
        _ids: &[i64],
        _dataset_ids: (&Ids, &Ids),
    ) -> Result<Self, EngineError> {
        Err(EngineError::NoFrames)
    }

    fn has_finished(&self, _id: i64) -> bool {
        match *self {}
    }

    fn add(&mut self, _id: i64, _found: Vec<usize>) -> Result<usize, EngineError> {
        match *self {}
    }

    fn end(self) -> Result<PathBuf, EngineError> {
        match self {}
    }
}

struct Squares;

impl Job for Squares {
    type Found = usize;
    type Writer = NoFile;

    fn ids(&self) -> Vec<i64> {
        Vec::new()
    }

    fn cost(&self, task: usize) -> u64 {
        task as u64
    }

    fn infer(&self, task: usize) -> Result<Vec<usize>, EngineError> {
        Ok(vec![task * task])
    }
}

#[test]
fn one_process_does_all_tasks_in_their_order() {
    let alone = Communicator::alone();
    let mut found = Vec::new();
    run_shared(&Squares, vec![4, 0, 2], (&alone, &alone.queue()), &mut |task, square| {
        found.push((task, square));
        Ok(())
    })
    .unwrap();
    assert_eq!(found, [(4, vec![16]), (0, vec![0]), (2, vec![4])]);
}
