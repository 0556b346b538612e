//! Videos that are decoded before it is their turn.
//!
//! While the network works on a video, threads decode the beginnings of the next ones. What goes wrong there is reported
//! when it is that video's turn, so results and messages are those of videos read one after the other.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use seqformer_video::{Frame, FrameSource, Frames, VideoError};

/// Videos that are decoded besides the one in the network.
const VIDEOS_AHEAD: usize = 2;
/// Memory of the frames of one video that wait for the network.
const BYTES_AHEAD: usize = 64 << 20;
/// Frames of one video that wait for the network, however small they are.
const FRAMES_AHEAD: usize = 64;

/// The videos that are being decoded, in the order of their turns.
pub(super) struct ReadAhead<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    /// With the ids of the videos.
    begun: VecDeque<(u64, Begun<Frames>)>,
}

impl<'scope, 'env> ReadAhead<'scope, 'env> {
    /// Nothing is decoded yet; threads end with the scope, or earlier when nobody wants their frames.
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { scope, begun: VecDeque::new() }
    }

    /// Begins to decode the first of these videos that come next, with their ids.
    pub(super) fn begin(&mut self, next: impl Iterator<Item = (u64, &'env FrameSource)>) {
        for (video_id, source) in next.take(VIDEOS_AHEAD) {
            if self.begun.iter().any(|(begun, _)| *begun == video_id) {
                continue;
            }
            // A video without a thread is read when it is its turn.
            if let Some(begun) = begin(self.scope, move || source.frames()) {
                self.begun.push_back((video_id, begun));
            }
        }
    }

    /// The frames of a video from the first one on.
    ///
    /// # Errors
    ///
    /// As [`FrameSource::frames`].
    pub(super) fn frames(
        &mut self,
        video_id: u64,
        source: &FrameSource,
    ) -> Result<Reading<Frames>, VideoError> {
        let place = self.begun.iter().position(|(begun, _)| *begun == video_id);
        match place.and_then(|place| self.begun.remove(place)) {
            Some((_, begun)) => begun.wait(),
            None => source.frames().map(Reading::Here),
        }
    }
}

/// A thread that opens a video and decodes its first frame.
struct Begun<F>(Receiver<Result<Receiver<Decoded<F>>, VideoError>>);

/// What a thread has decoded.
pub(super) enum Decoded<F> {
    Frame(Result<Frame, VideoError>),
    /// What is known after the last frame.
    End(Box<F>),
}

/// The frames of a video, decoded by this thread or by another one.
pub(super) enum Reading<F> {
    Here(F),
    Ahead { decoded: Receiver<Decoded<F>>, ended: Option<Box<F>> },
}

impl<F> Begun<F> {
    /// Waits for the first frame.
    fn wait(self) -> Result<Reading<F>, VideoError> {
        let opened = self.0.recv().expect("a thread says whether it could open its video");
        Ok(Reading::Ahead { decoded: opened?, ended: None })
    }
}

impl<F> Reading<F> {
    /// What was read, complete once all frames were taken; `None` before.
    pub(super) fn into_ended(self) -> Option<F> {
        match self {
            Self::Here(frames) => Some(frames),
            Self::Ahead { ended, .. } => ended.map(|frames| *frames),
        }
    }
}

impl<F: Iterator<Item = Result<Frame, VideoError>>> Iterator for Reading<F> {
    type Item = Result<Frame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Here(frames) => frames.next(),
            Self::Ahead { decoded, ended } => match decoded.recv().ok()? {
                Decoded::Frame(frame) => Some(frame),
                Decoded::End(frames) => {
                    *ended = Some(frames);
                    None
                }
            },
        }
    }
}

/// Decodes a video on a thread; `None` if there is no thread.
fn begin<'scope, F>(
    scope: &'scope Scope<'scope, '_>,
    open: impl FnOnce() -> Result<F, VideoError> + Send + 'scope,
) -> Option<Begun<F>>
where
    F: Iterator<Item = Result<Frame, VideoError>> + Send + 'scope,
{
    let (sender, receiver) = sync_channel(1);
    let run = move || {
        // Whoever no longer wants the frames has dropped a receiver.
        let _unwanted = decode(open, &sender);
    };
    Builder::new().name("frames ahead".to_owned()).spawn_scoped(scope, run).ok()?;
    Some(Begun(receiver))
}

/// Sends the receiver of the frames, as many as may wait, and then the frames.
fn decode<F: Iterator<Item = Result<Frame, VideoError>>>(
    open: impl FnOnce() -> Result<F, VideoError>,
    opened: &SyncSender<Result<Receiver<Decoded<F>>, VideoError>>,
) -> Option<()> {
    let mut frames = match open() {
        Ok(frames) => frames,
        Err(error) => return opened.send(Err(error)).ok(),
    };
    let mut next = frames.next();
    let bytes = next.as_ref().and_then(|first| first.as_ref().ok());
    let (to, decoded) =
        sync_channel(num_waiting(bytes.map_or(0, |first| first.image.pixels.len())));
    opened.send(Ok(decoded)).ok()?;
    while let Some(frame) = next {
        to.send(Decoded::Frame(frame)).ok()?;
        next = frames.next();
    }
    to.send(Decoded::End(Box::new(frames))).ok()
}

/// How many frames of so many bytes may wait, besides the one that was just decoded.
fn num_waiting(bytes: usize) -> usize {
    (BYTES_AHEAD / bytes.max(1)).saturating_sub(1).min(FRAMES_AHEAD)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::{scope, sleep};
    use std::time::{Duration, Instant};

    use seqformer_data::RgbImage;
    use seqformer_masks::ImageSize;

    use super::*;

    fn frame(number: usize) -> Frame {
        let size = ImageSize { height: 1, width: 2 };
        Frame { name: number.to_string(), image: RgbImage::new(size), time: None }
    }

    fn broken() -> VideoError {
        VideoError::NotAFile { path: PathBuf::from("film.mp4") }
    }

    fn names<F: Iterator<Item = Result<Frame, VideoError>>>(
        frames: &mut Reading<F>,
    ) -> Vec<String> {
        let name = |frame: Result<Frame, VideoError>| {
            frame.map_or_else(|error| error.to_string(), |frame| frame.name)
        };
        frames.map(name).collect()
    }

    #[test]
    fn frames_come_in_order_and_what_is_known_at_the_end_after_them() {
        scope(|scope| {
            let mut frames =
                begin(scope, || Ok((0..200).map(|n| Ok(frame(n))))).unwrap().wait().unwrap();
            let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
            assert_eq!(names(&mut frames), expected);
            assert_eq!(frames.into_ended().unwrap().count(), 0);
        });
    }

    #[test]
    fn an_error_comes_when_its_frame_would() {
        scope(|scope| {
            let films = [0, 2].map(|good| {
                let frames = (0..good).map(|n| Ok(frame(n))).chain([Err(broken())]);
                begin(scope, move || Ok(frames)).unwrap()
            });
            let unopened =
                begin(scope, || Err::<std::iter::Empty<Result<Frame, VideoError>>, _>(broken()));
            let [first, second] = films.map(|film| names(&mut film.wait().unwrap()));
            let error = broken().to_string();
            assert_eq!(first, std::slice::from_ref(&error));
            assert_eq!(second, ["0".to_owned(), "1".to_owned(), error.clone()]);
            assert_eq!(unopened.unwrap().wait().err().unwrap().to_string(), error);
        });
    }

    #[test]
    fn only_so_many_frames_wait_and_unwanted_ones_end_the_thread() {
        let read = AtomicUsize::new(0);
        scope(|scope| {
            let endless = (0..).map(|number| {
                read.fetch_add(1, Ordering::SeqCst);
                Ok(frame(number))
            });
            let begun = begin(scope, move || Ok(endless)).unwrap();
            let frames = begun.wait().unwrap();
            let start = Instant::now();
            while read.load(Ordering::SeqCst) <= FRAMES_AHEAD && start.elapsed().as_secs() < 20 {
                sleep(Duration::from_millis(1));
            }
            sleep(Duration::from_millis(20));
            assert_eq!(read.load(Ordering::SeqCst), FRAMES_AHEAD + 1);
            // Otherwise the scope would never end.
            drop(frames);
        });
    }

    #[test]
    fn large_frames_wait_in_small_numbers() {
        let mib = |mib: usize| num_waiting(mib << 20);
        // One more is in the hands of the thread.
        assert_eq!([mib(4), mib(25), mib(40), mib(100)], [15, 1, 0, 0]);
        assert_eq!([num_waiting(0), num_waiting(6)], [FRAMES_AHEAD; 2]);
    }
}
