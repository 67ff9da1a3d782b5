//! Confines a process as a runner is, and tries what a guest must not reach from there.

use std::fs;
use std::io::{Write, stdout};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wakeful::{Confinement, confine};

/// What every attempt begins with on the command line.
pub(crate) const WORD: &str = "probe-confinement";

/// Confines this process and prints what came of each attempt, on a thread that it starts then.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) {
    let mut next = || arguments.next().expect("folder, file outside, address");
    let sandboxes = PathBuf::from(next());
    let outside = PathBuf::from(next());
    let server: SocketAddr = next().parse().expect("an address");
    let confinement = Confinement {
        parent: std::os::unix::process::parent_id(),
        code: None,
        sandboxes: Some(sandboxes.clone()),
        slots: 1,
        memory: 64 << 20,
        file: 1 << 20,
    };
    let lacks = confine(&confinement).expect("it is confined");
    for lack in lacks {
        say("lacks", &lack);
    }
    std::thread::spawn(move || attempt(&sandboxes, &outside, server)).join().expect("it ends");
}

fn attempt(sandboxes: &Path, outside: &Path, server: SocketAddr) {
    tried("write inside", fs::write(sandboxes.join("own"), "x"));
    tried("read inside", fs::read(sandboxes.join("own")));
    tried("read outside", fs::read(outside));
    tried("write outside", fs::write(outside, "x"));
    tried("delete outside", fs::remove_file(outside));
    tried("list outside", fs::read_dir("/"));
    tried("link outside in", fs::hard_link(outside, sandboxes.join("link")));
    tried("read another process", fs::read("/proc/1/environ"));
    tried("connect", TcpStream::connect_timeout(&server, Duration::from_secs(1)));
    tried("connect to a path", std::os::unix::net::UnixStream::connect(outside));
    tried("start a program", Command::new("/bin/true").spawn());
    for (name, value) in std::env::vars_os() {
        say("environment", &format!("{}={}", name.display(), value.display()));
    }
}

fn tried<T>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(_) => say(what, "done"),
        Err(error) => say(what, &format!("refused: {error}")),
    }
}

fn say(what: &str, told: &str) {
    writeln!(stdout(), "{what}: {told}").expect("somebody listens");
}
