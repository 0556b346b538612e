//! `terminate` ends a process by `SIGTERM`, although another thread waits for that signal and would only set a flag.
#![expect(clippy::print_stdout, reason = "a test without a harness reports on stdout")]

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::thread;

use nix::sys::signal::Signal;
use seqformer_signals::StopSignals;

fn main() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("child") {
        let signals = StopSignals::take_over(|| {})?;
        let _stop = signals.stop_in_good_order(None);
        let ender = thread::Builder::new().name("ender".to_owned());
        ender.spawn(|| seqformer_signals::terminate())?;
        loop {
            thread::park();
        }
    }
    for _ in 0..20 {
        let status = Command::new(std::env::current_exe()?).arg("child").status()?;
        assert_eq!(status.signal(), Some(Signal::SIGTERM as i32), "{status}");
    }
    println!("test terminate_ends_a_process_by_sigterm ... ok");
    Ok(())
}
