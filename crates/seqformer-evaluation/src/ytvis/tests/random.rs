//! Random small datasets with everything that a real one has seldom: equal scores, crowds, empty
//! videos, absent frames, masks of the wrong size, tracks of the wrong length, the id 0.

use std::fs;
use std::path::Path;

use seqformer_masks::{BitMask, ImageSize, Rle};
use seqformer_testing::splitmix64;
use serde_json::{Value, json};

use super::twin::{Dataset, Object, Pixels};

#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        splitmix64(self.0) % end
    }

    fn one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }

    /// A block of pixels, sometimes nothing or everything.
    fn pixels(&mut self, height: u32, width: u32) -> Pixels {
        let [y0, y1] = [0; 2].map(|_| self.below(u64::from(height) + 1) as u32);
        let [x0, x1] = [0; 2].map(|_| self.below(u64::from(width) + 1) as u32);
        let (rows, columns) = (y0.min(y1)..y0.max(y1), x0.min(x1)..x0.max(x1));
        let columns_first = (0..width).flat_map(|x| (0..height).map(move |y| (x, y)));
        let set = columns_first.map(|(x, y)| columns.contains(&x) && rows.contains(&y));
        Pixels { height, width, set: set.collect() }
    }

    fn frames(&mut self, length: u64, [height, width]: [u32; 2]) -> Vec<Option<Pixels>> {
        let frame = |_| (!self.one_in(5)).then(|| self.pixels(height, width));
        (0..length).map(frame).collect()
    }

    /// The same object, a little off.
    fn disturbed(&mut self, frames: &[Option<Pixels>]) -> Vec<Option<Pixels>> {
        let mut frames = frames.to_vec();
        for pixels in frames.iter_mut().flatten() {
            let count = pixels.set.len() as u64;
            for _ in 0..self.pick(&[0, 0, 1, 2, count / 8]) {
                let pixel = self.below(count) as usize;
                pixels.set[pixel] = !pixels.set[pixel];
            }
            if self.one_in(40) {
                std::mem::swap(&mut pixels.height, &mut pixels.width);
            }
        }
        if self.one_in(20) {
            frames.pop();
        }
        if self.one_in(20) {
            frames.push(None);
        }
        frames
    }

    pub(super) fn dataset(&mut self) -> Dataset {
        let mut data = Dataset {
            videos: [2, 5, 9, 31][..=self.below(4) as usize].to_vec(),
            categories: [1, 4, 6][..=self.below(3) as usize].to_vec(),
            ..Dataset::default()
        };
        // Now and then as large as the area ranges need.
        let size = if self.one_in(25) { [300, 260] } else { self.pick(&[[6, 5], [3, 9], [8, 8]]) };
        let length = |video: i64| 1 + video as u64 % 4;
        let first_id = i64::from(!self.one_in(8));
        for index in 0..self.below(7) {
            let video = self.pick(&data.videos);
            let areas = (!self.one_in(3)).then(|| {
                let area =
                    |_| self.pick(&[None, Some(0.0), Some(12.0), Some(16384.0), Some(65536.0)]);
                (0..length(video)).map(area).collect()
            });
            data.truths.push(Object {
                id: first_id + index as i64,
                video,
                category: self.pick(&data.categories),
                frames: self.frames(length(video), size),
                is_crowd: self.one_in(5),
                areas,
                score: 0.0,
            });
        }
        for index in 0..self.pick(&[0, 1, 4, 8, 16, 30]) {
            let copied =
                (!data.truths.is_empty() && !self.one_in(3)).then(|| self.pick(&data.truths));
            let video =
                copied.as_ref().map_or_else(|| self.pick(&data.videos), |copied| copied.video);
            let category =
                copied.as_ref().filter(|_| !self.one_in(8)).map(|copied| copied.category);
            let frames = match &copied {
                Some(copied) => self.disturbed(&copied.frames),
                None => self.frames(length(video), size),
            };
            data.results.push(Object {
                id: index + 1,
                video,
                category: category.unwrap_or_else(|| self.pick(&data.categories)),
                frames,
                is_crowd: false,
                areas: None,
                score: self.below(6) as f64 / 8.0,
            });
        }
        data
    }
}

fn run_lengths(pixels: &Pixels) -> Vec<u32> {
    let (mut counts, mut value) = (vec![0], false);
    for &pixel in &pixels.set {
        if pixel != value {
            counts.push(0);
            value = pixel;
        }
        *counts.last_mut().unwrap() += 1;
    }
    counts
}

fn compressed(pixels: &Pixels) -> String {
    let Pixels { height, width, .. } = *pixels;
    let mut mask = BitMask::new(ImageSize { height, width });
    for (index, &set) in pixels.set.iter().enumerate() {
        mask.set(index as u32 % height, index as u32 / height, set);
    }
    Rle::encode(&mask).to_compressed()
}

/// Writes the two files of a dataset; annotations take turns in the form of their masks.
pub(super) fn write(data: &Dataset, truth_path: &Path, results_path: &Path) {
    let masks = |frames: &[Option<Pixels>], is_compressed: bool| -> Vec<Value> {
        let mask = |pixels: &Pixels| {
            let counts =
                if is_compressed { json!(compressed(pixels)) } else { json!(run_lengths(pixels)) };
            json!({"size": [pixels.height, pixels.width], "counts": counts})
        };
        frames.iter().map(|frame| frame.as_ref().map_or(Value::Null, mask)).collect()
    };
    let annotation = |truth: &Object| {
        let mut annotation = json!({
            "id": truth.id, "video_id": truth.video, "category_id": truth.category,
            "iscrowd": u8::from(truth.is_crowd),
            "segmentations": masks(&truth.frames, truth.id % 2 == 0),
        });
        if let Some(areas) = &truth.areas {
            annotation["areas"] = json!(areas);
        }
        annotation
    };
    let size = |truth: &&Object| truth.frames.iter().flatten().next().map(|p| (p.height, p.width));
    let (height, width) = data.truths.iter().find_map(|truth| size(&truth)).unwrap_or((1, 1));
    let video =
        |&id: &i64| json!({"id": id, "height": height, "width": width, "length": 1 + id % 4});
    let truth = json!({
        // Not in the order of ids.
        "videos": data.videos.iter().rev().map(video).collect::<Vec<_>>(),
        "categories": data.categories.iter().rev().map(|id| json!({"id": id, "name": "c"})).collect::<Vec<_>>(),
        "annotations": data.truths.iter().map(annotation).collect::<Vec<_>>(),
    });
    let result = |result: &Object| {
        json!({
            "video_id": result.video, "score": result.score, "category_id": result.category,
            "segmentations": masks(&result.frames, true),
        })
    };
    let results: Vec<Value> = data.results.iter().map(result).collect();
    fs::write(truth_path, truth.to_string()).unwrap();
    fs::write(results_path, json!(results).to_string()).unwrap();
}
