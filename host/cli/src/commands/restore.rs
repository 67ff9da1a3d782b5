use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::settings::Settings;
use crate::{format, out};

/// Copy a backup into a new data folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful restore ./wakeful-data/backups/20261122T090000Z --data ./restored
  wakeful serve --data ./restored

Every file is checked against the backup's list before the folder appears. A folder that is not
empty is refused")]
pub(crate) struct Arguments {
    /// Restore this backup
    source: PathBuf,

    /// Restore into this folder, which must be empty or absent [default: ./wakeful-data]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let target = &settings.data.value;
    let restored = wakeful::restore_backup(&arguments.source, target)?;
    if json {
        return out::json(&json!({
            "path": restored.path, "files": restored.files, "bytes": restored.bytes,
        }));
    }
    out::line(format_args!(
        "restored {} files, {}, into {}; `wakeful serve --data {}` goes on from there",
        restored.files,
        format::bytes(restored.bytes),
        target.display(),
        target.display(),
    ))
}
