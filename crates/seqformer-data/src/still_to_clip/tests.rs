//! Views of one size, equal or not.

use super::*;
use crate::{Purpose, RandomFlip, ShortEdge};

fn mapper(same_views: bool) -> StillMapper {
    StillMapper {
        num_frames: 4,
        augmentation: Augmentation {
            short_edge: ShortEdge::Choice(vec![64, 96]),
            max_size: 200,
            flip: RandomFlip::Horizontal,
            crop: Some(RandomCrop::AbsoluteRange(384, 600)),
            frame_steps: Vec::new(),
        },
        same_views,
        unseen: UnseenInstances::Drop,
    }
}

#[test]
fn all_views_have_one_size_and_differ_unless_they_should_not() {
    let size = ImageSize { height: 120, width: 180 };
    let (mut cropped, mut differing) = (0, 0);
    for index in 0..100 {
        for same_views in [false, true] {
            let mut random = Random::new(1, Purpose::Sample, index);
            let views = mapper(same_views).draw(size, &mut random);
            assert_eq!(views.len(), 4);
            let output = |steps: &Vec<Transform>| {
                steps.iter().fold(size, |size, step| step.output_size(size))
            };
            assert!(views.iter().all(|view| output(view) == output(&views[0])), "{views:?}");
            let differ = views.iter().any(|view| *view != views[0]);
            assert!(!(same_views && differ), "{views:?}");
            differing += usize::from(differ);
            let is_crop = |step: &Transform| matches!(step, Transform::Crop(_));
            cropped += usize::from(views[0].iter().any(is_crop));
        }
    }
    // Binomial with n = 100 and p = 1/2, each counted twice: six standard deviations are 60.
    assert!((40..160).contains(&cropped), "{cropped}");
    assert!(differing > 50, "{differing}");
}
