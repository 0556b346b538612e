use super::*;

#[test]
fn threads_sleep_soon_when_cores_are_needed_and_look_again_when_they_were_free_for_long() {
    let mut policy = Policy::default();
    // A burst alone changes nothing.
    assert!(!policy.next(0.0) && !policy.next(0.9) && !policy.next(0.19));
    assert!(!policy.next(0.21) && policy.next(0.21));
    for _ in 0..PATIENCE - 1 {
        assert!(policy.next(0.01));
    }
    // One window in between, and the count begins anew.
    assert!(policy.next(0.06));
    for _ in 0..PATIENCE - 1 {
        assert!(policy.next(0.01));
    }
    assert!(!policy.next(0.01));
}

/// Windows in a row at free cores until threads look for work again.
fn windows_to_return(policy: &mut Policy) -> u32 {
    assert!(!policy.next(0.5) && policy.next(0.5));
    (1..1000).find(|_| !policy.next(0.0)).unwrap()
}

#[test]
fn who_was_wrong_about_free_cores_waits_longer_the_next_time() {
    let mut policy = Policy::default();
    let found: Vec<u32> = (0..6).map(|_| windows_to_return(&mut policy)).collect();
    assert_eq!(found, [10, 20, 40, 80, 160, 160]);
    for _ in 0..MAX_PATIENCE {
        policy.next(0.0);
    }
    assert_eq!(windows_to_return(&mut policy), 10);
}
