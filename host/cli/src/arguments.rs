use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(target_os = "linux")]
use crate::commands::runner;
use crate::commands::{
    assistants, backup, check, compile, completions, config, crons, keys, new, next, restore, run,
    runs, serve, store, threads, webhooks,
};
use crate::logging::LogFormat;
use crate::settings::{ClientKey, Layer, Url};

const AFTER_HELP: &str = "\
Examples:
  wakeful serve
  wakeful new weekly --lang python
  wakeful run echo --input '{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}'
  wakeful run ./echo.wasm --input @input.json
  wakeful crons create --assistant echo --schedule '0 9 * * MON-FRI' --timezone Europe/Berlin
  wakeful next '0 9 * * MON-FRI' --tz Europe/Berlin

Settings:
  An option beats its environment variable (WAKEFUL_ and the name in capitals, such as
  WAKEFUL_LISTEN), which beats the settings file, which beats the default. `wakeful config` shows
  what holds and why.

Exit codes:
  0  done
  1  an error of the server or of this machine
  2  wrong arguments or settings
  3  the run failed
  4  the run waits for answers
  5  there is no such assistant, thread, run, cron or item
  6  no server answers";

/// Run WebAssembly assistants on a schedule, each in a sandbox with limits
#[derive(Debug, Parser)]
#[command(name = "wakeful", bin_name = "wakeful", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Talk to the server at this address [default: where `serve` would listen]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) url: Option<Url>,

    /// Send this API key; better to set WAKEFUL_API_KEY, because others on this machine can see
    /// options [env: WAKEFUL_API_KEY, LANGGRAPH_API_KEY]
    #[arg(long, global = true, value_name = "KEY", help_heading = "Global options")]
    pub(crate) api_key: Option<ClientKey>,

    /// Print JSON for scripts, as the server sent it
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// Read settings from this file [default: ./wakeful.toml, if there is one] [env:
    /// WAKEFUL_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config_file: Option<PathBuf>,

    /// Log what is at least this important: error, warn, info, debug, trace, or a filter such as
    /// `warn,wakeful=debug` [default: info for serve, warn otherwise]
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Global options")]
    pub(crate) log: Option<String>,

    /// Log for people or for machines [default: text]
    #[arg(long, global = true, value_name = "FORMAT", help_heading = "Global options")]
    pub(crate) log_format: Option<LogFormat>,
}

impl Global {
    /// What these options say about the settings, on top of a command's own.
    pub(crate) fn over(&self, command: Layer) -> Layer {
        Layer {
            url: self.url.clone(),
            api_key: self.api_key.clone(),
            log: self.log.clone(),
            log_format: self.log_format,
            ..command
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Arguments),
    Run(run::Arguments),
    #[command(subcommand)]
    Assistants(assistants::Command),
    #[command(subcommand)]
    Threads(threads::Command),
    #[command(subcommand)]
    Runs(runs::Command),
    #[command(subcommand)]
    Crons(crons::Command),
    #[command(subcommand)]
    Store(store::Command),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    New(new::Arguments),
    Check(check::Arguments),
    Next(next::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Config(config::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    CompileForParent(compile::Arguments),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    RunForParent(runner::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_explained_in_one_style() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let about =
                command.get_about().unwrap_or_else(|| panic!("{path}: no help")).to_string();
            assert!(
                !about.ends_with('.') && about.starts_with(char::is_uppercase),
                "{path}: {about}"
            );
            for argument in command.get_arguments() {
                let id = argument.get_id();
                let help = argument.get_help().unwrap_or_else(|| panic!("{path} {id}: no help"));
                let help = help.to_string();
                assert!(
                    !help.ends_with('.') && help.starts_with(char::is_uppercase),
                    "{path} {id}: {help}"
                );
            }
            for sub in command.get_subcommands() {
                check(sub, &path);
            }
        }
        check(&Cli::command(), "");
    }
}
