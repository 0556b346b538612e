use super::*;

fn plan(limit: Option<u64>) -> MemoryPlan {
    MemoryPlan { limit, is_firm: true, fixed: 100 << 20, per_frame: 20 << 20, kept: 1 << 20 }
}

#[test]
fn as_many_frames_go_together_as_the_limit_leaves_room_for() {
    let batch_size = |limit_mib: u64, done| plan(Some(limit_mib << 20)).batch_size(5, done).ok();
    assert_eq!(plan(None).batch_size(5, 1_000_000).ok(), Some(5));
    assert_eq!(batch_size(1000, 0), Some(5));
    assert_eq!(batch_size(205, 0), Some(5));
    assert_eq!(batch_size(204, 0), Some(4));
    assert_eq!(batch_size(121, 0), Some(1));
    assert_eq!(batch_size(120, 0), None);
    // Frames that are behind take room, too.
    assert_eq!(batch_size(205, 1), Some(4));
    assert_eq!(batch_size(205, 84), Some(1));
    assert_eq!(batch_size(205, 85), None);
}

#[test]
fn the_figure_in_the_message_is_enough() {
    let error = plan(Some(50 << 20)).batch_size(5, 3).unwrap_err();
    let EngineError::Memory { limit_mib: 50, needed_mib, fixed_mib: 100, done: 3 } = error else {
        panic!("{error}")
    };
    assert_eq!(plan(Some(needed_mib << 20)).batch_size(5, 3).ok(), Some(1));
    // And little more than what is needed: 100 MiB, four frames to keep and one in the network.
    assert!((124..=124 + (RUN_TO_RUN >> 20)).contains(&needed_mib), "{needed_mib}");
}

#[test]
fn one_frame_is_tried_where_nobody_asked_for_a_limit() {
    let plan = MemoryPlan { is_firm: false, ..plan(Some(205 << 20)) };
    assert_eq!(plan.batch_size(36, 0).ok(), Some(5));
    assert_eq!(plan.batch_size(36, 1000).ok(), Some(1));
}
