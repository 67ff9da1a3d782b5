//! The commands, one file for each.

pub(crate) mod assistants;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod crons;
mod fields;
pub(crate) mod keys;
pub(crate) mod new;
pub(crate) mod next;
pub(crate) mod restore;
pub(crate) mod run;
#[cfg(target_os = "linux")]
pub(crate) mod runner;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod threads;
pub(crate) mod webhooks;

use anyhow::Context as _;
use wakeful::StoreError;

use crate::arguments::{Cli, Command, Global};
use crate::client::Client;
use crate::failure::Failure;
use crate::logging;
use crate::settings::{Layer, Settings};

/// Runs a command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { global, command } = cli;
    let json = global.json;
    match command {
        // These read no settings, so that they work whatever the settings say.
        Command::Next(arguments) | Command::Crons(crons::Command::Preview(arguments)) => {
            next::run(&arguments, json)
        }
        Command::New(arguments) => new::run(&arguments, json),
        Command::Check(arguments) => check::run(&arguments, json),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::CompileForParent(arguments) => compile::run(&arguments),
        #[cfg(target_os = "linux")]
        Command::RunForParent(arguments) => runner::run(&arguments),
        Command::Config(arguments) => config::run(&read(&global, arguments.settings, "warn")?),
        Command::Serve(arguments) => serve::run(&read(&global, arguments.settings, "info")?),
        // How the run ends is told anyway, so the host need not log it as well.
        Command::Run(arguments) => {
            let settings = read(&global, Layer::default(), "warn,wakeful::executor=error")?;
            run::run(&arguments, &settings, json)
        }
        Command::Assistants(command) => assistants::run(&command, &server(&global)?, json),
        Command::Threads(command) => threads::run(&command, &server(&global)?, json),
        Command::Runs(command) => runs::run(&command, &server(&global)?, json),
        Command::Crons(command) => crons::run(&command, &server(&global)?, json),
        Command::Store(command) => store::run(&command, &server(&global)?, json),
        Command::Webhooks(webhooks::Command::Secret(arguments)) => {
            let flags = Layer { data: arguments.data.clone(), ..Layer::default() };
            webhooks::secret(&arguments, &read(&global, flags, "warn")?, json)
        }
        Command::Webhooks(command) => webhooks::run(&command, &server(&global)?, json),
        Command::Backup(arguments) => {
            let flags = Layer { data: arguments.data.clone(), ..Layer::default() };
            backup::run(&arguments, &read(&global, flags, "warn")?, json)
        }
        Command::Keys(command) => {
            let flags = Layer { data: command.data(), ..Layer::default() };
            keys::run(&command, &read(&global, flags, "warn")?, json)
        }
        Command::Restore(arguments) => {
            let flags = Layer { data: arguments.data.clone(), ..Layer::default() };
            restore::run(&arguments, &read(&global, flags, "warn")?, json)
        }
    }
}

fn read(global: &Global, flags: Layer, log: &str) -> anyhow::Result<Settings> {
    let settings = Settings::read(global.over(flags), global.config_file.as_deref())?;
    let filter = settings.log.value.as_deref().unwrap_or(log);
    logging::start(filter, settings.log_format.value)?;
    Ok(settings)
}

fn server(global: &Global) -> anyhow::Result<Client> {
    let settings = read(global, Layer::default(), "warn")?;
    Ok(Client::new(&settings.url.value, settings.api_key.value.as_ref()))
}

/// The runtime for the commands that have a host in this process.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the runtime")
}

/// Says who has the data folder when nobody could be asked in its place.
fn explain_in_use(error: anyhow::Error, in_use: &StoreError) -> anyhow::Error {
    match error.downcast_ref() {
        Some(Failure::NoServer { url, reason }) => {
            Failure::NoServer { url: url.clone(), reason: format!("{reason}, but {in_use}") }.into()
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_folder_without_a_server_to_ask_names_its_holder() {
        let no_server =
            Failure::NoServer { url: "http://x".into(), reason: "connection refused".into() };
        let in_use =
            StoreError::InUse { path: "d/wakeful.lock".into(), holder: "process 7".into() };
        let text = explain_in_use(no_server.into(), &in_use).to_string();
        assert!(text.contains("process 7") && text.contains("wakeful.lock"), "{text}");
    }
}
