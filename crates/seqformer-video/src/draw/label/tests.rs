use super::*;

fn region(left: usize, top: usize, width: usize, height: usize) -> Region {
    Region { left, top, width, height, inside: vec![true; width * height] }
}

#[test]
fn the_font_has_every_printable_letter_of_latin_1() {
    for code in (0x21..0x7f_u32).chain(0xa1..0x100) {
        let letter = char::from_u32(code).unwrap();
        assert_ne!(FONT.glyph_id(letter).0, 0, "{letter:?}");
    }
    assert_ne!(FONT.glyph_id(ELLIPSIS).0, 0);
}

#[test]
fn kerning_draws_letters_together() {
    let apart = set("A".chars(), 20.0).width + set("V".chars(), 20.0).width;
    assert!(set("AV".chars(), 20.0).width < apart);
}

#[test]
fn long_text_is_shortened_to_the_room_there_is() {
    let text = "person 0.97 #3".repeat(20);
    let line = fit(&text, 12.0, 100.0).unwrap();
    assert!(line.width <= 100.0 && line.width > 80.0, "{}", line.width);
    assert_eq!(line.glyphs.last().unwrap().id, FONT.glyph_id(ELLIPSIS));
    assert!(fit(&text, 12.0, 3.0).is_none());
    assert!(fit(&text, 12.0, -3.0).is_none());
    assert!(fit("", 12.0, 100.0).is_none());
}

#[test]
fn tags_stay_in_the_picture_and_apart() {
    let picture = ImageSize { height: 100, width: 100 };
    let mut painter = LabelPainter::new(picture);
    let check = |painter: &LabelPainter, region: &Region, left: i64, top: i64| {
        let tag = painter.place(region, 40, 10);
        assert_eq!((tag.left, tag.top), (left, top));
    };
    check(&painter, &region(30, 50, 20, 20), 30, 40); // above
    check(&painter, &region(90, 50, 10, 20), 60, 40); // above, moved left
    check(&painter, &region(30, 3, 20, 20), 30, 3); // inside the top
    check(&painter, &region(30, 95, 20, 5), 30, 85); // above, at the bottom
    painter.placed.push(Tag { left: 30, top: 40, width: 40, height: 10 });
    check(&painter, &region(30, 50, 20, 20), 30, 50); // the place above is taken
    painter.placed.push(Tag { left: 30, top: 50, width: 40, height: 20 });
    check(&painter, &region(30, 50, 20, 20), 30, 70); // and so are those inside
}
