use clap::Args;
use serde_json::Value as Json;
use wakeful::core::{AssistantId, Object};

use super::change::Definition;
use crate::client::Client;
use crate::commands::fields;
use crate::out;

/// Create an assistant from a component
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful assistants create echo --name 'Loud echo' --context '{\"prefix\": \"HEY\"}'
  wakeful assistants create weekly-todos --config @config.json --metadata '{\"team\": \"a\"}'")]
pub(crate) struct Arguments {
    /// Create it from this component
    component: String,

    /// Give it this id [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<AssistantId>,

    #[command(flatten)]
    definition: Definition,
}

pub(super) fn run(arguments: &Arguments, client: &Client, json: bool) -> anyhow::Result<()> {
    let assistant = client.post("/assistants", &Json::Object(body(arguments)?))?;
    if json {
        return out::json(&assistant);
    }
    let id = fields::text(&assistant, "assistant_id");
    out::line(format_args!("created assistant {id}; `wakeful run {id}` runs it"))
}

fn body(arguments: &Arguments) -> anyhow::Result<Object> {
    let mut body = arguments.definition.body()?;
    body.insert("graph_id".into(), arguments.component.clone().into());
    if let Some(id) = arguments.id {
        body.insert("assistant_id".into(), id.to_string().into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::arguments::{Cli, Command};
    use crate::commands::assistants;

    fn parse(arguments: &[&str]) -> Json {
        let all = ["wakeful", "assistants", "create"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Assistants(assistants::Command::Create(arguments)) => {
                body(&arguments).unwrap().into()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_has_what_was_given_and_nothing_else() {
        assert_eq!(parse(&["echo"]), json!({"graph_id": "echo"}));
        let id = "4a06dc93-31df-421e-8f4a-7bacba18295a";
        let full = parse(&[
            "echo",
            "--id",
            id,
            "--name",
            "n",
            "--description",
            "d",
            "--config",
            "{\"tags\": []}",
            "--context",
            "{\"k\": 1}",
            "--metadata",
            "{\"m\": 2}",
        ]);
        assert_eq!(
            full,
            json!({
                "graph_id": "echo", "assistant_id": id, "name": "n", "description": "d",
                "config": {"tags": []}, "context": {"k": 1}, "metadata": {"m": 2},
            })
        );
    }
}
