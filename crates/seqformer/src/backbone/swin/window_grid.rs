//! A map divided into square windows.

use tch::Tensor;

/// Windows on a map of some size.
///
/// A shifted grid is the plain grid on the map rolled up and left by `shift`. Then the windows of
/// the last row and column contain tokens from both ends of the map, which must not attend to each
/// other. Which tokens these are depends only on whether a window is in the last row, the last
/// column, both or neither. Windows are therefore sorted into these four kinds, and each kind has
/// one mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowGrid {
    pub(super) height: i64,
    pub(super) width: i64,
    /// Width and height of a window in tokens.
    pub(super) window_size: i64,
    pub(super) shift: i64,
}

/// A rectangle of windows of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    first_row: i64,
    first_column: i64,
    rows: i64,
    columns: i64,
}

impl WindowGrid {
    /// Rows and columns of windows; the last ones may extend beyond the map.
    fn size(&self) -> (i64, i64) {
        let count = |side: i64| (side + self.window_size - 1) / self.window_size;
        (count(self.height), count(self.width))
    }

    /// The windows by kind: inner, last column, last row, corner; or a single kind if nothing is
    /// shifted.
    fn regions(&self) -> Vec<Region> {
        let (rows, columns) = self.size();
        if self.shift == 0 {
            return vec![Region { first_row: 0, first_column: 0, rows, columns }];
        }
        let (last_row, last_column) = (rows - 1, columns - 1);
        vec![
            Region { first_row: 0, first_column: 0, rows: last_row, columns: last_column },
            Region { first_row: 0, first_column: last_column, rows: last_row, columns: 1 },
            Region { first_row: last_row, first_column: 0, rows: 1, columns: last_column },
            Region { first_row: last_row, first_column: last_column, rows: 1, columns: 1 },
        ]
    }

    /// Number of windows of each kind in `images` images.
    pub(super) fn windows_per_kind(&self, images: i64) -> Vec<i64> {
        self.regions().iter().map(|region| images * region.rows * region.columns).collect()
    }

    /// `[N, H, W, C]` → `[windows, tokens, C]`, sorted by kind.
    ///
    /// Tokens beyond the map are zero.
    pub(super) fn partition(&self, map: &Tensor) -> Tensor {
        let (images, _, _, channels) = map.size4().expect("maps are [N, H, W, C]");
        let (rows, columns) = self.size();
        let side = self.window_size;
        let (below, right) = (rows * side - self.height, columns * side - self.width);
        let mut map = if below > 0 || right > 0 {
            map.constant_pad_nd([0, 0, 0, right, 0, below])
        } else {
            map.shallow_clone()
        };
        if self.shift > 0 {
            map = map.roll([-self.shift, -self.shift], [1, 2]);
        }
        let grid =
            map.view([images, rows, side, columns, side, channels]).permute([0, 1, 3, 2, 4, 5]);
        let windows = self.regions().into_iter().map(|region| {
            let part = grid.narrow(1, region.first_row, region.rows);
            let part = part.narrow(2, region.first_column, region.columns);
            part.reshape([images * region.rows * region.columns, side * side, channels])
        });
        concatenate(windows.collect(), 0)
    }

    /// The inverse: `[windows, tokens, C]` → `[N, H, W, C]`.
    pub(super) fn merge(&self, windows: &Tensor, images: i64) -> Tensor {
        let side = self.window_size;
        let channels = windows.size()[2];
        let counts = self.windows_per_kind(images);
        let parts = windows.split_with_sizes(counts, 0);
        let mut parts = self.regions().into_iter().zip(&parts).map(|(region, part)| {
            let part = part.view([images, region.rows, region.columns, side, side, channels]);
            let part = part.permute([0, 1, 3, 2, 4, 5]);
            part.reshape([images, region.rows * side, region.columns * side, channels])
        });
        let mut bands = Vec::new();
        while let Some(left) = parts.next() {
            bands.push(concatenate(std::iter::once(left).chain(parts.next()).collect(), 2));
        }
        let mut map = concatenate(bands, 1);
        if self.shift > 0 {
            map = map.roll([self.shift, self.shift], [1, 2]);
        }
        map.narrow(1, 0, self.height).narrow(2, 0, self.width)
    }
}

/// Concatenates tensors; a single one is not copied.
fn concatenate(mut parts: Vec<Tensor>, dim: i64) -> Tensor {
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(&parts, dim) }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    const GRIDS: [WindowGrid; 6] = [
        WindowGrid { height: 6, width: 9, window_size: 3, shift: 0 },
        WindowGrid { height: 7, width: 8, window_size: 3, shift: 1 },
        WindowGrid { height: 2, width: 11, window_size: 4, shift: 2 },
        WindowGrid { height: 9, width: 3, window_size: 3, shift: 1 },
        WindowGrid { height: 1, width: 1, window_size: 7, shift: 3 },
        WindowGrid { height: 5, width: 5, window_size: 1, shift: 0 },
    ];

    /// A map in which every token is different and none is zero.
    fn map(grid: &WindowGrid, images: i64) -> Tensor {
        let count = images * grid.height * grid.width * 2;
        let numbers = Tensor::arange(count, (Kind::Float, Device::Cpu)) + 1.0;
        numbers.view([images, grid.height, grid.width, 2])
    }

    #[test]
    fn merging_undoes_partitioning() {
        for grid in GRIDS {
            let map = map(&grid, 3);
            assert!(grid.merge(&grid.partition(&map), 3).equal(&map), "{grid:?}");
        }
    }

    #[test]
    fn windows_hold_the_tokens_of_the_rolled_and_padded_map() {
        for grid in GRIDS {
            let images = 2;
            let map = map(&grid, images);
            let WindowGrid { height, width, window_size, shift } = grid;
            let (rows, columns) = grid.size();
            let (padded_height, padded_width) = (rows * window_size, columns * window_size);
            let at = |image: i64, y: i64, x: i64| {
                // The token that a roll by -shift brings to (y, x).
                let (y, x) = ((y + shift) % padded_height, (x + shift) % padded_width);
                if y < height && x < width { map.double_value(&[image, y, x, 0]) } else { 0.0 }
            };
            let mut expected: Vec<Vec<f64>> = Vec::new();
            for image in 0..images {
                for row in 0..rows {
                    for column in 0..columns {
                        let tokens = (0..window_size * window_size).map(|token| {
                            let (y, x) = (token / window_size, token % window_size);
                            at(image, row * window_size + y, column * window_size + x)
                        });
                        let is_last = |index: i64, count: i64| shift > 0 && index == count - 1;
                        let kind = if is_last(row, rows) { 2.0 } else { 0.0 }
                            + if is_last(column, columns) { 1.0 } else { 0.0 };
                        expected.push(std::iter::once(kind).chain(tokens).collect());
                    }
                }
            }
            // One kind after another; within a kind, image by image.
            expected.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let expected: Vec<f64> =
                expected.iter().flat_map(|window| window[1..].to_vec()).collect();
            let windows = grid.partition(&map).narrow(2, 0, 1).contiguous().view([-1]);
            assert_eq!(
                Vec::<f32>::try_from(&windows).unwrap(),
                expected.iter().map(|&v| v as f32).collect::<Vec<_>>(),
                "{grid:?}"
            );
        }
    }
}
