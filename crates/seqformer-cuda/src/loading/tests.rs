use std::sync::atomic::AtomicUsize;

use super::*;

fn library() -> CudaLibrary {
    CudaLibrary { is_open: Mutex::new(false), computes: AtomicBool::new(false) }
}

#[test]
fn the_library_is_opened_once_by_many_threads() {
    let (library, opened) = (library(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let open = || {
                    opened.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                };
                library.open(open).unwrap();
            });
        }
    });
    assert_eq!(opened.into_inner(), 1);
}

#[test]
fn a_library_that_comes_too_late_is_refused_and_one_that_is_open_is_not() {
    let early = library();
    early.open(|| Ok(())).unwrap();
    early.begin_computing();
    early.open(|| panic!("it is open")).unwrap();

    let late = library();
    late.begin_computing();
    let message = late.open(|| panic!("others compute")).unwrap_err();
    assert!(message.contains("before anything is computed"), "{message}");
}

#[test]
fn a_library_that_cannot_be_opened_may_be_tried_again() {
    let library = library();
    assert_eq!(library.open(|| Err("no such file".to_owned())).unwrap_err(), "no such file");
    library.open(|| Ok(())).unwrap();
}

#[test]
fn computing_waits_for_a_library_that_is_being_opened() {
    let (library, is_done) = (library(), AtomicBool::new(false));
    let (started, has_started) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let open = || {
                started.send(()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(100));
                is_done.store(true, Ordering::Relaxed);
                Ok(())
            };
            library.open(open).unwrap();
        });
        has_started.recv().unwrap();
        library.begin_computing();
        assert!(is_done.load(Ordering::Relaxed));
    });
}
