use std::ffi::OsString;
use std::str::FromStr;

use clap::ValueEnum;

use super::crons::CronLayer;
use super::layer::Layer;
use super::value::ClientKey;
use super::webhooks::WebhookLayer;
use crate::failure::Failure;

/// What every variable begins with; the key follows in capitals.
const PREFIX: &str = "WAKEFUL_";

/// Names the settings file; read before everything else.
pub(super) const CONFIG: &str = "WAKEFUL_CONFIG";

/// Where LangGraph's own clients find their key.
pub(super) const LANGGRAPH_KEY: &str = "LANGGRAPH_API_KEY";

/// Reads the settings from variables of the environment, given as `lookup`. An empty variable is
/// as good as none.
pub(super) fn read(lookup: &dyn Fn(&str) -> Option<OsString>) -> Result<Layer, Failure> {
    let text = |key: &str| -> Result<Option<(String, String)>, Failure> {
        let name = format!("{PREFIX}{}", key.to_ascii_uppercase());
        match lookup(&name).filter(|value| !value.is_empty()).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some((name, value))),
            Some(Err(_)) => Err(Failure::Usage(format!("{name} is not valid UTF-8"))),
        }
    };
    Ok(Layer {
        listen: parsed(text("listen")?)?,
        data: path(lookup("WAKEFUL_DATA")),
        assistants: path(lookup("WAKEFUL_ASSISTANTS")),
        insecure_open: parsed(text("insecure_open")?)?,
        concurrent_runs: parsed(text("concurrent_runs")?)?,
        runners: parsed(text("runners")?)?,
        guest_threads: parsed(text("guest_threads")?)?,
        shutdown_grace: parsed(text("shutdown_grace")?)?,
        max_attempts: parsed(text("max_attempts")?)?,
        retry_wait: parsed(text("retry_wait")?)?,
        longest_retry_wait: parsed(text("longest_retry_wait")?)?,
        store_cache: parsed(text("store_cache")?)?,
        min_free_disk: parsed(text("min_free_disk")?)?,
        max_body: parsed(text("max_body")?)?,
        key_rate: parsed(text("key_rate")?)?,
        peer_rate: parsed(text("peer_rate")?)?,
        request_log: parsed(text("request_log")?)?,
        api_key: parsed(text("api_key")?)?,
        url: parsed(text("url")?)?,
        log: text("log")?.map(|(_, value)| value),
        log_format: match text("log_format")? {
            None => None,
            Some((name, value)) => Some(ValueEnum::from_str(&value, false).map_err(|_| {
                Failure::Usage(format!("{name}: `{value}` is neither `text` nor `json`"))
            })?),
        },
        crons: CronLayer {
            min_interval: parsed(text("crons_min_interval")?)?,
            usual_end: parsed(text("crons_usual_end")?)?,
            catchup_per_second: parsed(text("crons_catchup_per_second")?)?,
            zone_poll: parsed(text("crons_zone_poll")?)?,
        },
        webhooks: WebhookLayer {
            allow: parsed(text("webhooks_allow")?)?,
            https_only: parsed(text("webhooks_https_only")?)?,
            secret: parsed(text("webhooks_secret")?)?,
            previous_secret: parsed(text("webhooks_previous_secret")?)?,
        },
        ..Layer::default()
    })
}

/// The API key, if LangGraph's clients have one.
pub(super) fn langgraph_key(
    lookup: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<ClientKey>, Failure> {
    let value = lookup(LANGGRAPH_KEY).filter(|value| !value.is_empty());
    parsed(value.map(|value| (LANGGRAPH_KEY.to_owned(), value.to_string_lossy().into_owned())))
}

fn path(value: Option<OsString>) -> Option<std::path::PathBuf> {
    value.filter(|value| !value.is_empty()).map(Into::into)
}

fn parsed<T>(variable: Option<(String, String)>) -> Result<Option<T>, Failure>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let Some((name, value)) = variable else { return Ok(None) };
    match value.parse() {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Failure::Usage(format!("{name}: {error}"))),
    }
}
