use clap::Args;

use crate::out;
use crate::settings::{Layer, Settings};

/// Print the settings that hold, as TOML, with where each came from
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful config
  wakeful config > wakeful.toml        # a settings file to start from
  WAKEFUL_DATA=/srv/wakeful wakeful config --listen 127.0.0.1:9000")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) settings: Layer,
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    out::bytes(settings.to_toml().as_bytes())
}
