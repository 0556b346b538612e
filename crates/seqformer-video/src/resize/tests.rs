use super::*;

#[test]
fn blocks_are_averaged() {
    let image = RgbImage {
        size: ImageSize { height: 2, width: 4 },
        pixels: [0, 10, 20, 30, 2, 12, 22, 34].iter().flat_map(|value| [*value; 3]).collect(),
    };
    let half = shrink(&image, ImageSize { height: 1, width: 2 });
    assert_eq!(half.pixels, [6, 6, 6, 27, 27, 27]); // 24 / 4 and 106 / 4
    assert_eq!(shrink(&image, image.size), image);
}

#[test]
fn every_size_gives_a_full_picture_of_its_own_values() {
    let size = ImageSize { height: 7, width: 11 };
    let image = RgbImage { size, pixels: vec![9; 7 * 11 * 3] };
    for (height, width) in [(1, 1), (3, 5), (7, 10), (20, 30)] {
        let resized = shrink(&image, ImageSize { height, width });
        assert_eq!(resized.pixels, vec![9; (height * width * 3) as usize]);
    }
}
