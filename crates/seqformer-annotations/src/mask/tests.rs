use seqformer_masks::ImageSize;
use serde_json::{Value, json};

use super::{Dropped, Mask};

const SIZE: ImageSize = ImageSize { height: 3, width: 4 };

#[test]
fn every_way_to_write_a_mask_is_read() {
    let area = |value: Value| {
        let mask = Mask::read(&value, &mut Dropped::default()).unwrap();
        mask.draw(Some(SIZE)).unwrap().map(|mask| mask.area())
    };
    assert_eq!(area(json!({"size": [3, 4], "counts": "<"})), Some(0));
    assert_eq!(area(json!({"size": [3.0, 4], "counts": [2, 6.0, 4], "more": 1})), Some(6));
    assert_eq!(area(json!([[0, 0, 2, 0, 2, 2, 0, 2], [7, 7]])), Some(4));
    for nothing in [json!(null), json!([]), json!({}), json!([[1, 2, 3, 4]])] {
        assert_eq!(area(nothing.clone()), None, "{nothing}");
    }
}

#[test]
fn polygons_need_the_size_of_their_image_and_run_lengths_do_not() {
    let read = |value: Value| Mask::read(&value, &mut Dropped::default()).unwrap();
    let runs = read(json!({"size": [3, 4], "counts": [2, 6, 4]}));
    assert_eq!(runs.draw(None).unwrap().unwrap().area(), 6);
    let message = read(json!([[0, 0, 2, 0, 2, 2]])).draw(None).unwrap_err().to_string();
    assert!(message.contains("add height and width"), "{message}");
}
