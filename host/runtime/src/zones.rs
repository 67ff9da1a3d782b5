//! Keeps the next instants of crons true to the time-zone files, which governments change.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use jiff::tz;
use tracing::{error, info, warn};
use wakeful_core::{Digest, Timestamp};

use crate::crons::follow_zone;
use crate::{Error, Host};

/// Where the files are, on systems that have some.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];
/// How deep they lie: `America/Argentina/Ushuaia`.
const DEPTH: usize = 4;
/// How many crons are read at once.
const PORTION: usize = 500;
/// How often a change to a cron is tried again when the scheduler changed it in between.
const TRIES: usize = 20;

/// The rules for time zones that are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZoneData {
    /// The folder with the files; `None` if the copy in the program is used.
    pub folder: Option<PathBuf>,
    /// The release, such as `2026b`, where the folder says so.
    pub version: Option<String>,
}

impl TimeZoneData {
    /// Reads which rules this machine has.
    pub fn read() -> Self {
        let folder = folder();
        let version = folder.as_deref().and_then(version);
        Self { folder, version }
    }
}

/// Looks at the files when the host starts and then again and again, until it stops.
pub(crate) async fn run(host: Host) {
    loop {
        if let Err(problem) = check(&host).await {
            error!(%problem, "cannot fit the crons to the time-zone files");
        }
        tokio::select! {
            () = host.stop_token().cancelled() => return,
            () = tokio::time::sleep(host.settings().crons.zone_poll) => {}
        }
    }
}

/// Fits the crons to the files, if these have changed since that was done.
async fn check(host: &Host) -> Result<(), Error> {
    let Ok(now) = tokio::task::spawn_blocking(look).await else { return Ok(()) };
    let seen = host.store().zones_seen().await?;
    if seen.as_deref() == Some(&now) {
        return Ok(());
    }
    tz::db().reset();
    let moved = fit(host).await?;
    if seen.is_some() {
        info!(moved, "the time-zone files have changed; the next instants of crons follow them");
    }
    host.store().note_zones(now).await?;
    host.wake_scheduler();
    Ok(())
}

/// Fits each cron. Returns how many moved.
async fn fit(host: &Host) -> Result<usize, Error> {
    let mut moved = 0;
    let mut last = None;
    loop {
        let crons = host.store().crons_after(last, PORTION).await?;
        let Some(end) = crons.last() else { return Ok(moved) };
        last = Some(end.id);
        for mut cron in crons.into_iter().filter(|cron| cron.timezone.is_some()) {
            for _ in 0..TRIES {
                match follow_zone(&mut cron) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(problem) => {
                        warn!(cron_id = %cron.id, %problem, "a cron's time zone cannot be read");
                        break;
                    }
                }
                let id = cron.id;
                if host.store().update_cron(cron, None).await?.is_some() {
                    moved += 1;
                    break;
                }
                let Some(current) = host.store().cron(id).await? else { break };
                cron = current;
            }
        }
    }
}

/// What the files look like, in a word that changes when they do.
fn look() -> String {
    let Some(folder) = folder() else { return "bundled".to_owned() };
    let mut seen = Vec::new();
    walk(&folder, DEPTH, &mut seen);
    Digest::of(&seen).to_string()
}

fn walk(folder: &Path, depth: usize, seen: &mut Vec<u8>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        // Links are followed: a release may be put into place by moving one.
        let Ok(metadata) = path.metadata() else { continue };
        seen.extend(path.as_os_str().as_encoded_bytes());
        seen.extend(modified(&metadata).to_be_bytes());
        seen.extend(metadata.len().to_be_bytes());
        if metadata.is_dir() && 0 < depth {
            walk(&path, depth - 1, seen);
        }
    }
}

fn modified(metadata: &Metadata) -> i64 {
    let modified = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
    modified.map_or(0, |at| at.as_microsecond())
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("TZDIR").map(PathBuf::from);
    named.into_iter().chain(FOLDERS.map(PathBuf::from)).find(|folder| folder.is_dir())
}

/// The release of the files, which the source of all zones and some systems name.
fn version(folder: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let first = read("tzdata.zi").and_then(|text| Some(text.lines().next()?.to_owned()));
    let named = first.and_then(|line| Some(line.strip_prefix("# version ")?.to_owned()));
    let version = named.or_else(|| read("+VERSION"))?.trim().to_owned();
    (!version.is_empty() && version.len() <= 32).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_seen_and_one_that_stays_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let zone = folder.path().join("Europe/Berlin");
        std::fs::create_dir(zone.parent().unwrap()).unwrap();
        std::fs::write(&zone, "one").unwrap();
        let look = || {
            let mut seen = Vec::new();
            walk(folder.path(), DEPTH, &mut seen);
            seen
        };
        let before = look();
        assert_eq!(before, look());
        std::fs::write(&zone, "other").unwrap();
        assert_ne!(before, look());
    }

    #[test]
    fn the_release_is_read_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(version(folder.path()), None);
        std::fs::write(folder.path().join("+VERSION"), "2026a\n").unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("2026a"));
        std::fs::write(folder.path().join("tzdata.zi"), "# version 2026b\n# more\n").unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("2026b"));
    }
}
