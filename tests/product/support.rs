//! Starts the program on folders of its own, and talks to it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_wakeful-under-test");

/// How long anything may take that is expected to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The folder with the built example assistants.
pub(crate) fn examples() -> PathBuf {
    match std::env::var_os("WAKEFUL_TEST_ASSISTANTS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-assistants/dist"),
    }
}

/// Folders for a server, and the server while it runs.
pub(crate) struct Server {
    home: TempDir,
    environment: Vec<(String, PathBuf)>,
    log: Option<PathBuf>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    url: String,
}

impl Server {
    /// Starts a server with the example assistants.
    pub(crate) fn start() -> Self {
        let mut server = Self::new();
        for name in ["echo", "clock", "weekly-todos"] {
            server.install(name, name);
        }
        server.launch();
        server
    }

    /// Makes the folders, without assistants and without starting anything.
    pub(crate) fn new() -> Self {
        let home = TempDir::new().unwrap();
        std::fs::create_dir(home.path().join("assistants")).unwrap();
        Self { home, environment: Vec::new(), log: None, running: None }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn assistants(&self) -> PathBuf {
        self.home.path().join("assistants")
    }

    /// Sets a variable of the environment for the server.
    pub(crate) fn set(&mut self, name: &str, value: &Path) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Has the server write its log to a file.
    pub(crate) fn log_to(&mut self, file: &Path) {
        self.log = Some(file.to_owned());
    }

    /// Copies an example into the assistants folder, under this id.
    pub(crate) fn install(&self, example: &str, id: &str) {
        let from = examples().join(format!("{example}.wasm"));
        std::fs::copy(&from, self.assistants().join(format!("{id}.wasm")))
            .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }

    /// Starts the server on the folders as they are.
    pub(crate) fn launch(&mut self) {
        let mut child =
            self.command().stdout(Stdio::piped()).stderr(self.errors()).spawn().unwrap();
        let errors = child.stderr.take().map(collect);
        let (sender, receiver) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // After the test has heard what it needs, the pipe is only kept empty.
                let _ = sender.send(line);
            }
        });
        let mut heard = Vec::new();
        let url = loop {
            match receiver.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let url = line.split_whitespace().find(|word| word.starts_with("http://127."));
                    if let Some(url) = url {
                        break url.trim_end_matches(['.', ',']).to_owned();
                    }
                    heard.push(line);
                }
                Err(_) => {
                    // The test fails; the child must not outlive it.
                    let _ = child.kill();
                    panic!(
                        "no address from the server: {heard:?} {}",
                        errors.map(|errors| errors.join().unwrap()).unwrap_or_default()
                    );
                }
            }
        };
        self.running = Some(Running { child, url });
        let server = &*self;
        eventually("the server answers", || server.get("/ok").status == 200);
    }

    fn errors(&self) -> Stdio {
        match &self.log {
            Some(file) => std::fs::File::create(file).unwrap().into(),
            None => Stdio::piped(),
        }
    }

    /// Starts the server and ends it with SIGKILL after this long, wherever it is by then.
    pub(crate) fn launch_and_kill(&self, after: Duration) {
        let mut child = self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The command that serves these folders.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .arg("--assistants")
            .arg(self.assistants())
            .current_dir(self.home.path())
            .env_remove("WAKEFUL_URL")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Ends the server with SIGKILL, if it runs.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().unwrap();
            running.child.wait().unwrap();
        }
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let mut running = self.running.take().unwrap();
        let pid = rustix::process::Pid::from_child(&running.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        running.child.wait().unwrap().code()
    }

    /// The server's process.
    #[cfg(target_os = "linux")]
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().child.id()
    }

    pub(crate) fn url(&self) -> &str {
        &self.running.as_ref().unwrap().url
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(self.url(), "GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Answer {
        request(self.url(), "POST", path, Some(&body.to_string()))
    }

    pub(crate) fn patch(&self, path: &str, body: Value) -> Answer {
        request(self.url(), "PATCH", path, Some(&body.to_string()))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        request(self.url(), "DELETE", path, None)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        request(self.url(), method, path, Some(body))
    }

    /// A new thread's id.
    pub(crate) fn thread(&self) -> String {
        text(&self.post("/threads", serde_json::json!({})).ok(), "thread_id")
    }

    /// Runs the program's other commands against this server.
    pub(crate) fn wakeful(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .env("WAKEFUL_URL", self.url())
            .current_dir(self.home.path())
            .output()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // The test is over, whatever the child says.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that must be a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }
}

/// Sends a request; an answer of status 0 means that nobody answered.
pub(crate) fn request(url: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .header("content-type", "application/json");
    let answer = match body {
        Some(body) => agent.run(request.body(body.to_owned()).unwrap()),
        None => agent.run(request.body(()).unwrap()),
    };
    let Ok(mut answer) = answer else {
        return Answer { status: 0, body: Value::Null };
    };
    let status = answer.status().as_u16();
    let body = match answer.body_mut().read_to_string() {
        Ok(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        // The server went away in the middle of its answer: that is no answer.
        Err(_) => return Answer { status: 0, body: Value::Null },
    };
    Answer { status, body }
}

/// A text field of an object.
#[track_caller]
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}

/// The elements of a list.
#[track_caller]
pub(crate) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("not a list: {other}"),
    }
}

/// Waits until something is true, which it must become.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "did not happen within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that a process has started with this command, and that go on.
#[cfg(target_os = "linux")]
pub(crate) fn children(pid: u32, command: &str) -> Vec<u32> {
    let child = |process: std::fs::DirEntry| {
        let number = process.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        // Behind the name, in which anything may stand, come the state and the parent.
        let parent =
            stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse::<u32>().ok()?;
        let arguments = std::fs::read_to_string(process.path().join("cmdline")).ok()?;
        let is_it = parent == pid && arguments.split('\0').any(|argument| argument == command);
        is_it.then_some(number)
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(child).collect()
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        // What is not UTF-8 ends the collection, which is good enough for a failure's message.
        let _ = stream.read_to_string(&mut text);
        text
    })
}

/// Every file below a folder that holds these bytes.
pub(crate) fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}
