//! One object for each pixel, for kinds that hold no more.

use seqformer_convert::{Notes, Shape, Shapes, Video};
use seqformer_masks::Rle;

/// Gives every pixel to the object with the best score, and the first of equal ones; counts the masks that lose pixels.
pub(crate) fn resolve(video: &mut Video, notes: &mut Notes) {
    let mut order: Vec<usize> = (0..video.tracks.len()).collect();
    let score = |index: &usize| video.tracks[*index].score.unwrap_or(0.0);
    order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let mut taken: Vec<Rle> = vec![Rle::empty(video.size); video.length];
    for index in order {
        let track = &video.tracks[index];
        let mut shapes = Vec::with_capacity(video.length);
        for ((frame, shape), taken) in track.shapes.frames().enumerate().zip(&mut taken) {
            let mask = shape.and_then(|shape| shape.draw(video.size));
            let free = mask.as_ref().map(|mask| (mask, mask.difference(taken)));
            // Masks of the video's size, which readers check, have a difference and a union.
            let Some((mask, Ok(free))) = free else {
                shapes.push(None);
                continue;
            };
            if free.area() < mask.area() {
                let what = "masks overlap, where a pixel has one object: it goes to the one with the better score";
                notes.count(what, || video.frame_place(track, frame));
            }
            if let Ok(union) = Rle::union(&[taken.clone(), mask.clone()]) {
                *taken = union;
            }
            shapes.push((free.area() > 0).then_some(Shape::Mask(free)));
        }
        let shapes = Shapes::from(shapes);
        video.tracks[index].shapes = shapes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{mask, track, video};

    #[test]
    fn a_pixel_goes_to_the_better_score_and_losses_are_counted() {
        // The second object hides the left half of the first one and all of the third.
        let [wide, left, inner] = [mask("####"), mask("##.."), mask("#...")];
        let mut made = video(vec![
            track(1, 0.5, vec![Some(wide.clone()), Some(wide.clone())]),
            track(2, 0.9, vec![Some(left.clone()), None]),
            track(3, 0.5, vec![Some(inner.clone()), Some(inner)]),
        ]);
        let mut notes = Notes::default();
        resolve(&mut made, &mut notes);
        let found: Vec<Vec<Option<Rle>>> = made
            .tracks
            .iter()
            .map(|track| track.shapes.frames().map(|shape| shape?.draw(made.size)).collect())
            .collect();
        assert_eq!(
            found,
            [vec![Some(mask("..##")), Some(wide)], vec![Some(left), None], vec![None, None]]
        );
        let said: Vec<String> = notes.lines().collect();
        assert!(
            said[0].starts_with("3 masks overlap")
                && said[0].ends_with("object 1 of video 1 (street) on frame 0"),
            "{said:?}"
        );
    }
}
