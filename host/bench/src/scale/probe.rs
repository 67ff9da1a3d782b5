use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::table::Samples;

/// Clients that write and read through HTTP while something else goes on, with pauses.
pub(crate) struct Probes {
    stop: Arc<AtomicBool>,
    writer: JoinHandle<Result<Vec<Duration>>>,
    reader: JoinHandle<Result<Vec<Duration>>>,
}

const PAUSE: Duration = Duration::from_millis(20);

impl Probes {
    pub(crate) fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |work: fn(&ureq::Agent, &str, &mut Option<String>) -> Result<()>| {
            let (stop, url) = (Arc::clone(&stop), url.to_owned());
            std::thread::spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                let (mut each, mut thread) = (Vec::new(), None);
                while !stop.load(Ordering::SeqCst) {
                    let begun = Instant::now();
                    work(&agent, &url, &mut thread)?;
                    each.push(begun.elapsed());
                    std::thread::sleep(PAUSE);
                }
                Ok(each)
            })
        };
        let (writer, reader) = (spawn(write), spawn(read));
        Self { stop, writer, reader }
    }

    /// Writes and reads, as long as they took.
    pub(crate) fn end(self) -> Result<[Samples; 2]> {
        self.stop.store(true, Ordering::SeqCst);
        let join = |thread: JoinHandle<Result<Vec<Duration>>>| {
            let mut each = thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
            each.sort_unstable();
            anyhow::Ok(Samples { each, total: Duration::ZERO })
        };
        Ok([join(self.writer)?, join(self.reader)?])
    }
}

fn write(agent: &ureq::Agent, url: &str, _: &mut Option<String>) -> Result<()> {
    create(agent, url).map(drop)
}

/// Reads a thread, which it creates first.
fn read(agent: &ureq::Agent, url: &str, thread: &mut Option<String>) -> Result<()> {
    let id = match thread.take() {
        Some(id) => id,
        None => create(agent, url)?,
    };
    let answer: Value = agent.get(format!("{url}/threads/{id}")).call()?.body_mut().read_json()?;
    ensure!(answer.get("thread_id") == Some(&json!(id)), "unexpected answer: {answer}");
    *thread = Some(id);
    Ok(())
}

fn create(agent: &ureq::Agent, url: &str) -> Result<String> {
    let answer: Value =
        agent.post(format!("{url}/threads")).send_json(json!({}))?.body_mut().read_json()?;
    let id = answer.get("thread_id").and_then(Value::as_str);
    Ok(id.with_context(|| format!("unexpected answer: {answer}"))?.to_owned())
}
