//! What a runner gives up before it sees the first byte of a guest.

mod calls;
mod files;
mod limits;

use std::io;
use std::path::PathBuf;

use rustix::process::{
    DumpableBehavior, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal,
};

pub(super) use limits::bound_address_space;

/// What is left to a process that runs guests.
#[derive(Debug, Clone)]
pub struct Confinement {
    /// The process that it lives and dies with.
    pub parent: u32,
    /// The folder with compiled code, which it may read.
    pub code: Option<PathBuf>,
    /// The folder with the sandboxes, which it may read and write.
    pub sandboxes: Option<PathBuf>,
    /// Runs that it has at once.
    pub slots: u32,
    /// Bytes of memory of one run.
    pub memory: u64,
    /// Bytes of a file.
    pub file: u64,
}

/// Confines this process for good. To be called while it has one thread: those that it starts from
/// then on are confined as it is.
///
/// Returns the means that this system lacks, each as a sentence.
///
/// # Errors
///
/// If a limit cannot be set that every system has, or the parent is gone.
pub fn confine(confinement: &Confinement) -> io::Result<Vec<String>> {
    // Beside the end of its stream, which a runner that was taken over could ignore.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(confinement.parent) {
        return Err(io::Error::other("the process that started this one is gone"));
    }
    // No dump of what it knows, and nobody of the same user looks into it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    limits::set(confinement)?;
    let (code, sandboxes) = (confinement.code.as_deref(), confinement.sandboxes.as_deref());
    Ok(files::restrict(code, sandboxes).into_iter().chain(calls::restrict()).collect())
}

/// Takes all files away from this process, the network, and the calls of the system that a process
/// does not need which reads from one pipe and writes to another. To be called while it has one
/// thread.
///
/// Returns the means that this system lacks, each as a sentence.
pub fn isolate() -> Vec<String> {
    files::restrict(None, None).into_iter().chain(calls::restrict()).collect()
}
