//! Determines the frames of each clip of a video whose length is not known in advance.
//!
//! Clips begin at frame 0, `stride`, `2 * stride`, …. The first one that would extend beyond the video is moved back to
//! end with it, and is the last. No clip begins after the end of the video, so a stride larger than the clip length may
//! leave its last frames without a clip. Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward`.

use std::ops::Range;

use crate::ModelError;

/// The clips of a video whose frames arrive one after the other.
#[derive(Debug, Clone)]
pub struct ClipSchedule {
    length: usize,
    stride: usize,
    num_frames: usize,
    ended: bool,
    next_start: usize,
    /// End of the last clip that was returned.
    covered: usize,
}

impl ClipSchedule {
    /// Starts a video that is split into clips of `length` frames, `stride` frames apart.
    ///
    /// # Errors
    ///
    /// If one of them is zero.
    pub fn new(length: usize, stride: usize) -> Result<Self, ModelError> {
        for (name, value) in [("length", length), ("stride", stride)] {
            if value == 0 {
                let what = format!("the {name} of a clip must be at least one frame");
                return Err(ModelError::Config { what });
            }
        }
        Ok(Self { length, stride, num_frames: 0, ended: false, next_start: 0, covered: 0 })
    }

    /// Announces more frames.
    pub fn push(&mut self, num_frames: usize) {
        self.num_frames += num_frames;
    }

    /// Marks the end of the video.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Frames so far.
    pub fn num_frames(&self) -> usize {
        self.num_frames
    }

    /// Whether every frame will be in a clip, wherever the video ends.
    pub fn covers_all(&self) -> bool {
        self.stride <= self.length
    }

    /// The next clip whose frames are all available.
    pub fn next_clip(&mut self) -> Option<Range<usize>> {
        let clip = if self.next_is_there() {
            let start = self.next_start;
            self.next_start += self.stride;
            start..start + self.length
        } else if self.ended && self.last_follows() {
            self.num_frames.saturating_sub(self.length)..self.num_frames
        } else {
            return None;
        };
        self.covered = clip.end;
        Some(clip)
    }

    /// The first frame that a later clip may contain; those before it are no longer needed.
    pub fn first_needed(&self) -> usize {
        if self.next_is_there() {
            return self.next_start;
        }
        if self.ended && !self.last_follows() {
            return self.num_frames;
        }
        // The video may end with any frame from here on, and the last clip ends there.
        let earliest_end = self.num_frames.max(self.covered + 1).max(self.next_start + 1);
        self.next_start.min(earliest_end.saturating_sub(self.length)).min(self.num_frames)
    }

    /// Whether there is another clip if the video ends here.
    fn last_follows(&self) -> bool {
        self.covered < self.num_frames && self.next_start < self.num_frames
    }

    fn next_is_there(&self) -> bool {
        self.next_start + self.length <= self.num_frames
    }
}

#[cfg(test)]
mod tests;
