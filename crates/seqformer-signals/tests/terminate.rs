//! `terminate` ends a process by `SIGTERM`, although another thread waits for that signal and would only set a flag.
#![expect(clippy::print_stdout, reason = "a test without a harness reports on stdout")]

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use nix::sys::signal::Signal;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("child") {
        let signals = seqformer_signals::StopSignals::take_over(|| {}).unwrap();
        let _stop = signals.stop_in_good_order(None);
        std::thread::spawn(|| seqformer_signals::terminate());
        loop {
            std::thread::park();
        }
    }
    for _ in 0..20 {
        let status = Command::new(std::env::current_exe().unwrap()).arg("child").status().unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGTERM as i32), "{status}");
    }
    println!("test terminate_ends_a_process_by_sigterm ... ok");
}
