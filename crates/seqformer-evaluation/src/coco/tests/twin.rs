//! Average precision of images from its definition, slowly: every pixel is compared, and every
//! cell of the arrays is matched and ranked from the beginning.

use crate::IouKind;

/// An annotated or a found object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) id: i64,
    pub(super) image: i64,
    pub(super) category: i64,
    /// Height and width of the mask.
    pub(super) size: [u32; 2],
    /// Column by column.
    pub(super) pixels: Vec<bool>,
    /// `x, y, width, height`
    pub(super) bbox: [f64; 4],
    /// Of annotations only.
    pub(super) is_crowd: bool,
    /// Of annotations only; `None` where the file has none, so that pixels are counted.
    pub(super) area: Option<f64>,
    /// Of results only.
    pub(super) score: f64,
}

#[derive(Debug, Default)]
pub(super) struct Dataset {
    /// Ascending.
    pub(super) images: Vec<i64>,
    pub(super) size: [u32; 2],
    /// Ascending.
    pub(super) categories: Vec<i64>,
    pub(super) truths: Vec<Object>,
    pub(super) results: Vec<Object>,
}

/// What one cell of the arrays is about, apart from the number of detections.
#[derive(Clone, Copy)]
struct Cell {
    category: i64,
    area: (f64, f64),
    threshold: f64,
}

/// A dataset with the IoU of every result and annotation of an image.
struct Measured<'a> {
    data: &'a Dataset,
    kind: IouKind,
    ious: Vec<Vec<f64>>,
}

/// A detection in the ranking of a cell.
#[derive(Clone, Copy)]
struct Hit {
    score: f64,
    is_found: bool,
    is_ignored: bool,
}

const AREAS: [(f64, f64); 4] =
    [(0.0, 1e5 * 1e5), (0.0, 32.0 * 32.0), (32.0 * 32.0, 96.0 * 96.0), (96.0 * 96.0, 1e5 * 1e5)];
const LIMITS: [usize; 3] = [1, 10, 100];
/// numpy: np.linspace(0.5, 0.95, 10)
const THRESHOLDS: [f64; 10] =
    [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.899_999_999_999_999_9, 0.95];

impl Object {
    fn num_pixels(&self) -> f64 {
        self.pixels.iter().filter(|&&pixel| pixel).count() as f64
    }

    fn found_area(&self, kind: IouKind) -> f64 {
        match kind {
            IouKind::Mask => self.num_pixels(),
            IouKind::Box => self.bbox[2] * self.bbox[3],
        }
    }

    fn true_area(&self) -> f64 {
        self.area.unwrap_or_else(|| self.num_pixels())
    }
}

fn iou(kind: IouKind, result: &Object, truth: &Object) -> f64 {
    let (common, all) = match kind {
        IouKind::Mask if result.size != truth.size => (0.0, 1.0),
        IouKind::Mask => {
            let pairs = || result.pixels.iter().zip(&truth.pixels);
            let count =
                |set: fn(bool, bool) -> bool| pairs().filter(|&(&a, &b)| set(a, b)).count() as f64;
            (count(|a, b| a && b), count(|a, b| a || b))
        }
        IouKind::Box => {
            let overlap = |axis: usize| {
                let ends = [result, truth].map(|of| of.bbox[axis] + of.bbox[axis + 2]);
                (ends[0].min(ends[1]) - result.bbox[axis].max(truth.bbox[axis])).max(0.0)
            };
            let area = |of: &Object| of.bbox[2] * of.bbox[3];
            let common = overlap(0) * overlap(1);
            (common, area(result) + area(truth) - common)
        }
    };
    let all = if truth.is_crowd { result.found_area(kind) } else { all };
    if common == 0.0 { 0.0 } else { common / all }
}

/// Puts higher scores first, one by one; a later one goes behind all of its equals.
fn insert_by_score<T>(items: impl IntoIterator<Item = T>, score: impl Fn(&T) -> f64) -> Vec<T> {
    let mut sorted: Vec<T> = Vec::new();
    for item in items {
        let behind = sorted.iter().filter(|other| score(other) >= score(&item)).count();
        sorted.insert(behind, item);
    }
    sorted
}

/// Returns the ranked hits of an image, and how many objects there are to be found.
fn hits_of_image(measured: &Measured<'_>, image: i64, cell: Cell) -> (Vec<Hit>, usize) {
    let Measured { data, kind, ref ious } = *measured;
    let Cell { category, area: (low, high), threshold } = cell;
    let is_outside = |area: f64| area < low || area > high;
    let here = |objects: &[Object]| -> Vec<usize> {
        let is_here = |object: &Object| object.image == image && object.category == category;
        (0..objects.len()).filter(|&index| is_here(&objects[index])).collect()
    };
    let is_ignored = |&truth: &usize| {
        let truth = &data.truths[truth];
        truth.is_crowd || is_outside(truth.true_area())
    };
    let (ignored, counted): (Vec<usize>, Vec<usize>) =
        here(&data.truths).into_iter().partition(is_ignored);
    let ranked = insert_by_score(here(&data.results), |&result| data.results[result].score);
    let mut taken = vec![false; data.truths.len()];
    let mut hits = Vec::new();
    for result in ranked.into_iter().take(100) {
        // The highest IoU that reaches the threshold, of equals the last.
        let best_of = |truths: &[usize]| {
            let mut best = None;
            let mut best_iou = threshold;
            for &truth in truths {
                let is_free = data.truths[truth].is_crowd || !taken[truth];
                if is_free && ious[result][truth] >= best_iou {
                    (best, best_iou) = (Some(truth), ious[result][truth]);
                }
            }
            best
        };
        let best_counted = best_of(&counted);
        let best = best_counted.or_else(|| best_of(&ignored));
        if let Some(best) = best {
            taken[best] = true;
        }
        let result = &data.results[result];
        let is_found = best.is_some_and(|best| data.truths[best].id != 0);
        let takes_ignored = best.is_some() && best_counted.is_none();
        let is_ignored = takes_ignored || (!is_found && is_outside(result.found_area(kind)));
        hits.push(Hit { score: result.score, is_found, is_ignored });
    }
    (hits, counted.len())
}

/// Returns the precision at the 101 recall points and the recall.
fn curve(ranking: &[Hit], num_positives: usize) -> (Vec<f64>, f64) {
    let (mut points, mut right, mut wrong) = (Vec::new(), 0.0, 0.0);
    for hit in ranking {
        if !hit.is_ignored {
            *if hit.is_found { &mut right } else { &mut wrong } += 1.0;
        }
        points.push((right / num_positives as f64, right / (right + wrong + f64::EPSILON)));
    }
    let precision_at = |recall: f64| {
        let reached = points.iter().filter(|point| point.0 >= recall).map(|point| point.1);
        reached.fold(0.0, f64::max)
    };
    let recalls = (0..101).map(|i| if i == 100 { 1.0 } else { f64::from(i) * 0.01 });
    (recalls.map(precision_at).collect(), points.last().map_or(0.0, |point| point.0))
}

/// Returns precision `[T, R, K, A, M]` and recall `[T, K, A, M]`.
pub(super) fn curves(data: &Dataset, kind: IouKind) -> (Vec<f64>, Vec<f64>) {
    let ious = |result: &Object| -> Vec<f64> {
        let ious = data.truths.iter().map(|truth| {
            if truth.image == result.image { iou(kind, result, truth) } else { f64::NAN }
        });
        ious.collect()
    };
    let measured = Measured { data, kind, ious: data.results.iter().map(ious).collect() };
    let (k, a, m) = (data.categories.len(), AREAS.len(), LIMITS.len());
    let mut precision = vec![-1.0; 10 * 101 * k * a * m];
    let mut recall = vec![-1.0; 10 * k * a * m];
    for (index, recall) in recall.chunks_mut(m).enumerate() {
        let (t, c, i) = (index / a / k, index / a % k, index % a);
        let (category, area, threshold) = (data.categories[c], AREAS[i], THRESHOLDS[t]);
        let cell = Cell { category, area, threshold };
        let hits = data.images.iter().map(|&image| hits_of_image(&measured, image, cell));
        let (images, positives): (Vec<_>, Vec<usize>) = hits.unzip();
        let num_positives: usize = positives.into_iter().sum();
        if num_positives == 0 {
            continue;
        }
        for (j, &limit) in LIMITS.iter().enumerate() {
            let hits = images.iter().flat_map(|hits| &hits[..hits.len().min(limit)]).copied();
            let (points, last) = curve(&insert_by_score(hits, |hit| hit.score), num_positives);
            recall[j] = last;
            for (r, point) in points.into_iter().enumerate() {
                precision[(((t * 101 + r) * k + c) * a + i) * m + j] = point;
            }
        }
    }
    (precision, recall)
}
