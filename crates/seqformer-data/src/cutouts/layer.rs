//! Pixels that are placed in a frame.

use seqformer_masks::ImageSize;

use super::affine_map::AffineMap;

/// Pixels of `C` channels, row-major. There is nothing beyond them.
#[derive(Debug, Clone)]
pub(super) struct Layer<const C: usize> {
    pub(super) size: ImageSize,
    pub(super) pixels: Vec<[f32; C]>,
}

/// The part of a frame that a layer covers.
#[derive(Debug)]
pub(super) struct Drawn<const C: usize> {
    /// The first column and row.
    left: usize,
    top: usize,
    width: usize,
    pixels: Vec<[f32; C]>,
}

impl<const C: usize> Drawn<C> {
    /// Visits the pixels with their indices in a frame of `size`.
    pub(super) fn for_each(&self, size: ImageSize, mut visit: impl FnMut(usize, [f32; C])) {
        if self.width == 0 {
            return;
        }
        for (row, pixels) in self.pixels.chunks_exact(self.width).enumerate() {
            let start = (self.top + row) * size.width as usize + self.left;
            for (column, &pixel) in pixels.iter().enumerate() {
                visit(start + column, pixel);
            }
        }
    }
}

impl<const C: usize> Layer<C> {
    /// Returns the corners, clockwise from the upper left one.
    pub(super) fn corners(&self) -> [[f64; 2]; 4] {
        let (width, height) = (f64::from(self.size.width), f64::from(self.size.height));
        [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]
    }

    /// Draws the mean over several `poses`, which map the layer into a frame of `size`. Pixels are interpolated
    /// linearly.
    pub(super) fn draw(&self, poses: &[AffineMap], size: ImageSize) -> Drawn<C> {
        let points = poses.iter().flat_map(|pose| self.corners().map(|corner| pose.apply(corner)));
        let mut low = [f64::MAX; 2];
        let mut high = [f64::MIN; 2];
        for point in points {
            for axis in [0, 1] {
                // Interpolation reaches half a pixel of the layer further.
                low[axis] = low[axis].min(point[axis] - 1.0);
                high[axis] = high[axis].max(point[axis] + 1.0);
            }
        }
        let sides = [size.width, size.height].map(f64::from);
        let first = [0, 1].map(|axis| low[axis].clamp(0.0, sides[axis]) as usize);
        let end = [0, 1].map(|axis| high[axis].ceil().clamp(0.0, sides[axis]) as usize);
        let [width, height] = [0, 1].map(|axis| end[axis].saturating_sub(first[axis]));
        let mut pixels = vec![[0.0; C]; width * height];
        for pose in poses {
            let back = pose.inverse();
            let [step_x, step_y] = [back.linear[0][0], back.linear[1][0]];
            for (row, line) in pixels.chunks_exact_mut(width.max(1)).enumerate() {
                let center = [first[0] as f64 + 0.5, (first[1] + row) as f64 + 0.5];
                let [x, y] = back.apply(center);
                for (column, pixel) in line.iter_mut().enumerate() {
                    let column = column as f64;
                    self.add(pixel, x + column * step_x - 0.5, y + column * step_y - 0.5);
                }
            }
        }
        let share = 1.0 / poses.len().max(1) as f32;
        for pixel in &mut pixels {
            *pixel = pixel.map(|value| value * share);
        }
        Drawn { left: first[0], top: first[1], width, pixels }
    }

    /// Adds the value at a place, where the centre of the first pixel is at the origin.
    #[inline]
    fn add(&self, sum: &mut [f32; C], x: f64, y: f64) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        if !(x > -1.0 && y > -1.0 && x < width as f64 && y < height as f64) {
            return;
        }
        // Both are at least −1 here, so truncation rounds down.
        let (left, upper) = ((x + 1.0) as usize, (y + 1.0) as usize);
        let (right, lower) = ((x + 1.0 - left as f64) as f32, (y + 1.0 - upper as f64) as f32);
        let weights = [
            (1.0 - right) * (1.0 - lower),
            right * (1.0 - lower),
            (1.0 - right) * lower,
            right * lower,
        ];
        let is_inner = left > 0 && upper > 0 && left < width && upper < height;
        if is_inner {
            let start = (upper - 1) * width + left - 1;
            let (above, below) =
                (&self.pixels[start..start + 2], &self.pixels[start + width..start + width + 2]);
            for channel in 0..C {
                sum[channel] += weights[0] * above[0][channel]
                    + weights[1] * above[1][channel]
                    + weights[2] * below[0][channel]
                    + weights[3] * below[1][channel];
            }
            return;
        }
        for (corner, weight) in weights.into_iter().enumerate() {
            let (column, row) = (left + corner % 2, upper + corner / 2);
            if (1..=width).contains(&column) && (1..=height).contains(&row) {
                let pixel = &self.pixels[(row - 1) * width + column - 1];
                for channel in 0..C {
                    sum[channel] += weight * pixel[channel];
                }
            }
        }
    }

    /// Shrinks to `size` by averaging areas; sides do not grow.
    pub(super) fn shrunk(&self, size: ImageSize) -> Self {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let columns = spans(width, (size.width as usize).min(width));
        let rows = spans(height, (size.height as usize).min(height));
        let mut wide = Vec::with_capacity(columns.len() * height);
        for row in self.pixels.chunks_exact(width.max(1)) {
            wide.extend(columns.iter().map(|span| span.mean(|column| row[column])));
        }
        let mut pixels = Vec::with_capacity(columns.len() * rows.len());
        for span in &rows {
            for column in 0..columns.len() {
                pixels.push(span.mean(|row| wide[row * columns.len() + column]));
            }
        }
        let size = ImageSize { height: rows.len() as u32, width: columns.len() as u32 };
        Self { size, pixels }
    }
}

/// Neighbouring pixels with their weights, which add up to 1.
#[derive(Debug)]
struct Span {
    first: usize,
    weights: Vec<f32>,
}

impl Span {
    fn mean<const C: usize>(&self, pixel: impl Fn(usize) -> [f32; C]) -> [f32; C] {
        let mut mean = [0.0; C];
        for (index, weight) in self.weights.iter().enumerate() {
            let pixel = pixel(self.first + index);
            for channel in 0..C {
                mean[channel] += weight * pixel[channel];
            }
        }
        mean
    }
}

/// Divides `length` pixels into `parts` equal parts.
fn spans(length: usize, parts: usize) -> Vec<Span> {
    let share = length as f64 / parts as f64;
    let span = |part: usize| {
        let (start, end) = (part as f64 * share, (part + 1) as f64 * share);
        let (first, last) = (start as usize, (end.ceil() as usize).min(length));
        let covered = |pixel: usize| {
            let pixel = pixel as f64;
            (((pixel + 1.0).min(end) - pixel.max(start)).max(0.0) / share) as f32
        };
        Span { first, weights: (first..last).map(covered).collect() }
    };
    (0..parts).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(size: ImageSize) -> Layer<1> {
        let pixels = (0..size.num_pixels()).map(|index| [(index * index % 17) as f32]).collect();
        Layer { size, pixels }
    }

    fn frame(drawn: &Drawn<1>, size: ImageSize) -> Vec<f32> {
        let mut frame = vec![0.0; size.num_pixels() as usize];
        drawn.for_each(size, |index, [value]| frame[index] = value);
        frame
    }

    #[test]
    fn a_shift_by_whole_pixels_moves_pixels_and_leaves_out_what_is_beyond_the_frame() {
        let layer = layer(ImageSize { height: 4, width: 5 });
        let size = ImageSize { height: 6, width: 7 };
        for shift in [[1.0, 2.0], [-2.0, 0.0], [4.0, 4.0], [20.0, 0.0], [-5.0, -9.0]] {
            let pose = AffineMap { linear: [[1.0, 0.0], [0.0, 1.0]], shift };
            let drawn = frame(&layer.draw(&[pose], size), size);
            for (index, found) in drawn.into_iter().enumerate() {
                let x = (index % 7) as f64 - shift[0];
                let y = (index / 7) as f64 - shift[1];
                let is_inside = (0.0..5.0).contains(&x) && (0.0..4.0).contains(&y);
                let expected =
                    if is_inside { layer.pixels[(y * 5.0 + x) as usize][0] } else { 0.0 };
                assert_eq!(found, expected, "{shift:?} {index}");
            }
        }
    }

    #[test]
    fn several_poses_are_averaged() {
        let size = ImageSize { height: 4, width: 5 };
        let layer = layer(size);
        let pose = |x: f64| AffineMap { linear: [[1.0, 0.0], [0.0, 1.0]], shift: [x, 0.0] };
        let both = frame(&layer.draw(&[pose(0.0), pose(1.0)], size), size);
        let [one, two] = [0.0, 1.0].map(|x| frame(&layer.draw(&[pose(x)], size), size));
        for index in 0..both.len() {
            assert!((both[index] - f32::midpoint(one[index], two[index])).abs() < 1e-6);
        }
    }

    #[test]
    fn shrinking_keeps_the_mean() {
        let layer = layer(ImageSize { height: 9, width: 14 });
        let small = layer.shrunk(ImageSize { height: 4, width: 5 });
        let mean = |layer: &Layer<1>| {
            layer.pixels.iter().map(|[value]| value).sum::<f32>() / layer.pixels.len() as f32
        };
        assert_eq!((small.size.height, small.size.width, small.pixels.len()), (4, 5, 20));
        assert!((mean(&small) - mean(&layer)).abs() < 1e-4);
    }
}
