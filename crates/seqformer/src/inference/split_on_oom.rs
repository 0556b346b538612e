//! Processes items in batches, and halves the batches when a device runs out of memory.

use std::ops::Range;

use crate::ModelError;

/// Calls `run` on consecutive ranges of `0..count`, each of at most `most` items.
///
/// When the device runs out of memory, `release_memory` frees cached memory, `most` is halved for good, and the same
/// items are run again in smaller batches. So `run` must not have side effects before it fails.
///
/// # Errors
///
/// Those of `run`; out of memory only if a single item does not fit.
pub(super) fn split_on_oom<T>(
    count: i64,
    most: &mut i64,
    run: &mut dyn FnMut(Range<i64>) -> Result<T, ModelError>,
    release_memory: &mut dyn FnMut(),
) -> Result<Vec<T>, ModelError> {
    let (mut done, mut results) = (0, Vec::new());
    while done < count {
        let length = (*most).clamp(1, count - done);
        match run(done..done + length) {
            Ok(result) => {
                results.push(result);
                done += length;
            }
            Err(ModelError::OutOfMemory { message, .. }) if length > 1 => {
                *most = length / 2;
                tracing::info!("{message}; continuing with {most} frames at a time");
                release_memory();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use seqformer_libtorch::out_of_memory::catch_out_of_memory;

    use super::*;

    /// A device with room for `room` items, which fails as libtorch does.
    fn run_on(room: i64, items: Range<i64>) -> Result<Vec<i64>, ModelError> {
        let work = || {
            let error =
                tch::TchError::Torch("CUDA out of memory. Tried to allocate 3 GiB".to_owned());
            let fits = items.end - items.start <= room;
            (if fits { Ok(items.collect()) } else { Err(error) }).unwrap()
        };
        catch_out_of_memory(work).map_err(|error| ModelError::OutOfMemory {
            what: "one frame".to_owned(),
            message: error.message,
        })
    }

    #[test]
    fn all_items_run_once_and_in_order_whatever_the_room() {
        for (room, most, expected) in [(36, 36, vec![36, 14]), (9, 36, vec![9, 9, 9, 9, 9, 5])] {
            let released = Cell::new(0);
            let mut length = most;
            let mut run = |items| run_on(room, items);
            let mut release_memory = || released.set(released.get() + 1);
            let parts = split_on_oom(50, &mut length, &mut run, &mut release_memory).unwrap();
            assert_eq!(parts.iter().map(|part| part.len() as i64).collect::<Vec<_>>(), expected);
            assert_eq!(parts.concat(), (0..50).collect::<Vec<_>>());
            // 36 does not fit, 18 does not, 9 does.
            assert_eq!((length, released.get()), if room == 36 { (36, 0) } else { (9, 2) });
        }
    }

    #[test]
    fn no_room_for_a_single_item_is_the_one_error() {
        let (mut length, mut released) = (5, 0);
        let run = &mut |items| run_on(0, items);
        let error =
            split_on_oom(8, &mut length, run, &mut || released += 1).unwrap_err().to_string();
        assert_eq!(
            error,
            "the device ran out of memory for one frame: CUDA out of memory. Tried to allocate 3 GiB"
        );
        assert_eq!((length, released), (1, 2));
    }

    #[test]
    fn other_errors_end_it_at_once() {
        let mut calls = 0;
        let mut run = |_items| -> Result<(), ModelError> {
            calls += 1;
            Err(ModelError::Torch { message: "the device is lost".to_owned() })
        };
        let error = split_on_oom(8, &mut 4, &mut run, &mut || ()).unwrap_err();
        assert!(matches!(error, ModelError::Torch { .. }));
        assert_eq!(calls, 1);
    }
}
