//! What threads of libtorch do while they wait; alone in its process, whose threads are measured.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use seqformer_engine::{Device, use_threads};
use tch::{Kind, Tensor};

/// Milliseconds that threads with the name of the calling one have run, without itself.
fn workers_ms() -> f64 {
    let read = |path: String| std::fs::read_to_string(path).ok();
    let name = read("/proc/thread-self/comm".to_owned()).unwrap();
    let own = std::fs::read_link("/proc/thread-self").unwrap();
    let own = own.file_name().unwrap().to_string_lossy().into_owned();
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let ids = tasks.map(|task| task.unwrap().file_name().to_string_lossy().into_owned());
    let of_name = |id: &String| read(format!("/proc/self/task/{id}/comm")).as_ref() == Some(&name);
    let ran = |id: String| {
        let text = read(format!("/proc/self/task/{id}/schedstat"))?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    let nanoseconds: f64 = ids.filter(|id| *id != own).filter(of_name).filter_map(ran).sum();
    nanoseconds / 1e6
}

#[test]
fn threads_that_wait_for_work_leave_their_core_to_others_that_need_it() {
    if std::env::var_os("OMP_WAIT_POLICY").is_some() || std::env::var_os("GOMP_SPINCOUNT").is_some()
    {
        eprintln!("skipped: the environment says how threads wait");
        return;
    }
    if std::fs::read_to_string("/proc/thread-self/schedstat").is_err() {
        eprintln!("skipped: the system does not tell how long threads wait for a core");
        return;
    }
    let threads = use_threads(None).get() as i64;
    if threads == 1 {
        eprintln!("skipped: with one core nobody waits");
        return;
    }
    // Others that need every core.
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..available_parallelism().unwrap().get() {
        let stop = Arc::clone(&stop);
        let hog = move || while !stop.load(Ordering::Relaxed) {};
        std::thread::Builder::new().name("hog".to_owned()).spawn(hog).unwrap();
    }
    let share_out = || drop(Tensor::ones([threads * 32768], (Kind::Int8, Device::Cpu)));
    let work = |times: usize| {
        let before = workers_ms();
        for _ in 0..times {
            share_out();
            sleep(Duration::from_millis(2));
        }
        workers_ms() - before
    };
    // Until it is noticed.
    work(200);
    let spent = work(200);
    stop.store(true, Ordering::Relaxed);
    // One thread that looks for work until there is some takes more than 400 ms.
    assert!(spent < 200.0, "{spent} ms");
}
