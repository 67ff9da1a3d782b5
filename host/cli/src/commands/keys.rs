//! `wakeful keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::{ApiKey, KeyId, Rate, Scope};
use wakeful::{CreateKey, Error, StoreError};

use super::{fields, runtime};
use crate::client::Client;
use crate::failure::{self, Failure};
use crate::settings::{Settings, Source};
use crate::{out, table};

/// Make, list and revoke the API keys that callers need
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make an API key, and print it; it is shown this once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful keys create --name admin --scope manage
  WAKEFUL_API_KEY=$(wakeful keys create --name ci --scope run)

Scopes:
  read    look at everything: threads, runs, crons, items, logs
  run     also make and change threads, runs and items, and trigger crons
  manage  also crons, assistants, backups and keys

Once there is a key, every caller needs one. A running server is asked to make it, and needs a key
with the scope `manage` itself if it has keys; where none runs, the key is made in the data folder")]
pub(crate) struct Create {
    /// Name whoever or whatever will use it
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Allow this
    #[arg(long, value_name = "SCOPE", value_parser = ["read", "run", "manage"])]
    scope: String,
    /// Allow this many requests per second, or with a most at once as in 50:200 [default: what
    /// `key_rate` says]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    #[command(flatten)]
    place: Place,
}

/// List the API keys, without their secrets
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
}

/// Revoke an API key; a running server refuses it at once
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Revoke this key
    key: KeyId,
    #[command(flatten)]
    place: Place,
}

/// Where the keys are.
#[derive(Debug, Args)]
struct Place {
    /// Look in this folder, and ask a server only if one has it open [default: ask the server, and
    /// look in ./wakeful-data where none runs]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Command {
    /// The folder that was named.
    pub(super) fn data(&self) -> Option<PathBuf> {
        let (Self::Create(Create { place, .. })
        | Self::List(List { place })
        | Self::Revoke(Revoke { place, .. })) = self;
        place.data.clone()
    }
}

pub(super) fn run(command: &Command, settings: &Settings, json: bool) -> anyhow::Result<()> {
    match command {
        Command::Create(arguments) => create(arguments, settings, json),
        Command::List(_) => list(settings, json),
        Command::Revoke(arguments) => revoke(arguments.key, settings, json),
    }
}

fn create(arguments: &Create, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let rate = arguments.rate.map(rate_of);
    let body = json!({"name": arguments.name, "scope": arguments.scope, "rate": rate});
    let data = &settings.data.value;
    let made = somewhere(
        settings,
        |client| client.post("/keys", &body),
        || {
            let scope = Scope::parse(&arguments.scope).unwrap_or(Scope::Read);
            let new = CreateKey { name: arguments.name.clone(), scope, rate: arguments.rate };
            let (key, token) = runtime_block(wakeful::create_key_in(data, new))?;
            let mut shown = document(&key);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("key".into(), token.to_string().into());
            }
            Ok(shown)
        },
    )?;
    if json {
        return out::json(&made);
    }
    out::line(format_args!("{}", fields::text(&made, "key")))?;
    out::note(format_args!(
        "made key {}; it is not shown again, so keep it now",
        fields::text(&made, "key_id")
    ));
    Ok(())
}

fn list(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let keys = somewhere(
        settings,
        |client| client.get("/keys", &[]),
        || {
            let keys = runtime_block(wakeful::keys_in(&settings.data.value))?;
            Ok(Json::Array(keys.iter().map(document).collect()))
        },
    )?;
    if json {
        return out::json(&keys);
    }
    let rows = fields::items(&keys).iter().map(|key| {
        [
            fields::text(key, "key_id"),
            fields::text(key, "name"),
            fields::text(key, "scope"),
            rate_text(key),
            fields::when(key, "created_at"),
            fields::when(key, "last_used_at"),
        ]
    });
    table::print(["ID", "NAME", "SCOPE", "RATE", "CREATED", "LAST USED"], rows)
}

fn revoke(key: KeyId, settings: &Settings, json: bool) -> anyhow::Result<()> {
    somewhere(
        settings,
        |client| client.delete(&format!("/keys/{key}")),
        || runtime_block(wakeful::revoke_key_in(&settings.data.value, key)),
    )?;
    if json { Ok(()) } else { out::line(format_args!("revoked key {key}")) }
}

/// Asks the server, or does it in the data folder where no server runs. A folder that was named
/// comes first, and a server that was named is the only one asked.
fn somewhere<T>(
    settings: &Settings,
    ask: impl Fn(&Client) -> anyhow::Result<T>,
    by_hand: impl Fn() -> Result<T, Trouble>,
) -> anyhow::Result<T> {
    let client = Client::new(&settings.url.value, settings.api_key.value.as_ref());
    if matches!(settings.data.source, Source::Flag(_)) {
        return match by_hand() {
            Err(Trouble::Host(Error::Store(in_use @ StoreError::InUse { .. }))) => {
                ask(&client).map_err(|error| super::explain_in_use(error, &in_use))
            }
            done => done.map_err(Trouble::into_failure),
        };
    }
    match ask(&client) {
        Err(error)
            if settings.url.source == Source::Default
                && matches!(error.downcast_ref(), Some(Failure::NoServer { .. })) =>
        {
            by_hand().map_err(Trouble::into_failure)
        }
        answered => answered,
    }
}

/// Why it was not done by hand.
enum Trouble {
    Host(Error),
    Other(anyhow::Error),
}

impl Trouble {
    fn into_failure(self) -> anyhow::Error {
        match self {
            Self::Host(error) => failure::of_host(error),
            Self::Other(error) => error,
        }
    }
}

fn runtime_block<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    runtime().map_err(Trouble::Other)?.block_on(work).map_err(Trouble::Host)
}

/// A key as the server shows it.
fn document(key: &ApiKey) -> Json {
    json!({
        "key_id": key.id.to_string(),
        "name": key.name,
        "scope": key.scope.as_str(),
        "rate": key.rate.map(rate_of),
        "created_at": key.created_at.to_string(),
        "last_used_at": key.last_used_at.map(|at| at.to_string()),
    })
}

fn rate_of(rate: Rate) -> Json {
    json!({"per_second": rate.per_second.get(), "burst": rate.burst.get()})
}

fn rate_text(key: &Json) -> String {
    let number = |field| {
        let number = fields::number(key.get("rate")?, field)?;
        u32::try_from(number).ok()
    };
    let rate = number("per_second").zip(number("burst"));
    let rate = rate.and_then(|(per_second, burst)| Rate::new(per_second, burst));
    rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shown_as_it_is_written() {
        for rate in ["50", "50:200"] {
            let shown = json!({"rate": rate_of(rate.parse().unwrap())});
            assert_eq!(rate_text(&shown), rate);
        }
        assert_eq!(rate_text(&json!({"rate": null})), "-");
    }
}
