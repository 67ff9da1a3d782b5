use std::fmt::{Display, Write};

use super::Settings;
use super::source::Sourced;

/// Writes the settings as TOML.
pub(super) fn write(settings: &Settings) -> String {
    let mut lines = Lines::default();
    lines.text("listen", &settings.listen);
    lines.path("data", &settings.data);
    lines.path("assistants", &settings.assistants);
    lines.text("url", &settings.url);
    match &settings.api_key.value {
        // Whoever looks over a shoulder is not to see it.
        Some(_) => lines.add("# api_key", "(not shown)", &settings.api_key.source),
        None => lines.add("# api_key", "(none)", &settings.api_key.source),
    }
    lines.bare("insecure_open", &settings.insecure_open);
    match &settings.log.value {
        Some(log) => lines.add("log", &quoted(log), &settings.log.source),
        // TOML has no way to say that a key is absent.
        None => lines.add("# log", "\"info\" for serve, \"warn\" otherwise", &settings.log.source),
    }
    lines.add(
        "log_format",
        &quoted(settings.log_format.value.as_str()),
        &settings.log_format.source,
    );
    lines.bare("concurrent_runs", &settings.concurrent_runs);
    lines.bare("runners", &settings.runners);
    lines.bare("guest_threads", &settings.guest_threads);
    lines.text("shutdown_grace", &settings.shutdown_grace);
    lines.bare("max_attempts", &settings.max_attempts);
    lines.text("retry_wait", &settings.retry_wait);
    lines.text("longest_retry_wait", &settings.longest_retry_wait);
    lines.text("store_cache", &settings.store_cache);
    lines.text("min_free_disk", &settings.min_free_disk);
    lines.text("max_body", &settings.max_body);
    lines.text("key_rate", &settings.key_rate);
    lines.text("peer_rate", &settings.peer_rate);
    lines.bare("request_log", &settings.request_log);
    lines.heading("limits");
    let limits = &settings.limits;
    lines.bare("fuel", &limits.fuel);
    lines.text("memory", &limits.memory);
    lines.text("timeout", &limits.timeout);
    lines.text("output", &limits.output);
    lines.text("logs", &limits.logs);
    lines.bare("events", &limits.events);
    lines.text("disk", &limits.disk);
    lines.bare("files", &limits.files);
    lines.bare("tokens", &limits.tokens);
    lines.optional("tokens_per_day", &limits.tokens_per_day);
    lines.heading("limits.http");
    let http = &limits.http;
    lines.bare("requests", &http.requests);
    lines.bare("at_once", &http.at_once);
    lines.text("connect", &http.connect);
    lines.text("first_byte", &http.first_byte);
    lines.text("total", &http.total);
    lines.text("request", &http.request);
    lines.text("response", &http.response);
    lines.heading("retention");
    lines.text("stateless_runs", &settings.stateless_runs);
    lines.text("fires", &settings.fires);
    lines.text("crons", &settings.ended_crons);
    match &settings.threads.value {
        Some(threads) => {
            lines.add("threads", &quoted(&threads.to_string()), &settings.threads.source);
        }
        None => lines.add("# threads", "for ever", &settings.threads.source),
    }
    lines.text("threads_expiry", &settings.threads_expiry);
    lines.text("deliveries", &settings.deliveries);
    lines.heading("crons");
    let crons = &settings.crons;
    lines.text("min_interval", &crons.min_interval);
    match &crons.usual_end.value {
        Some(end) => lines.add("usual_end", &quoted(&end.to_string()), &crons.usual_end.source),
        None => lines.add("# usual_end", "never", &crons.usual_end.source),
    }
    lines.bare("catchup_per_second", &crons.catchup_per_second);
    lines.text("zone_poll", &crons.zone_poll);
    lines.heading("assistant_crons");
    lines.bare("max", &settings.assistant_crons_max);
    lines.text("min_interval", &settings.assistant_crons_min_interval);
    lines.heading("compile");
    lines.text("memory", &settings.compile.memory);
    lines.text("time", &settings.compile.time);
    lines.heading("grants");
    let grants = &settings.grants;
    lines.optional("hosts", &grants.hosts);
    lines.bare("private", &grants.private);
    lines.optional("environment", &grants.environment);
    lines.optional("secret_folders", &grants.secret_folders);
    for (name, model) in &settings.models.value.0 {
        lines.heading(&format!("models.{}", quoted(name.as_str())));
        for line in model.to_string().lines() {
            lines.line(line, &settings.models.source);
        }
    }
    lines.heading("webhooks");
    let webhooks = &settings.webhooks;
    lines.bare("allow", &webhooks.allow);
    lines.bare("https_only", &webhooks.https_only);
    // What is printed may be shown to others.
    lines.secret("secret", &webhooks.secret);
    lines.secret("previous_secret", &webhooks.previous_secret);
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn heading(&mut self, name: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "\n[{name}]");
    }

    /// A number or a truth value.
    fn bare<T: Display>(&mut self, key: &str, setting: &Sourced<T>) {
        self.add(key, &setting.value.to_string(), &setting.source);
    }

    fn text<T: Display>(&mut self, key: &str, setting: &Sourced<T>) {
        self.add(key, &quoted(&setting.value.to_string()), &setting.source);
    }

    fn path(&mut self, key: &str, setting: &Sourced<std::path::PathBuf>) {
        self.add(key, &quoted(&setting.value.to_string_lossy()), &setting.source);
    }

    /// Something that bounds nothing if it is absent.
    fn optional<T: Display>(&mut self, key: &str, setting: &Sourced<Option<T>>) {
        match &setting.value {
            Some(value) => self.add(key, &value.to_string(), &setting.source),
            None => self.add(&format!("# {key}"), "all", &setting.source),
        }
    }

    fn secret<T>(&mut self, key: &str, setting: &Sourced<Option<T>>) {
        let state = if setting.value.is_some() { "\"…\"" } else { "none" };
        self.add(&format!("# {key}"), state, &setting.source);
    }

    fn add(&mut self, key: &str, value: &str, source: &dyn Display) {
        self.line(&format!("{key} = {value}"), source);
    }

    fn line(&mut self, line: &str, source: &dyn Display) {
        let _ = writeln!(self.0, "{line:<40} # {source}");
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
