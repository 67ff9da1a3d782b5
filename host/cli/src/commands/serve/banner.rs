use std::net::SocketAddr;

use wakeful::{ComponentStatus, Host};

use crate::{format, out, table};

/// Prints what was loaded, where the server listens and what to do next.
pub(super) fn print(host: &Host, address: SocketAddr) -> anyhow::Result<()> {
    let components = host.components();
    let settings = host.settings();
    out::line(format_args!(
        "wakeful {} runs the assistants in {}",
        env!("CARGO_PKG_VERSION"),
        settings.assistants.display()
    ))?;
    if components.is_empty() {
        out::line(format_args!("  none yet; put a component such as echo.wasm there"))?;
    } else {
        table::print(["  ID", "SIZE", "STATE", ""], components.iter().map(row))?;
    }
    out::line(format_args!("data in {}", settings.data.display()))?;
    out::line(format_args!("listening on http://{address}"))?;
    if host.needs_key() {
        out::line(format_args!("callers need an API key; `wakeful keys create` makes one"))?;
    } else {
        out::line(format_args!("no API key is needed; `wakeful keys create` makes a first one"))?;
    }
    for line in first_cron(&components, address, host.needs_key()) {
        out::line(format_args!("{line}"))?;
    }
    Ok(())
}

fn row(component: &ComponentStatus) -> [String; 4] {
    let serving = component.serving.as_ref();
    [
        format!("  {}", component.id),
        serving.map_or_else(|| "-".to_owned(), |state| format::bytes(state.bytes)),
        component.word().to_owned(),
        format::clean(component.problem.as_deref().unwrap_or_default()),
    ]
}

/// How to create a first cron, by command and by hand.
fn first_cron(components: &[ComponentStatus], address: SocketAddr, needs_key: bool) -> Vec<String> {
    let Some(usable) = components.iter().find(|component| component.serving.is_some()) else {
        return Vec::new();
    };
    let id = &usable.id;
    // A command in another folder does not read the settings that were read here.
    let standard = address == SocketAddr::from(([127, 0, 0, 1], 8123));
    let url = if standard { String::new() } else { format!(" --url http://{address}") };
    let key = if needs_key { " -H \"x-api-key: $WAKEFUL_API_KEY\"" } else { "" };
    vec![
        String::new(),
        "create a first cron, for every minute:".to_owned(),
        format!("  wakeful crons create --assistant {id} --schedule '* * * * *'{url}"),
        format!(
            "  curl http://{address}/runs/crons -H 'content-type: application/json'{key} \
             -d '{{\"assistant_id\": \"{id}\", \"schedule\": \"* * * * *\"}}'"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_suggested_that_cannot_work() {
        let broken = ComponentStatus {
            id: "broken".into(),
            path: "broken.wasm".into(),
            serving: None,
            problem: Some("not a component".into()),
            loading: false,
        };
        assert!(
            first_cron(std::slice::from_ref(&broken), SocketAddr::from(([127, 0, 0, 1], 1)), false)
                .is_empty()
        );
        assert_eq!(row(&broken), ["  broken", "-", "broken", "not a component"]);
    }
}
