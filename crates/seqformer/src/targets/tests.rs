use super::*;
use crate::padded_size;

fn target() -> ClipTarget {
    let on_cpu = (Kind::Bool, Device::Cpu);
    let masks = Tensor::zeros([3, 2, 6, 11], on_cpu);
    // Instance 0 on frame 1 only, instance 1 nowhere, instance 2 on frame 0.
    let _filled = masks.get(0).get(1).slice(0, 2, 3, 1).fill_(1.0);
    let _filled = masks.get(2).get(0).slice(1, 10, 11, 1).fill_(1.0);
    let boxes = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([3, 2, 4]);
    ClipTarget { labels: vec![4, 0, 2], boxes, masks, size: ImageSize { height: 6, width: 11 } }
}

#[test]
fn strided_masks_show_the_third_pixel_of_every_four() {
    let masks = target().strided_masks(padded_size(ImageSize { height: 6, width: 11 }));
    assert_eq!(masks.size(), [3, 2, 8, 8]);
    // Row 2 of instance 0 is seen at columns 2, 6 and 10; column 10 of instance 2 at row 2.
    let sum = |instance: i64| masks.get(instance).sum(Kind::Float).double_value(&[]);
    assert_eq!([sum(0), sum(1), sum(2)], [3.0, 0.0, 1.0]);
    assert_eq!(masks.double_value(&[2, 0, 0, 2]), 1.0);
}

#[test]
fn a_target_that_does_not_fit_names_its_clip() {
    let shape =
        TargetShape { num_frames: 2, num_classes: 5, size: ImageSize { height: 6, width: 11 } };
    assert!(target().check(1, &shape).is_ok());
    let check = |shape: TargetShape, expected: &str| {
        let message = target().check(1, &shape).unwrap_err().to_string();
        assert!(message.contains("clip 1") && message.contains(expected), "{message}");
    };
    check(TargetShape { num_frames: 3, ..shape }, "[3, 3, 4]");
    check(TargetShape { num_classes: 4, ..shape }, "label: expected 0 to 3, found 4");
    check(TargetShape { size: ImageSize { height: 7, width: 11 }, ..shape }, "7x11");
}
