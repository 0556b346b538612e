//! Random small datasets with everything that a real one has seldom: equal scores, crowds, empty
//! images, masks of the wrong size, areas at the border, boxes turned inside out, the id 0.

use std::fs;
use std::path::Path;

use seqformer_masks::{BitMask, ImageSize, Rle};
use seqformer_testing::splitmix64;
use serde_json::{Value, json};

use super::twin::{Dataset, Object};

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

    /// A block of pixels, sometimes nothing or everything, and a box of its own, which is only
    /// now and then the same.
    fn object(&mut self, size: [u32; 2]) -> Object {
        let mut range = |end: u32| {
            let [a, b] = [0; 2].map(|_| self.below(u64::from(end) + 1) as u32);
            [a.min(b), a.max(b)]
        };
        let [[y0, y1], [x0, x1]] = size.map(&mut range);
        let [height, width] = size;
        let columns_first = (0..width).flat_map(|x| (0..height).map(move |y| (x, y)));
        let set = columns_first.map(|(x, y)| (x0..x1).contains(&x) && (y0..y1).contains(&y));
        let pixels = set.collect();
        let mut bbox = [x0, y0, x1 - x0, y1 - y0].map(f64::from);
        // Quarters, so that no sum or product is rounded.
        for number in &mut bbox {
            *number += self.pick(&[0.0, 0.0, 0.25, -0.5]);
        }
        let (id, image, category, is_crowd, area, score) = (0, 0, 0, false, None, 0.0);
        Object { id, image, category, size, pixels, bbox, is_crowd, area, score }
    }

    /// The same object, a little off.
    fn disturbed(&mut self, of: &Object) -> Object {
        let mut object = of.clone();
        let count = object.pixels.len() as u64;
        for _ in 0..self.pick(&[0, 0, 1, 2, count / 8]) {
            let pixel = self.below(count) as usize;
            object.pixels[pixel] = !object.pixels[pixel];
        }
        for number in &mut object.bbox {
            *number += self.pick(&[0.0, 0.0, 0.0, 0.25, -0.25, 1.0]);
        }
        if self.one_in(40) {
            object.size.reverse();
        }
        object
    }

    pub(super) fn dataset(&mut self) -> Dataset {
        // Now and then as large as the area ranges need.
        let size = if self.one_in(25) {
            [100, 110]
        } else {
            self.pick(&[[6, 5], [3, 9], [8, 8], [40, 30]])
        };
        let mut data = Dataset {
            images: [2, 5, 9, 31][..=self.below(4) as usize].to_vec(),
            size,
            categories: [1, 4, 6][..=self.below(3) as usize].to_vec(),
            ..Dataset::default()
        };
        let first_id = i64::from(!self.one_in(8));
        for index in 0..self.below(7) as i64 {
            let object = self.object(size);
            let areas = [0.0, 12.0, 1024.0, 1024.5, 9216.0, 9215.5, 1e10, 2e10, -1.0];
            data.truths.push(Object {
                id: first_id + index,
                image: self.pick(&data.images),
                category: self.pick(&data.categories),
                is_crowd: self.one_in(5),
                area: (!self.one_in(3)).then(|| self.pick(&areas)),
                ..object
            });
        }
        let count = if self.one_in(40) { 230 } else { self.pick(&[0, 1, 4, 8, 16, 30]) };
        for index in 0..count {
            let copied =
                (!data.truths.is_empty() && !self.one_in(3)).then(|| self.pick(&data.truths));
            let (image, category) = match &copied {
                Some(copied) if !self.one_in(8) => (copied.image, copied.category),
                _ => (self.pick(&data.images), self.pick(&data.categories)),
            };
            let object = match &copied {
                Some(copied) => self.disturbed(copied),
                None => self.object(size),
            };
            let score = self.below(6) as f64 / 8.0;
            data.results.push(Object { id: index + 1, image, category, score, ..object });
        }
        data
    }
}

fn run_lengths(object: &Object) -> Vec<u32> {
    let (mut counts, mut value) = (vec![0], false);
    for &pixel in &object.pixels {
        if pixel != value {
            counts.push(0);
            value = pixel;
        }
        *counts.last_mut().unwrap() += 1;
    }
    counts
}

fn compressed(object: &Object) -> String {
    let [height, width] = object.size;
    let mut mask = BitMask::new(ImageSize { height, width });
    for (index, &set) in object.pixels.iter().enumerate() {
        mask.set(index as u32 % height, index as u32 / height, set);
    }
    Rle::encode(&mask).to_compressed()
}

fn mask(object: &Object, counts: Value) -> Value {
    json!({"size": object.size, "counts": counts})
}

/// Writes the two files of a dataset; annotations take turns in the form of their masks.
pub(super) fn write(data: &Dataset, truth_path: &Path, results_path: &Path) {
    let annotation = |truth: &Object| {
        let counts =
            if truth.id % 2 == 0 { json!(compressed(truth)) } else { json!(run_lengths(truth)) };
        let mut annotation = json!({
            "id": truth.id, "image_id": truth.image, "category_id": truth.category,
            "iscrowd": u8::from(truth.is_crowd), "bbox": truth.bbox,
            "segmentation": mask(truth, counts),
        });
        if let Some(area) = truth.area {
            annotation["area"] = json!(area);
        }
        annotation
    };
    let [height, width] = data.size;
    let image = |id: &i64| json!({"id": id, "height": height, "width": width});
    let truth = json!({
        // Not in the order of ids.
        "images": data.images.iter().rev().map(image).collect::<Vec<_>>(),
        "categories": data.categories.iter().rev().map(|id| json!({"id": id, "name": "c"})).collect::<Vec<_>>(),
        "annotations": data.truths.iter().map(annotation).collect::<Vec<_>>(),
    });
    let result = |result: &Object| {
        json!({
            "image_id": result.image, "score": result.score, "category_id": result.category,
            "bbox": result.bbox, "segmentation": mask(result, json!(compressed(result))),
        })
    };
    let results: Vec<Value> = data.results.iter().map(result).collect();
    fs::write(truth_path, truth.to_string()).unwrap();
    fs::write(results_path, json!(results).to_string()).unwrap();
}
