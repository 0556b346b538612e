use super::*;

#[test]
fn a_track_is_absent_where_it_has_no_mask() {
    let mut table = TrackTable::default();
    table.push_frame([(0, "a0"), (1, "b0")]);
    table.push_frame([]);
    table.push_frame([(3, "d2"), (0, "a2")]);
    let masks = |track| table.masks(track).map(Option::<&&str>::copied).collect::<Vec<_>>();
    assert_eq!((table.num_frames(), table.num_tracks()), (3, 4));
    assert_eq!(masks(0), [Some("a0"), None, Some("a2")]);
    assert_eq!(masks(1), [Some("b0"), None, None]);
    assert_eq!(masks(2), [None; 3]);
    assert_eq!(masks(3), [None, None, Some("d2")]);
    assert_eq!(masks(9), [None; 3]);
}
