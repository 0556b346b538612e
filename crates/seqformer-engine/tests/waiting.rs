//! What threads of libtorch do while they wait; alone in its process, whose time is measured.

use std::time::Duration;

use seqformer_engine::{Device, use_threads};
use tch::{Kind, Tensor};

/// Processor time of this process in milliseconds.
fn processor_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name: the 14th and 15th field, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
}

#[test]
fn threads_that_wait_for_work_leave_their_core_to_other_programs() {
    if std::env::var_os("OMP_WAIT_POLICY").is_some() || std::env::var_os("GOMP_SPINCOUNT").is_some()
    {
        eprintln!("skipped: the environment says how threads wait");
        return;
    }
    let threads = use_threads(None).get() as i64;
    if threads == 1 {
        eprintln!("skipped: with one core nobody waits");
        return;
    }
    let share_out = || drop(Tensor::ones([threads * 32768], (Kind::Int8, Device::Cpu)));
    share_out();
    let start = processor_ms();
    for _ in 0..200 {
        share_out();
        std::thread::sleep(Duration::from_millis(2));
    }
    let spent = processor_ms() - start;
    // One thread that spins until it is needed again takes 400 ms.
    assert!(spent < 150, "{spent} ms");
}
