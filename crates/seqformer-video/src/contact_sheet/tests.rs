use super::*;

fn plain(height: u32, width: u32, value: u8) -> RgbImage {
    RgbImage {
        size: ImageSize { height, width },
        pixels: vec![value; (height * width * 3) as usize],
    }
}

#[test]
fn tiles_fill_the_sheet_row_by_row() {
    let mut sheet = ContactSheet::new(2, 10);
    for value in [50, 100, 150] {
        sheet.push(&plain(20, 40, value)).unwrap();
    }
    let sheet = sheet.finish().unwrap();
    // Tiles of 10 x 5 in two rows of two, with gaps of 4.
    assert_eq!(sheet.size, ImageSize { height: 22, width: 32 });
    let at = |x: usize, y: usize| sheet.pixels[(y * 32 + x) * 3];
    assert_eq!([at(4, 4), at(13, 8), at(18, 4), at(4, 13)], [50, 50, 100, 150]);
    assert_eq!([at(0, 0), at(14, 4), at(4, 9), at(18, 13)], [BACKGROUND; 4]);
}

#[test]
fn nothing_gives_nothing() {
    assert!(ContactSheet::new(0, 0).finish().is_none());
    let mut sheet = ContactSheet::new(0, 0);
    sheet.push(&plain(3, 3, 1)).unwrap();
    assert_eq!(sheet.finish().unwrap().size, ImageSize { height: 9, width: 9 });
    let mut sheet = ContactSheet::new(3, 5);
    sheet.push(&plain(0, 0, 1)).unwrap();
    assert!(sheet.finish().is_some());
}
