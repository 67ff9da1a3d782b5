use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::Object;

/// When a cron fires, in one of three ways.
#[derive(Debug, Args)]
pub(super) struct When {
    /// Fire by this schedule; several are put together. `wakeful next` shows what one means
    #[arg(long = "schedule", value_name = "SCHEDULE", conflicts_with_all = ["every", "at"])]
    schedules: Vec<String>,

    /// Fire in this interval, such as 15m, or 1h/5m for five minutes past each hour (UTC)
    #[arg(long, value_name = "TIME", conflicts_with = "at")]
    every: Option<String>,

    /// Fire once, at this instant: 2030-01-31T09:00:00Z, or without an offset for a time in the
    /// cron's time zone
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
}

impl When {
    /// The options, one of which has to be there for a new cron.
    pub(super) const OPTIONS: [&'static str; 3] = ["schedules", "every", "at"];

    /// Writes them into a request.
    pub(super) fn write(&self, body: &mut Object) {
        match self.schedules.as_slice() {
            [] => {}
            [one] => set(body, "schedule", one.as_str()),
            several => set(body, "schedules", several.to_vec()),
        }
        if let Some(every) = &self.every {
            set(
                body,
                "every",
                match every.split_once('/') {
                    Some((interval, phase)) => json!({"interval": interval, "phase": phase}),
                    None => every.as_str().into(),
                },
            );
        }
        if let Some(at) = &self.at {
            set(body, "at", at.as_str());
        }
    }
}

fn set(body: &mut Object, key: &str, value: impl Into<Json>) {
    body.insert(key.to_owned(), value.into());
}
