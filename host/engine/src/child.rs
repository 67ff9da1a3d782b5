use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wakeful_core::Digest;

use crate::outcome::shortened;
use crate::{Compiler, LoadError};

/// Bytes of what a compiler says that are kept.
const MOST_SAID: u64 = 4 << 10;

/// Threads that compile one component.
const MOST_THREADS: usize = 4;

/// Compiles each component in a child process of its own, which the program in it limits.
///
/// The child is started with the options `--memory` (bytes) and `--seconds` (of processor time)
/// behind the given arguments, and with next to no environment. It is to put these limits on itself
/// and then call [`compile_for_parent`](crate::compile_for_parent).
#[derive(Debug, Clone)]
pub struct ChildCompiler {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: CompileLimits,
}

/// What compiling one component may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Bytes of address space.
    pub memory: u64,
    /// Time on all processors together; in whole seconds.
    pub processor: Duration,
    /// Time that passes, in case the child waits or others keep the processors.
    pub time: Duration,
    /// Bytes of code.
    pub code: u64,
}

impl Default for CompileLimits {
    /// Several times what a component with a Python or JavaScript engine takes.
    fn default() -> Self {
        Self {
            memory: 3 << 30,
            processor: Duration::from_secs(120),
            time: Duration::from_secs(600),
            code: 512 << 20,
        }
    }
}

impl ChildCompiler {
    /// Starts this program with these arguments for each component.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            limits: CompileLimits::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: CompileLimits) -> Self {
        self.limits = limits;
        self
    }

    fn start(&self) -> io::Result<(Child, Pipes)> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg("--memory")
            .arg(self.limits.memory.to_string())
            .arg("--seconds")
            .arg(self.limits.processor.as_secs().max(1).to_string())
            // It needs nothing of what this process knows. Each thread and each arena of its allocator
            // takes address space, of which a machine with many cores would use up all there is.
            .env_clear()
            .env("RAYON_NUM_THREADS", threads().to_string())
            .env("MALLOC_ARENA_MAX", MOST_THREADS.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(code), Some(said)) => Ok((child, Pipes { input, code, said })),
            _ => Err(io::Error::other("the child has no pipes")),
        }
    }

    /// Hands a component to the child and takes what it answers.
    fn converse(&self, child: &mut Child, pipes: Pipes, component: &[u8]) -> io::Result<Answer> {
        let Pipes { mut input, code, said } = pipes;
        let most = self.limits.code.saturating_add(1 + SUM as u64);
        thread::scope(|scope| {
            // A child that does not want to read any more says why.
            scope.spawn(move || input.write_all(component));
            let said = scope.spawn(move || drained(said, MOST_SAID));
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || sender.send(read(code, most)));
            let begun = Instant::now();
            let code = receiver.recv_timeout(self.limits.time);
            let stopped = match &code {
                Err(_) => Some(Stopped::Time),
                Ok(Ok(code)) if code.len() as u64 > most => Some(Stopped::Code),
                // It has said all; it may not stay for longer than that all the same.
                Ok(_) if has_ended(child, begun + self.limits.time)? => None,
                Ok(_) => Some(Stopped::Time),
            };
            if stopped.is_some() {
                child.kill()?;
            }
            let status = child.wait()?;
            let said = said.join().unwrap_or_default();
            let code = code.unwrap_or_else(|_| Ok(Vec::new()))?;
            Ok(Answer { stopped, status, code, said })
        })
    }

    fn judge(&self, answer: Answer) -> Result<Vec<u8>, LoadError> {
        let Answer { stopped, status, mut code, said } = answer;
        let CompileLimits { memory, processor, time, code: most } = self.limits;
        let memory = format!("needs more than {} MiB of memory", memory >> 20);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let problem = match stopped {
            Some(Stopped::Time) => format!("takes longer than {} s", time.as_secs()),
            Some(Stopped::Code) => format!("makes more than {most} bytes of code"),
            None if status.success() => match opened(&mut code) {
                Some(true) => return Ok(code),
                Some(false) => {
                    let message = String::from_utf8_lossy(&code);
                    if !message.contains(NO_MEMORY) {
                        return Err(LoadError::Compile { message: shortened(&message, 500) });
                    }
                    memory
                }
                None => {
                    let message = "the compiled code is damaged".to_owned();
                    return Err(LoadError::Engine { message });
                }
            },
            None if said.contains("memory allocation of") || said.contains(NO_MEMORY) => memory,
            None if signal(status) == Some(OUT_OF_TIME) => {
                format!("needs more than {} s of processor time", processor.as_secs())
            }
            None if signal(status).is_some_and(|signal| FROM_OUTSIDE.contains(&signal)) => {
                let message = format!("the compiler was ended from outside ({status})");
                return Err(LoadError::Engine { message });
            }
            None => format!("dies ({status}): {}", shortened(last, 300)),
        };
        Err(LoadError::Indigestible { problem })
    }
}

impl Compiler for ChildCompiler {
    fn compile(&self, component: &[u8]) -> Result<Vec<u8>, LoadError> {
        let failed = |error: io::Error| LoadError::Engine {
            message: format!("the compiler cannot be run: {error}"),
        };
        let (mut child, pipes) = self.start().map_err(failed)?;
        let answer = self.converse(&mut child, pipes, component);
        if answer.is_err() {
            // Whatever went wrong, nobody waits for it any more.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.judge(answer.map_err(failed)?)
    }
}

/// The ends of a child's pipes.
struct Pipes {
    input: ChildStdin,
    code: ChildStdout,
    said: ChildStderr,
}

/// What came of a child.
struct Answer {
    stopped: Option<Stopped>,
    status: ExitStatus,
    code: Vec<u8>,
    said: String,
}

/// Why the parent ended its child.
enum Stopped {
    Time,
    Code,
}

/// How Rust ends the message that there is no more memory.
const NO_MEMORY: &str = "(os error 12)";

/// What stands behind the code, or behind what is wrong with the component: which of the two it is,
/// and the sum of all that.
const SUM: usize = 32;
const CODE: u8 = 0;
#[cfg(feature = "compile")]
const REFUSED: u8 = 1;

/// Does the work of a child: reads a component to its end, and writes its code, or what is wrong
/// with it, for its parent.
///
/// # Errors
///
/// If a pipe breaks, or this build cannot compile here; end the process with a status that is not 0.
#[cfg(feature = "compile")]
pub fn compile_for_parent(mut input: impl Read, mut output: impl Write) -> Result<(), LoadError> {
    let failed = |message: String| LoadError::Engine { message };
    let mut component = Vec::new();
    input.read_to_end(&mut component).map_err(|error| failed(error.to_string()))?;
    let engine = crate::machine::plain().map_err(|error| failed(error.to_string()))?;
    let mut answer = match crate::compiler::InProcess(engine).compile(&component) {
        Ok(mut code) => {
            code.push(CODE);
            code
        }
        Err(LoadError::Compile { message }) => {
            let mut message = message.into_bytes();
            message.push(REFUSED);
            message
        }
        Err(other) => return Err(other),
    };
    answer.extend(*Digest::of(&answer).as_bytes());
    output
        .write_all(&answer)
        .and_then(|()| output.flush())
        .map_err(|error| failed(error.to_string()))
}

/// Takes off an answer what stands behind it, and says whether it is code; `None` if it is damaged.
fn opened(answer: &mut Vec<u8>) -> Option<bool> {
    let sum = answer.split_off(answer.len().checked_sub(SUM)?);
    if sum != Digest::of(answer).as_bytes() {
        return None;
    }
    answer.pop().map(|kind| kind == CODE)
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)
}

/// Waits for a child until then, and says whether it has ended.
fn has_ended(child: &mut Child, until: Instant) -> io::Result<bool> {
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads up to one byte more than there may be.
fn read(pipe: ChildStdout, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads to the end and keeps the beginning.
fn drained(mut pipe: ChildStderr, most: u64) -> String {
    let mut kept = Vec::new();
    // What cannot be read was not said.
    let _ = pipe.by_ref().take(most).read_to_end(&mut kept);
    let _ = io::copy(&mut pipe, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

/// The signal that ended a child, if one did.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// What the system sends when processor time is up; the number is the same on every Unix that
/// wasmtime runs on, as are those below.
const OUT_OF_TIME: i32 = 24;

/// What others send to end a process: hang-up, interrupt, quit, kill, broken pipe, terminate. The
/// component is not to blame, except perhaps for a system without memory.
const FROM_OUTSIDE: [i32; 6] = [1, 2, 3, 9, 13, 15];
