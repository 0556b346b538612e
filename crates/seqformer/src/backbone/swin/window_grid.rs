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
mod tests;
