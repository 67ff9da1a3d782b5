use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the program to stop.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over from the system, which would end the process at once.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next of them; returns its number.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }

    /// Waits for the next of them; returns the number it would have.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the signal nothing is left to wait for but the end of the process.
            std::future::pending::<()>().await;
        }
        2
    }

    /// Ends the process at the next of them, with the exit code that shells give to a signal.
    pub(super) async fn exit_at_next(mut self) {
        let signal = self.next().await;
        std::process::exit(128 + signal);
    }
}
