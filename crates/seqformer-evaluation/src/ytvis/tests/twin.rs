//! Average precision from its definition, slowly: every pixel is compared, and every cell of the
//! arrays is ranked from the beginning.

/// A mask as pixels in any fixed order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pixels {
    pub(super) height: u32,
    pub(super) width: u32,
    /// Column by column.
    pub(super) set: Vec<bool>,
}

/// An annotated or a found object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) id: i64,
    pub(super) video: i64,
    pub(super) category: i64,
    pub(super) frames: Vec<Option<Pixels>>,
    /// Of annotations only.
    pub(super) is_crowd: bool,
    /// Of annotations only; `None` where the file has none, so that pixels are counted.
    pub(super) areas: Option<Vec<Option<f64>>>,
    /// Of results only.
    pub(super) score: f64,
}

/// An object with what is compared of it.
struct Measured<'a> {
    object: &'a Object,
    average_area: f64,
    /// Of results only: the IoU with every annotation of the dataset.
    ious: Vec<f64>,
    /// Its place in the list.
    index: usize,
}

#[derive(Debug, Default)]
pub(super) struct Dataset {
    /// Ascending.
    pub(super) videos: Vec<i64>,
    /// Ascending.
    pub(super) categories: Vec<i64>,
    pub(super) truths: Vec<Object>,
    pub(super) results: Vec<Object>,
}

/// A detection in the ranking of a cell.
#[derive(Clone, Copy)]
struct Hit {
    score: f64,
    is_found: bool,
    is_ignored: bool,
}

const AREAS: [(f64, f64); 4] =
    [(0.0, 1e10), (0.0, 128.0 * 128.0), (128.0 * 128.0, 256.0 * 256.0), (256.0 * 256.0, 1e10)];
const LIMITS: [usize; 3] = [1, 10, 100];
/// numpy: np.linspace(0.5, 0.95, 10)
const THRESHOLDS: [f64; 10] =
    [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.899_999_999_999_999_9, 0.95];

impl Object {
    fn average_area(&self) -> f64 {
        let count = |pixels: &Pixels| pixels.set.iter().filter(|&&set| set).count() as f64;
        let areas: Vec<f64> = match &self.areas {
            Some(areas) => areas.iter().copied().flatten().collect(),
            None => self.frames.iter().flatten().map(count).collect(),
        };
        let areas: Vec<f64> = areas.into_iter().filter(|&area| area != 0.0).collect();
        if areas.is_empty() { 0.0 } else { areas.iter().sum::<f64>() / areas.len() as f64 }
    }
}

impl Object {
    /// The same object with every mask replaced by the box around it; its areas stay what they are.
    pub(super) fn boxed(&self) -> Self {
        let count = |pixels: &Pixels| pixels.set.iter().filter(|&&set| set).count() as f64;
        let counted = || self.frames.iter().map(|frame| frame.as_ref().map(count)).collect();
        let areas = Some(self.areas.clone().unwrap_or_else(counted));
        let frames = self.frames.iter().map(|frame| frame.as_ref().map(Pixels::boxed)).collect();
        Self { frames, areas, ..self.clone() }
    }
}

impl Pixels {
    fn boxed(&self) -> Self {
        let height = self.height as usize;
        let set = self.set.iter().enumerate().filter(|&(_, &set)| set);
        let places: Vec<[usize; 2]> =
            set.map(|(pixel, _)| [pixel / height, pixel % height]).collect();
        let range = |axis: usize| {
            let values = places.iter().map(|place| place[axis]);
            values.clone().min().unwrap_or(1)..=values.max().unwrap_or(0)
        };
        let (columns, rows) = (range(0), range(1));
        let is_in = |pixel| columns.contains(&(pixel / height)) && rows.contains(&(pixel % height));
        Self { set: (0..self.set.len()).map(is_in).collect(), ..self.clone() }
    }
}

impl<'a> Measured<'a> {
    fn all(objects: &'a [Object], truths: &[Object]) -> Vec<Self> {
        let measure = |(index, object): (usize, &'a Object)| {
            let iou = |truth: &Object| {
                if truth.video == object.video { video_iou(object, truth) } else { f64::NAN }
            };
            let ious = truths.iter().map(iou).collect();
            Self { object, average_area: object.average_area(), ious, index }
        };
        objects.iter().enumerate().map(measure).collect()
    }

    fn is_outside(&self, (low, high): (f64, f64)) -> bool {
        self.average_area < low || self.average_area > high
    }
}

fn video_iou(result: &Object, truth: &Object) -> f64 {
    let (mut intersection, mut union) = (0_u64, 0_u64);
    for frame in 0..result.frames.len().min(truth.frames.len()) {
        let (a, b) = (&result.frames[frame], &truth.frames[frame]);
        let pixels =
            a.as_ref().map_or(0, |a| a.set.len()).max(b.as_ref().map_or(0, |b| b.set.len()));
        if let (Some(a), Some(b)) = (a, b)
            && (a.height, a.width) != (b.height, b.width)
        {
            continue;
        }
        for pixel in 0..pixels {
            let a = a.as_ref().is_some_and(|a| a.set[pixel]);
            let b = b.as_ref().is_some_and(|b| b.set[pixel]);
            intersection += u64::from(a && b);
            union += u64::from(a || b);
        }
    }
    if union == 0 { 0.0 } else { intersection as f64 / union as f64 }
}

/// Bubbles the best score up; equal scores never change places.
fn sort_by_score<T>(items: &mut [T], score: impl Fn(&T) -> f64) {
    for end in (1..items.len()).rev() {
        for i in 0..end {
            if score(&items[i]) < score(&items[i + 1]) {
                items.swap(i, i + 1);
            }
        }
    }
}

/// Returns the ranked hits of a video, and how many objects there are to be found.
fn hits_of_video(
    truths: &[&Measured<'_>],
    results: &[&Measured<'_>],
    area: (f64, f64),
    threshold: f64,
) -> (Vec<Hit>, usize) {
    let is_ignored = |truth: &Measured<'_>| truth.object.is_crowd || truth.is_outside(area);
    let mut ordered: Vec<&Measured<'_>> =
        truths.iter().copied().filter(|truth| !is_ignored(truth)).collect();
    let num_positives = ordered.len();
    ordered.extend(truths.iter().copied().filter(|truth| is_ignored(truth)));
    let mut results = results.to_vec();
    sort_by_score(&mut results, |result| result.object.score);
    results.truncate(100);
    let mut is_taken = vec![false; ordered.len()];
    let mut hits = Vec::new();
    for result in results {
        let mut best: Option<usize> = None;
        let mut best_iou = if threshold > 1.0 - 1e-10 { 1.0 - 1e-10 } else { threshold };
        for (index, truth) in ordered.iter().enumerate() {
            if is_taken[index] && !truth.object.is_crowd {
                continue;
            }
            if index >= num_positives && best.is_some_and(|best| best < num_positives) {
                break;
            }
            let iou = result.ious[truth.index];
            if iou >= best_iou {
                best_iou = iou;
                best = Some(index);
            }
        }
        let is_found = best.is_some_and(|best| ordered[best].object.id != 0);
        let mut is_ignored = best.is_some_and(|best| best >= num_positives);
        if let Some(best) = best {
            is_taken[best] = true;
        }
        is_ignored |= !is_found && result.is_outside(area);
        hits.push(Hit { score: result.object.score, is_found, is_ignored });
    }
    (hits, num_positives)
}

/// Returns the precision at the 101 recall points and the recall.
fn curve(ranking: &[Hit], num_positives: usize) -> (Vec<f64>, f64) {
    let mut points = Vec::new();
    for end in 1..=ranking.len() {
        let counted = || ranking[..end].iter().filter(|hit| !hit.is_ignored);
        let right = counted().filter(|hit| hit.is_found).count() as f64;
        let wrong = counted().filter(|hit| !hit.is_found).count() as f64;
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
pub(super) fn curves(data: &Dataset) -> (Vec<f64>, Vec<f64>) {
    let truths = Measured::all(&data.truths, &[]);
    let results = Measured::all(&data.results, &data.truths);
    let (k, a, m) = (data.categories.len(), AREAS.len(), LIMITS.len());
    let mut precision = vec![-1.0; 10 * 101 * k * a * m];
    let mut recall = vec![-1.0; 10 * k * a * m];
    for (cell, recall) in recall.chunks_mut(m).enumerate() {
        let (t, c, i) = (cell / a / k, cell / a % k, cell % a);
        let mut videos = Vec::new();
        let mut num_positives = 0;
        for &video in &data.videos {
            let is_here = |measured: &&Measured<'_>| {
                measured.object.video == video && measured.object.category == data.categories[c]
            };
            let truths: Vec<_> = truths.iter().filter(is_here).collect();
            let results: Vec<_> = results.iter().filter(is_here).collect();
            let (hits, positives) = hits_of_video(&truths, &results, AREAS[i], THRESHOLDS[t]);
            videos.push(hits);
            num_positives += positives;
        }
        if num_positives == 0 {
            continue;
        }
        for (j, &limit) in LIMITS.iter().enumerate() {
            let mut ranking: Vec<Hit> =
                videos.iter().flat_map(|hits| &hits[..hits.len().min(limit)]).copied().collect();
            sort_by_score(&mut ranking, |hit| hit.score);
            let (points, last) = curve(&ranking, num_positives);
            recall[j] = last;
            for (r, point) in points.into_iter().enumerate() {
                precision[(((t * 101 + r) * k + c) * a + i) * m + j] = point;
            }
        }
    }
    (precision, recall)
}
