use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;
use wakeful::core::Timestamp;
use wakeful::{Backup, Error, StoreError};

use super::{explain_in_use, fields, runtime};
use crate::client::Client;
use crate::failure::{self, Failure};
use crate::settings::Settings;
use crate::{format, out};

/// Copy everything that is kept, as of one instant, into a new folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful backup
  wakeful backup /mnt/backups/wakeful-monday
  wakeful backup --data /srv/wakeful --url http://127.0.0.1:9000

While a server has the data folder open, the server is asked to make the backup; it goes on
meanwhile. `wakeful restore` turns a backup into a data folder again")]
pub(crate) struct Arguments {
    /// Write the backup here; the folder must be empty or absent [default: a folder named after
    /// the time, in `backups` in the data folder]
    destination: Option<PathBuf>,

    /// Back up this folder [default: ./wakeful-data]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let data = &settings.data.value;
    let destination = arguments.destination.as_deref();
    if let Some(destination) = destination {
        require_free(destination)?;
    }
    let target = destination.map_or_else(|| data.join("backups").join(name()), Path::to_owned);
    let made = match runtime()?.block_on(wakeful::backup_folder(data, &target)) {
        Ok(made) => made,
        Err(Error::Store(in_use @ StoreError::InUse { .. })) => {
            by_server(settings, destination).map_err(|error| explain_in_use(error, &in_use))?
        }
        Err(error) => return Err(failure::of_host(error)),
    };
    if json {
        return out::json(&json!({"path": made.path, "files": made.files, "bytes": made.bytes}));
    }
    let (files, bytes) = (made.files, format::bytes(made.bytes));
    out::line(format_args!("backed up {files} files, {bytes}, to {}", made.path.display()))
}

/// A name that sorts by time.
fn name() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Fails before anything is done if there is something at the destination.
fn require_free(destination: &Path) -> anyhow::Result<()> {
    match fs::read_dir(destination).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Usage(format!(
            "{} is not empty; name a new folder for the backup",
            destination.display()
        ))
        .into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot use {}", destination.display())),
    }
}

/// Asks the server that has the data folder open.
fn by_server(settings: &Settings, destination: Option<&Path>) -> anyhow::Result<Backup> {
    let url = &settings.url.value;
    let answer = Client::new(url, settings.api_key.value.as_ref()).post("/backups", &json!({}))?;
    let path = PathBuf::from(fields::text(&answer, "path"));
    let files = fields::number(&answer, "files").unwrap_or_default();
    let bytes = fields::number(&answer, "bytes").unwrap_or_default();
    // The server's path may be relative to where the server was started.
    let here = settings.data.value.join("backups").join(path.file_name().unwrap_or_default());
    if !here.is_dir() {
        bail!(
            "the server at {url} has another data folder than {}; it made a backup in {} there",
            settings.data.value.display(),
            path.display()
        );
    }
    let path = match destination {
        Some(destination) => {
            relocate(&here, destination).with_context(|| {
                format!(
                    "cannot move the backup to {}; it is in {}",
                    destination.display(),
                    here.display()
                )
            })?;
            destination.to_owned()
        }
        None => here,
    };
    Ok(Backup { path, files, bytes })
}

/// Moves a folder, to another disk if need be.
fn relocate(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_all(from, to)?;
            fs::remove_dir_all(from)
        }
        done => done,
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    fs::File::open(to)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        assert!(require_free(folder.path()).is_ok());
        assert!(require_free(&folder.path().join("new")).is_ok());
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(require_free(folder.path()).is_err());
        assert!(require_free(&folder.path().join("file")).is_err());
    }

    #[test]
    fn a_folder_is_copied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/c"), "text").unwrap();
        let to = folder.path().join("to");
        copy_all(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b/c")).unwrap(), "text");

        let moved = folder.path().join("x/y");
        relocate(&from, &moved).unwrap();
        assert!(!from.exists());
        assert_eq!(fs::read_to_string(moved.join("a/b/c")).unwrap(), "text");
    }
}
