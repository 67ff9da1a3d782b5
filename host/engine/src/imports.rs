//! The functions of the contract that a guest may call.

use wakeful_core::{Json, LogLevel, LogSource, Outcome};
use wasmtime::{Result, bail};

use crate::GuestEvent;
use crate::bindings::wakeful::assistant::{assistant_types, config, control, events, log, thread};
use crate::logs::open;
use crate::sandbox::Sandbox;

/// What a field of a log line costs beside its texts.
const FIELD: usize = 16;

impl assistant_types::Host for Sandbox {}

impl events::Host for Sandbox {
    async fn emit(&mut self, event: events::Event) -> Result<Result<(), assistant_types::Error>> {
        let bytes = size(&event);
        self.meter.bytes(bytes);
        self.emitted.events = self.emitted.events.saturating_add(1);
        self.emitted.bytes = self.emitted.bytes.saturating_add(bytes as u64);
        if self.emitted.events > self.limits.events {
            self.verdict = Some(Outcome::TooManyEvents { limit: self.limits.events });
            bail!("too many events");
        }
        if self.emitted.bytes > self.limits.output {
            self.verdict = Some(Outcome::OutputTooLarge { limit: self.limits.output });
            bail!("too many bytes in events");
        }
        match parse(event) {
            Ok(event) => {
                // A watcher that has left is no reason to stop.
                let _ = self.events.send(event).await;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(assistant_types::Error {
                code: assistant_types::ErrorCode::InvalidInput,
                message: format!("the event is not JSON: {error}"),
                retryable: false,
                retry_after_ms: None,
            })),
        }
    }
}

fn size(event: &events::Event) -> usize {
    match event {
        events::Event::TextDelta(text)
        | events::Event::Message(text)
        | events::Event::Values(text) => text.len(),
        events::Event::Custom(event) => event.name.len().saturating_add(event.data.len()),
    }
}

fn parse(event: events::Event) -> serde_json::Result<GuestEvent> {
    let json = |text: String| serde_json::from_str::<Json>(&text);
    Ok(match event {
        events::Event::TextDelta(text) => GuestEvent::TextDelta(text),
        events::Event::Message(text) => GuestEvent::Message(json(text)?),
        events::Event::Values(text) => GuestEvent::Values(json(text)?),
        events::Event::Custom(event) => {
            GuestEvent::Custom { name: event.name, data: json(event.data)? }
        }
    })
}

impl log::Host for Sandbox {
    async fn log(&mut self, level: log::Level, message: String, fields: Vec<log::Field>) {
        // A field is taken out of the guest's memory even if there is nothing in it.
        let size = |field: &log::Field| FIELD + field.key.len() + field.value.len();
        let text = fields.iter().map(size).sum::<usize>();
        self.meter.bytes(message.len().saturating_add(text));
        if open(&self.logs).is_full() {
            open(&self.logs).drop_lines(1);
            return;
        }
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
            log::Level::Critical => LogLevel::Critical,
        };
        let fields = fields.into_iter().map(|field| (field.key, field.value)).collect();
        let kept = open(&self.logs).push(LogSource::Log, level, &message, fields);
        if let Some(line) = kept {
            let _ = self.events.send(GuestEvent::Log(line)).await;
        }
    }
}

impl thread::Host for Sandbox {
    fn values(&mut self) -> String {
        let text = self.values.to_string();
        self.meter.bytes(text.len());
        text
    }
}

impl config::Host for Sandbox {
    fn get(&mut self, key: String) -> Option<String> {
        let text = self.config.get(&key).map(Json::to_string);
        self.meter.bytes(key.len().saturating_add(text.as_ref().map_or(0, String::len)));
        text
    }

    fn keys(&mut self) -> Vec<String> {
        let keys: Vec<String> = self.config.keys().cloned().collect();
        self.meter.bytes(keys.iter().map(String::len).sum());
        keys
    }
}

impl control::Host for Sandbox {
    fn cancelled(&mut self) -> bool {
        self.cancel.is_cancelled()
    }

    fn remaining_ms(&mut self) -> Option<u32> {
        self.remaining().map(|left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX))
    }
}
