//! `wakeful store`.

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::Namespace;

use super::fields;
use crate::client::Client;
use crate::failure::Failure;
use crate::{format, input, out, table};

/// Keep items: JSON objects that outlive threads, which assistants and clients share
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Put(Put),
    Get(Get),
    Delete(Delete),
    List(List),
    Namespaces(Namespaces),
}

/// Put an item in the place of whatever is there
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful store put user.1 likes '{\"color\": \"red\"}'
  wakeful store put session.9 draft @draft.json --ttl 60")]
pub(crate) struct Put {
    #[command(flatten)]
    address: Address,
    /// Put this JSON object; @file reads it from a file, - from standard input
    value: String,
    /// Let it go away after this many minutes
    #[arg(long, value_name = "MINUTES")]
    ttl: Option<f64>,
}

/// Show an item
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    address: Address,
}

/// Delete an item
#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    address: Address,
}

// A doc comment would become the help of the commands that have this.
#[derive(Debug, Args)]
pub(crate) struct Address {
    /// The item's namespace: labels joined with periods
    #[arg(value_parser = Namespace::parse)]
    namespace: Namespace,
    /// The item's key
    key: String,
}

/// List items, the last changed first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful store list
  wakeful store list user.1 --filter '{\"age\": {\"$gte\": 21}}' --json")]
pub(crate) struct List {
    /// List only those in this namespace and below it
    #[arg(value_parser = Namespace::parse, default_value = "", hide_default_value = true)]
    prefix: Namespace,
    /// List only those whose value has these fields, given as JSON; a field may have the operators
    /// $eq, $ne, $gt, $gte, $lt and $lte
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    /// Pass over this many
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u32,
}

/// List namespaces that have items
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful store namespaces
  wakeful store namespaces --prefix 'user.*' --max-depth 2")]
pub(crate) struct Namespaces {
    /// List only those that begin with these labels, where * is any one label
    #[arg(long, value_name = "LABELS", value_parser = Namespace::parse)]
    #[arg(default_value = "", hide_default_value = true)]
    prefix: Namespace,
    /// List only those that end with these labels, where * is any one label
    #[arg(long, value_name = "LABELS", value_parser = Namespace::parse)]
    #[arg(default_value = "", hide_default_value = true)]
    suffix: Namespace,
    /// Cut namespaces to this many labels, and list each once
    #[arg(long, value_name = "N")]
    max_depth: Option<u32>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Pass over this many
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u32,
}

pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::Put(arguments) => put(arguments, client, json),
        Command::Get(Get { address }) => get(address, client, json),
        Command::Delete(Delete { address }) => delete(address, client, json),
        Command::List(arguments) => list(arguments, client, json),
        Command::Namespaces(arguments) => namespaces(arguments, client, json),
    }
}

impl Address {
    fn find(&self, client: &Client) -> anyhow::Result<Json> {
        let query = [
            ("namespace", self.namespace.to_string()),
            ("key", self.key.clone()),
            // Looking at an item is no use of it.
            ("refresh_ttl", "false".to_owned()),
        ];
        let item = client.get("/store/items", &query)?;
        if item.is_null() {
            return Err(Failure::NotFound(format!(
                "there is no item {} in namespace {}",
                self.key, self.namespace
            ))
            .into());
        }
        Ok(item)
    }
}

fn put(arguments: &Put, client: &Client, json: bool) -> anyhow::Result<()> {
    let Address { namespace, key } = &arguments.address;
    let body = json!({
        "namespace": namespace.labels(),
        "key": key,
        "value": input::object("VALUE", &arguments.value)?,
        "ttl": arguments.ttl,
    });
    client.put("/store/items", &body)?;
    if json { Ok(()) } else { out::line(format_args!("put {key} into {namespace}")) }
}

fn get(address: &Address, client: &Client, json: bool) -> anyhow::Result<()> {
    let item = address.find(client)?;
    if json {
        return out::json(&item);
    }
    let mut pairs =
        vec![("namespace", address.namespace.to_string()), ("key", address.key.clone())];
    for (name, key) in
        [("created", "created_at"), ("changed", "updated_at"), ("expires", "expires_at")]
    {
        pairs.extend(fields::moment(&item, key).map(|moment| (name, moment)));
    }
    pairs.push(("value", format!("{:#}", item.get("value").unwrap_or(&Json::Null))));
    table::pairs(&pairs)
}

fn delete(address: &Address, client: &Client, json: bool) -> anyhow::Result<()> {
    // The server says nothing of an item that is not there; a person may have mistyped its name.
    address.find(client)?;
    let Address { namespace, key } = address;
    client.delete_with("/store/items", &json!({ "namespace": namespace.labels(), "key": key }))?;
    if json { Ok(()) } else { out::line(format_args!("deleted {key} from {namespace}")) }
}

fn list(arguments: &List, client: &Client, json: bool) -> anyhow::Result<()> {
    let filter = arguments.filter.as_deref();
    let search = json!({
        "namespace_prefix": arguments.prefix.labels(),
        "filter": filter.map(|filter| input::object("--filter", filter)).transpose()?,
        "limit": arguments.limit,
        "offset": arguments.offset,
        "refresh_ttl": false,
    });
    let found = client.post("/store/items/search", &search)?;
    if json {
        return out::json(&found);
    }
    let items = found.get("items").map(fields::items).unwrap_or_default();
    if items.is_empty() {
        return out::line(format_args!("no items"));
    }
    let rows = items.iter().map(|item| {
        [
            dotted(item.get("namespace")),
            fields::text(item, "key"),
            fields::when(item, "updated_at"),
            fields::when(item, "expires_at"),
            item.get("value")
                .map(|value| format::short(&value.to_string(), 80))
                .unwrap_or_default(),
        ]
    });
    table::print(["NAMESPACE", "KEY", "CHANGED", "EXPIRES", "VALUE"], rows)
}

fn namespaces(arguments: &Namespaces, client: &Client, json: bool) -> anyhow::Result<()> {
    let list = json!({
        "prefix": arguments.prefix.labels(),
        "suffix": arguments.suffix.labels(),
        "max_depth": arguments.max_depth,
        "limit": arguments.limit,
        "offset": arguments.offset,
    });
    let found = client.post("/store/namespaces", &list)?;
    if json {
        return out::json(&found);
    }
    let found = found.get("namespaces").map(fields::items).unwrap_or_default();
    if found.is_empty() {
        return out::line(format_args!("no namespaces"));
    }
    for namespace in found {
        out::line(format_args!("{}", format::clean(&dotted(Some(namespace)))))?;
    }
    Ok(())
}

/// Labels as people write them.
fn dotted(labels: Option<&Json>) -> String {
    let labels = labels.map(fields::items).unwrap_or_default();
    labels.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(".")
}
