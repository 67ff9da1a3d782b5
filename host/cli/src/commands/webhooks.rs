//! `wakeful webhooks`.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::DeliveryId;
use wakeful_server::WebhookSecret;

use super::fields;
use crate::client::Client;
use crate::settings::Settings;
use crate::{format, out, table};

/// Look at the deliveries of webhooks, send one again, and print the secret
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Redeliver(Redeliver),
    Secret(Secret),
}

/// List deliveries, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful webhooks list
  wakeful webhooks list --status failed --json")]
pub(crate) struct List {
    /// List only those with this status: pending, delivered or failed
    #[arg(long, value_name = "STATUS", value_parser = ["pending", "delivered", "failed"])]
    status: Option<String>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

/// Show a delivery with its attempts
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Show this delivery
    delivery: DeliveryId,
}

/// Send a delivery again that was made or given up
#[derive(Debug, Args)]
pub(crate) struct Redeliver {
    /// Send this delivery
    delivery: DeliveryId,
}

/// Print the secret that messages are signed with
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful webhooks secret          # the one that holds: of the settings, or of the data folder
  wakeful webhooks secret --new    # another one, for the settings; nothing is changed

The secret of the data folder is made at the first use. To change over without losing a message, put
the new one into wakeful.toml as `secret` and the old one as `previous_secret`, both under
[webhooks], until every receiver has the new one")]
pub(crate) struct Secret {
    /// Print a new random secret
    #[arg(long)]
    new: bool,
    /// Read the secret of this data folder [default: ./wakeful-data]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<std::path::PathBuf>,
}

/// Runs a command that talks to a server.
pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list(arguments, client, json),
        Command::Show(Show { delivery }) => {
            let document = client.get(&format!("/webhooks/deliveries/{delivery}"), &[])?;
            if json { out::json(&document) } else { show(&document) }
        }
        Command::Redeliver(Redeliver { delivery }) => {
            let path = format!("/webhooks/deliveries/{delivery}/redeliver");
            let document = client.post(&path, &json!({}))?;
            if json {
                return out::json(&document);
            }
            out::line(format_args!("delivery {delivery} is sent again"))
        }
        // Needs no server; see `secret`.
        Command::Secret(_) => Ok(()),
    }
}

/// Prints the secret that holds, or a new one.
pub(super) fn secret(arguments: &Secret, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let secret = if arguments.new {
        WebhookSecret::generate()
    } else {
        match settings.server().webhooks.secrets.into_iter().next() {
            Some(secret) => secret,
            None => WebhookSecret::of_folder(&settings.data.value)
                .context("the webhook secret can neither be read nor made")?,
        }
    };
    if json {
        return out::json(&json!({ "secret": secret.reveal() }));
    }
    out::line(format_args!("{}", secret.reveal()))
}

fn list(arguments: &List, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut query = vec![("limit", arguments.limit.to_string())];
    query.extend(arguments.status.clone().map(|status| ("status", status)));
    let deliveries = client.get("/webhooks/deliveries", &query)?;
    if json {
        return out::json(&deliveries);
    }
    let deliveries = fields::items(&deliveries);
    if deliveries.is_empty() {
        return match &arguments.status {
            Some(status) => out::line(format_args!("no deliveries with status {status}")),
            None => out::line(format_args!(
                "no deliveries yet; there is one when a run ends that has a webhook"
            )),
        };
    }
    let rows = deliveries.iter().map(|delivery| {
        [
            fields::text(delivery, "delivery_id"),
            fields::text(delivery, "run_id"),
            fields::text(delivery, "status"),
            attempts(delivery).len().to_string(),
            fields::when(delivery, "created_at"),
            fields::when(delivery, "next_attempt_at"),
            format::clean(&fields::text(delivery, "url")),
        ]
    });
    table::print(["DELIVERY", "RUN", "STATUS", "ATTEMPTS", "CREATED", "NEXT", "URL"], rows)
}

fn attempts(delivery: &Json) -> &[Json] {
    delivery.get("attempts").map(fields::items).unwrap_or_default()
}

fn show(delivery: &Json) -> anyhow::Result<()> {
    let mut pairs = vec![
        ("delivery", fields::text(delivery, "delivery_id")),
        ("run", fields::text(delivery, "run_id")),
        ("url", format::clean(&fields::text(delivery, "url"))),
        ("status", fields::text(delivery, "status")),
    ];
    for (name, key) in [("created", "created_at"), ("next attempt", "next_attempt_at")] {
        pairs.extend(fields::moment(delivery, key).map(|moment| (name, moment)));
    }
    table::pairs(&pairs)?;
    let attempts = attempts(delivery);
    if attempts.is_empty() {
        return Ok(());
    }
    out::line(format_args!(""))?;
    let rows = attempts.iter().map(|attempt| {
        [
            fields::when(attempt, "at"),
            fields::duration(attempt, "duration_ms").map_or_else(String::new, format::duration),
            fields::number(attempt, "http_status")
                .map_or_else(|| "-".to_owned(), |status| status.to_string()),
            format::clean(
                fields::optional(attempt, "error")
                    .or_else(|| fields::optional(attempt, "response"))
                    .unwrap_or_default(),
            ),
        ]
    });
    table::print(["ATTEMPT", "TOOK", "HTTP", "ANSWER"], rows)
}
