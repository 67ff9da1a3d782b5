use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{Json, Object};

use crate::error::Error;
use crate::extract::typed;

/// How many channels or namespaces a subscription may name.
const NAMED: usize = 256;
/// How long the name of a channel may be.
const NAME_BYTES: usize = 256;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Values,
    Updates,
    Messages,
    Tools,
    Lifecycle,
    Input,
    Checkpoints,
    Tasks,
    Custom,
}

impl Channel {
    const ALL: [(&str, Self); 9] = [
        ("values", Self::Values),
        ("updates", Self::Updates),
        ("messages", Self::Messages),
        ("tools", Self::Tools),
        ("lifecycle", Self::Lifecycle),
        ("input", Self::Input),
        ("checkpoints", Self::Checkpoints),
        ("tasks", Self::Tasks),
        ("custom", Self::Custom),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == word).map(|(_, channel)| channel)
    }

    /// What events of this kind are called.
    pub(crate) fn method(self) -> &'static str {
        if self == Self::Input {
            return "input.requested";
        }
        let found = Self::ALL.into_iter().find(|(_, channel)| *channel == self);
        found.map_or("", |(word, _)| word)
    }
}

/// Which events of a thread a client wants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscription {
    channels: u16,
    /// Of the custom events, those with these names.
    custom: Vec<String>,
    /// Whether what happens outside of any subgraph is wanted. A component has no subgraphs.
    root: bool,
    /// Nothing up to this number.
    pub(crate) after: u64,
}

/// Which events of a thread to send.
#[derive(Deserialize, ToSchema)]
pub(crate) struct EventFilter {
    /// Kinds of events, such as `values` or `lifecycle`; `custom:` and a name for one of your own.
    channels: Vec<String>,
    #[serde(default)]
    namespaces: Option<Vec<Vec<String>>>,
    #[serde(default)]
    #[expect(dead_code, reason = "only whether it can be read matters: nothing is nested")]
    depth: Option<u32>,
    #[serde(default)]
    /// Only events with a larger number.
    since: Option<u64>,
}

impl Subscription {
    /// Reads what a client asks for.
    pub(crate) fn read(params: Object) -> Result<Self, Error> {
        let fields: EventFilter = typed(Json::Object(params), "")
            .map_err(|problem| Error::bad_request(problem.answer().1))?;
        let namespaces = fields.namespaces.unwrap_or_default();
        if fields.channels.len().max(namespaces.len()) > NAMED {
            return Err(Error::bad_request(format!(
                "channels, namespaces: at most {NAMED} of each; leave `namespaces` out to see all"
            )));
        }
        let mut wanted = Self {
            root: namespaces.is_empty() || namespaces.iter().any(Vec::is_empty),
            after: fields.since.unwrap_or(0),
            ..Self::default()
        };
        for word in fields.channels {
            match (Channel::parse(&word), word.strip_prefix("custom:")) {
                (Some(channel), _) => wanted.channels |= 1 << channel as u16,
                (None, Some(name)) if !name.is_empty() && name.len() <= NAME_BYTES => {
                    wanted.custom.push(name.to_owned());
                }
                _ => return Err(unknown(&word)),
            }
        }
        Ok(wanted)
    }

    /// Whether an event is wanted that has this number and, if it is a custom one, this name.
    pub(crate) fn wants(&self, channel: Channel, name: Option<&str>, seq: u64) -> bool {
        let all = self.channels & (1 << channel as u16) != 0;
        let named = || name.is_some_and(|name| self.custom.iter().any(|known| known == name));
        self.root && seq > self.after && (all || named())
    }
}

fn unknown(word: &str) -> Error {
    let known: Vec<_> = Channel::ALL.into_iter().map(|(word, _)| format!("`{word}`")).collect();
    let shown: String = word.chars().take(NAME_BYTES).collect();
    Error::bad_request(format!(
        "channels: `{shown}` is not one of {}, or `custom:` with a name",
        known.join(", ")
    ))
}
