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
        let expected: Vec<f64> = expected.iter().flat_map(|window| window[1..].to_vec()).collect();
        let windows = grid.partition(&map).narrow(2, 0, 1).contiguous().view([-1]);
        assert_eq!(
            Vec::<f32>::try_from(&windows).unwrap(),
            expected.iter().map(|&v| v as f32).collect::<Vec<_>>(),
            "{grid:?}"
        );
    }
}
