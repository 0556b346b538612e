//! One stream for any number of workers, errors in their place, and no hanging.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use seqformer_masks::ImageSize;

use super::*;
use crate::sampler::{Mixture, Shard};

/// Samples that contain their record and their random numbers.
struct Numbers {
    /// This record cannot be read.
    broken: Option<usize>,
    /// This record panics.
    panicking: Option<usize>,
}

const GOOD: Numbers = Numbers { broken: None, panicking: None };

impl ClipSource for Numbers {
    fn sample(&self, entry: StreamEntry, random: &mut Random) -> Result<ClipSample, DataError> {
        if self.broken == Some(entry.record) {
            let path = PathBuf::from(format!("frame_{}.jpg", entry.record));
            return Err(DataError::UnknownImageKind { path, found: "nothing".to_owned() });
        }
        assert!(self.panicking != Some(entry.record), "this record panics");
        // Workers are not equally fast.
        thread::sleep(Duration::from_micros(random.below(300)));
        Ok(ClipSample {
            video_id: random.bits(),
            frame_indices: vec![entry.dataset, entry.record],
            frames: Vec::new(),
            original_size: ImageSize { height: 1, width: 1 },
            instances: Vec::new(),
            exhaustive: None,
        })
    }
}

fn batches() -> BatchSampler {
    let shard = Shard { rank: 1, world_size: 2 };
    BatchSampler::new(vec![5, 6], Mixture::Concatenated, 3, 7, shard)
}

fn load(source: Numbers, batches: BatchSampler, num_workers: usize) -> Loader {
    Loader::new(Arc::new(source), batches, num_workers).unwrap()
}

fn take(loader: Loader, count: usize) -> Vec<Vec<ClipSample>> {
    loader.take(count).map(Result::unwrap).collect()
}

#[test]
fn batches_do_not_depend_on_the_number_of_workers() {
    let grouped = || batches().grouped(vec![vec![true; 5], vec![false; 6]]);
    let inline = take(load(GOOD, batches(), 0), 20);
    let inline_grouped = take(load(GOOD, grouped(), 0), 20);
    assert!(inline.iter().all(|batch| batch.len() == 3));
    for num_workers in [1, 4] {
        assert_eq!(take(load(GOOD, batches(), num_workers), 20), inline);
        assert_eq!(take(load(GOOD, grouped(), num_workers), 20), inline_grouped);
    }
}

#[test]
fn a_run_continues_where_it_was_with_any_number_of_workers() {
    let all = take(load(GOOD, batches(), 0), 20);
    let mut first = load(GOOD, batches(), 4);
    assert_eq!(first.by_ref().take(7).map(Result::unwrap).collect::<Vec<_>>(), all[..7]);
    assert_eq!(first.num_batches(), 7);
    for num_workers in [0, 1, 3] {
        let continued = load(GOOD, batches().starting_at(first.num_batches()), num_workers);
        assert_eq!(take(continued, 13), all[7..]);
    }
}

#[test]
fn a_failing_sample_is_an_error_in_its_place_and_the_stream_goes_on() {
    let outcome = |broken: Option<usize>, panicking: Option<usize>, num_workers: usize| {
        let loader = load(Numbers { broken, panicking }, batches(), num_workers);
        let text = |batch: Result<Vec<ClipSample>, DataError>| match batch {
            Ok(samples) => format!("{samples:?}"),
            Err(error) => error.to_string(),
        };
        loader.take(20).map(text).collect::<Vec<_>>()
    };
    for (broken, panicking, word) in
        [(Some(2), None, "frame_2.jpg"), (None, Some(3), "record 3: this record panics")]
    {
        let inline = outcome(broken, panicking, 0);
        let failed = inline.iter().filter(|text| text.contains(word)).count();
        assert!((1..20).contains(&failed), "{failed}");
        for num_workers in [1, 4] {
            assert_eq!(outcome(broken, panicking, num_workers), inline);
        }
    }
}

#[test]
fn dropping_a_loader_ends_its_workers() {
    let start = Instant::now();
    let source: Arc<dyn ClipSource> = Arc::new(GOOD);
    let loader = Loader::new(Arc::clone(&source), batches(), 4).unwrap();
    drop(loader);
    assert_eq!(Arc::strong_count(&source), 1, "a worker still runs");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_empty_stream_ends() {
    let empty = || BatchSampler::new(vec![0], Mixture::Concatenated, 3, 7, Shard::WHOLE);
    assert!(load(GOOD, empty(), 0).next().is_none());
    assert!(load(GOOD, empty(), 2).next().is_none());
}
