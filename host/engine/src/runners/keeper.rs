use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::RunnerProgram;

/// Starts and ends the processes of the runners, on a thread that lives as long as they may: the
/// system ends a child when the thread ends that started it.
pub(super) struct Keeper {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Start(oneshot::Sender<io::Result<Started>>),
    End(u32, oneshot::Sender<Option<ExitStatus>>),
}

/// A process that was started.
pub(super) struct Started {
    pub(super) pid: u32,
    /// The host's end of the stream.
    pub(super) stream: UnixStream,
    /// What it says.
    pub(super) said: OwnedFd,
}

impl Keeper {
    pub(super) fn new(program: RunnerProgram) -> io::Result<Self> {
        let (orders, received) = channel();
        let thread = thread::Builder::new().name("wakeful-runners".to_owned());
        let thread = thread.spawn(move || keep(&program, &received))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Starts a process.
    pub(super) async fn start(&self) -> io::Result<Started> {
        let (answer, started) = oneshot::channel();
        self.order(Order::Start(answer));
        started.await.map_err(io::Error::other)?
    }

    /// Ends a process, and says how it ended.
    pub(super) async fn end(&self, pid: u32) -> Option<ExitStatus> {
        let (answer, ended) = oneshot::channel();
        self.order(Order::End(pid, answer));
        ended.await.ok().flatten()
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // Who waits for the answer finds that there is none.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Ends as soon as its children have, and it kills them.
            let _ = thread.join();
        }
    }
}

fn keep(program: &RunnerProgram, orders: &Receiver<Order>) {
    let mut children = HashMap::new();
    while let Ok(order) = orders.recv() {
        match order {
            Order::Start(answer) => {
                let started = start(program).map(|(child, started)| {
                    children.insert(started.pid, child);
                    started
                });
                let _ = answer.send(started);
            }
            Order::End(pid, answer) => {
                let ended = children.remove(&pid).and_then(|child| end(child).ok());
                let _ = answer.send(ended);
            }
        }
    }
    for child in children.into_values() {
        let _ = end(child);
    }
}

fn start(program: &RunnerProgram) -> io::Result<(Child, Started)> {
    let (stream, theirs) = UnixStream::pair()?;
    stream.set_nonblocking(true)?;
    let mut child = Command::new(&program.program)
        .args(&program.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let said = child.stderr.take().map(OwnedFd::from);
    let said = said.ok_or_else(|| io::Error::other("the child has no standard error"))?;
    let pid = child.id();
    Ok((child, Started { pid, stream, said }))
}

/// Until it is waited for, nobody else can have its number.
fn end(mut child: Child) -> io::Result<ExitStatus> {
    child.kill()?;
    child.wait()
}
