use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wakeful_store::{Faults, Step};

use super::clock::SimClock;
use super::random::Random;
use super::rhythm::Rhythm;
use super::trace::Trace;

/// What happens to the disk, or to the machine while it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    /// The process is killed: what it has written is there, made durable or not.
    Kill,
    /// The power fails: only what was made durable is there.
    PowerCut,
    /// The disk refuses, and the process has to be started again.
    Refusal,
    /// The disk takes its time.
    Stall(Duration),
}

/// A disk that does as it is told.
pub(super) struct Disk {
    clock: Arc<SimClock>,
    trace: Trace,
    /// Where the folders are.
    root: PathBuf,
    state: Mutex<State>,
}

struct State {
    random: Random,
    /// The folder in use.
    folder: PathBuf,
    /// What strikes, after so many more steps.
    armed: Option<(u64, Strike)>,
    /// What is durable, as of the beginning of the group that is being written.
    durable: Option<PathBuf>,
    /// What is there after the crash, once there was one.
    dead: Option<PathBuf>,
    copies: u64,
}

impl Disk {
    pub(super) fn new(seed: u64, clock: Arc<SimClock>, trace: Trace, root: PathBuf) -> Self {
        let state = State {
            random: Random::new(seed, 0xd15c),
            folder: root.join("data"),
            armed: None,
            durable: None,
            dead: None,
            copies: 0,
        };
        Self { clock, trace, root, state: Mutex::new(state) }
    }

    /// The folder in use.
    pub(super) fn folder(&self) -> PathBuf {
        self.state.lock().unwrap().folder.clone()
    }

    /// Something goes wrong, after so many more steps.
    pub(super) fn arm(&self, after: u64, strike: Strike) {
        let mut state = self.state.lock().unwrap();
        state.armed = Some((after, strike));
    }

    /// Nothing goes wrong any more.
    pub(super) fn disarm(&self) {
        self.state.lock().unwrap().armed = None;
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state.lock().unwrap().dead.is_some()
    }

    /// The process is killed at a moment at which it writes nothing.
    pub(super) fn kill(&self) {
        let mut state = self.state.lock().unwrap();
        if state.dead.is_none() {
            let folder = state.folder.clone();
            state.dead = Some(self.copy(&mut state, &folder));
        }
    }

    /// The machine starts again: what is left of the folder becomes the folder.
    pub(super) fn revive(&self) {
        let mut state = self.state.lock().unwrap();
        if let Some(left) = state.dead.take() {
            let _ = fs::remove_dir_all(&state.folder);
            state.folder = left;
        }
        if let Some(durable) = state.durable.take() {
            let _ = fs::remove_dir_all(durable);
        }
        self.keep_durable(&mut state);
    }

    /// Keeps a copy of what is durable, if it may be needed.
    fn keep_durable(&self, state: &mut State) {
        if !matches!(state.armed, Some((_, Strike::PowerCut | Strike::Refusal))) {
            return;
        }
        if let Some(old) = state.durable.take() {
            let _ = fs::remove_dir_all(old);
        }
        let folder = state.folder.clone();
        state.durable = Some(self.copy(state, &folder));
    }

    fn copy(&self, state: &mut State, from: &Path) -> PathBuf {
        state.copies += 1;
        let to = self.root.join(format!("data{}", state.copies));
        for part in ["db", "blobs", "commits"] {
            copy(&from.join(part), &to.join(part)).unwrap();
        }
        to
    }

    fn strike(&self, state: &mut State, strike: Strike, step: Step) -> io::Result<()> {
        self.trace.note(&self.clock, format_args!("disk: {strike:?} before {step:?}"));
        let folder = state.folder.clone();
        let left = match strike {
            Strike::Stall(time) => {
                self.clock.advance(time);
                return Ok(());
            }
            Strike::Kill => self.copy(state, &folder),
            // By then it was made durable.
            Strike::PowerCut | Strike::Refusal if step == Step::Answering => {
                self.copy(state, &folder)
            }
            // What the disk refused to make durable may still be what the kernel shows.
            Strike::Refusal if state.random.chance(50) => self.copy(state, &folder),
            Strike::PowerCut | Strike::Refusal => match state.durable.take() {
                Some(durable) => durable,
                None => self.copy(state, &folder),
            },
        };
        state.dead = Some(left);
        Err(io::Error::other(format!("{strike:?}")))
    }
}

/// The disk as one process has it open.
pub(super) struct Mount {
    disk: Arc<Disk>,
    rhythm: Arc<Rhythm>,
    /// The process is no more; whatever its threads still do happens nowhere.
    gone: AtomicBool,
}

impl Mount {
    pub(super) fn new(disk: Arc<Disk>, rhythm: Arc<Rhythm>) -> Self {
        Self { disk, rhythm, gone: AtomicBool::new(false) }
    }

    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.rhythm.end();
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

impl Faults for Mount {
    fn queued(&self) {
        self.rhythm.queued();
    }

    fn gather(&self) -> usize {
        if self.is_gone() {
            return 1;
        }
        self.rhythm.wait_for_park();
        let mut state = self.disk.state.lock().unwrap();
        self.disk.keep_durable(&mut state);
        if state.random.chance(60) { 256 } else { state.random.between(1, 4) as usize }
    }

    fn at(&self, step: Step) -> io::Result<()> {
        let mut state = self.disk.state.lock().unwrap();
        if self.is_gone() || state.dead.is_some() {
            return Err(io::Error::other("there is no disk any more"));
        }
        match state.armed.take() {
            Some((0, strike)) => self.disk.strike(&mut state, strike, step),
            Some((left, strike)) => {
                state.armed = Some((left - 1, strike));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn answered(&self) {
        self.rhythm.answered();
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
    } else if from.exists() {
        fs::create_dir_all(to.parent().unwrap())?;
        fs::copy(from, to)?;
    }
    Ok(())
}
