//! A cache of recorded graphs, and the fallback for work that cannot be recorded.

use seqformer_cuda::fallbacks;
use seqformer_cuda::graph::CaptureError;
use seqformer_libtorch::out_of_memory::OutOfMemory;

/// Maximum number of graphs: as many as there are sizes of batches for one frame size. Each holds the memory of its work,
/// most of it shared with the others.
const MAX_GRAPHS: usize = 4;
/// Maximum number of keys that are remembered as requested once.
const MAX_SEEN: usize = 64;

/// The most recently used graphs.
#[derive(Debug)]
pub(super) struct GraphCache<K, V> {
    /// Most recently used last.
    entries: Vec<(K, V)>,
    /// Requested once, and not recorded yet.
    seen: Vec<K>,
    is_off: bool,
    num_recordings: usize,
}

impl<K, V> Default for GraphCache<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), seen: Vec::new(), is_off: false, num_recordings: 0 }
    }
}

impl<K: PartialEq + Copy, V> GraphCache<K, V> {
    /// The graph for `key`, which `record` creates on the second request: recording runs the work more than once, which
    /// does not pay off for work that does not repeat.
    ///
    /// `None` if the work should run without a graph, which is permanent, after one warning, once something could not
    /// be recorded.
    ///
    /// # Errors
    ///
    /// If there is no memory for the graph.
    pub(super) fn get(
        &mut self,
        key: K,
        record: impl FnOnce() -> Result<V, CaptureError>,
    ) -> Result<Option<&V>, OutOfMemory> {
        if let Some(place) = self.entries.iter().position(|(of, _)| *of == key) {
            let entry = self.entries.remove(place);
            self.entries.push(entry);
        } else if !self.is_off && self.was_seen(key) {
            // Drop the oldest first, so that its memory is available for the new one.
            if self.entries.len() >= MAX_GRAPHS {
                self.entries.remove(0);
            }
            match record() {
                Ok(graph) => {
                    self.entries.push((key, graph));
                    self.num_recordings += 1;
                }
                Err(CaptureError::OutOfMemory(error)) => return Err(error),
                Err(CaptureError::Unsupported { message }) => {
                    fallbacks::warn(format!(
                        "the network cannot be recorded as a CUDA graph and runs without one: {message}"
                    ));
                    self.is_off = true;
                    self.clear();
                }
            }
        } else {
            return Ok(None);
        }
        Ok(self.entries.last().filter(|(of, _)| *of == key).map(|(_, graph)| graph))
    }

    /// Number of graphs that were recorded so far.
    pub(super) fn num_recordings(&self) -> usize {
        self.num_recordings
    }

    /// Drops all graphs.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.seen.clear();
    }

    fn was_seen(&mut self, key: K) -> bool {
        if let Some(place) = self.seen.iter().position(|of| *of == key) {
            self.seen.remove(place);
            return true;
        }
        if self.seen.len() >= MAX_SEEN {
            self.seen.remove(0);
        }
        self.seen.push(key);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsupported() -> Result<char, CaptureError> {
        Err(CaptureError::Unsupported { message: "stream is capturing".to_owned() })
    }

    #[test]
    fn what_comes_again_is_recorded_once_and_the_oldest_makes_room() {
        let mut cache = GraphCache::default();
        let mut recorded = Vec::new();
        for key in [1, 2, 3, 4, 1, 2, 3, 4, 1, 5, 5, 1, 3, 2, 2, 2] {
            let graph = cache.get(key, || {
                recorded.push(key);
                Ok(key * 10)
            });
            let found = graph.unwrap().copied();
            assert!(found.is_none() || found == Some(key * 10));
        }
        // Four at their second time; 5 in the place of 2, which was used the longest ago; then 2 in that of 4.
        assert_eq!(recorded, [1, 2, 3, 4, 5, 2]);
        assert_eq!(cache.num_recordings(), 6);
        assert_eq!(cache.entries, [(5, 50), (1, 10), (3, 30), (2, 20)]);
    }

    #[test]
    fn after_one_failure_nothing_is_recorded() {
        let mut cache = GraphCache::default();
        assert_eq!(cache.get(1, unsupported).unwrap(), None);
        assert_eq!(cache.get(1, unsupported).unwrap(), None);
        for _ in 0..3 {
            let never = || unreachable!("recording is off");
            assert_eq!(cache.get(1, never).unwrap(), None);
        }
        assert_eq!(cache.num_recordings(), 0);
        let noted = fallbacks::all();
        assert!(noted.iter().any(|text| text.ends_with("stream is capturing")), "{noted:?}");
    }

    #[test]
    fn too_little_memory_is_an_error_and_recording_goes_on_later() {
        let mut cache = GraphCache::default();
        let full = || {
            let message = "CUDA out of memory".to_owned();
            Err(CaptureError::OutOfMemory(OutOfMemory { message }))
        };
        assert_eq!(cache.get(1, || Ok('a')).unwrap(), None);
        assert!(cache.get(1, full).is_err());
        assert_eq!(cache.get(1, || Ok('a')).unwrap(), None);
        assert_eq!(cache.get(1, || Ok('a')).unwrap(), Some(&'a'));
    }
}
