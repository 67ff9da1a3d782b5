use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{Json, Object};

use crate::error::Error;
use crate::extract::Params;

/// A way to show what a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StreamMode)]
pub(crate) enum Mode {
    Values,
    Updates,
    Messages,
    #[serde(rename = "messages-tuple")]
    MessagesTuple,
    Custom,
    Tasks,
    Checkpoints,
    Debug,
    Events,
}

impl Mode {
    fn parse(word: &str) -> Option<Self> {
        serde_json::from_value(word.into()).ok()
    }
}

/// The modes that a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Modes(u16);

impl Modes {
    pub(crate) fn contains(self, mode: Mode) -> bool {
        self.0 & (1 << mode as u16) != 0
    }

    fn with(self, mode: Mode) -> Self {
        Self(self.0 | 1 << mode as u16)
    }

    /// The modes that a run was created with; `values`, unless it says otherwise.
    pub(crate) fn of_options(options: &Object) -> Self {
        let words = match options.get("stream_mode") {
            Some(Json::Array(words)) => words.as_slice(),
            Some(word) => std::slice::from_ref(word),
            None => &[],
        };
        let modes = words.iter().filter_map(Json::as_str).filter_map(Mode::parse);
        let modes = modes.fold(Self::default(), Self::with);
        if modes == Self::default() { modes.with(Mode::Values) } else { modes }
    }

    /// The parameter `stream_mode`: one, repeated, or a list in JSON; `None` if it is not there.
    pub(crate) fn of_params(params: &Params) -> Result<Option<Self>, Error> {
        let mut modes = Self::default();
        for word in words(params, "stream_mode")? {
            let mode = Mode::parse(&word).ok_or_else(|| {
                Error::unprocessable(format!(
                    "stream_mode: `{word}` is not one of `values`, `updates`, `messages`, \
                     `messages-tuple`, `custom`, `tasks`, `checkpoints`, `debug`, `events`"
                ))
            })?;
            modes = modes.with(mode);
        }
        Ok((modes != Self::default()).then_some(modes))
    }
}

/// The words of a parameter that may be one word, repeated, or a list in JSON.
pub(crate) fn words(params: &Params, name: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    for text in params.all(name) {
        if text.starts_with('[') {
            let list: Vec<String> = serde_json::from_str(text).map_err(|error| {
                Error::unprocessable(format!("{name}: not a list of words: {error}"))
            })?;
            words.extend(list);
        } else {
            words.push(text.to_owned());
        }
    }
    Ok(words)
}
