use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wakeful::CreateKey;
use wakeful::core::{ApiKey, KeyId, Rate as Record, Scope};

use crate::error::Error;
use crate::wire::{Text, Time};

/// An API key, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key<'a> {
    #[schema(value_type = String, format = "uuid")]
    key_id: Text<KeyId>,
    name: &'a str,
    scope: &'static str,
    rate: Option<Rate>,
    created_at: Time,
    last_used_at: Option<Time>,
}

/// How often its holder may call.
#[derive(Serialize, Deserialize, ToSchema)]
struct Rate {
    /// Requests per second in the long run.
    per_second: u32,
    /// Requests at once; as many as in a second if not given.
    burst: Option<u32>,
}

/// An API key to make.
#[derive(Deserialize, ToSchema)]
pub(crate) struct KeyBody {
    name: String,
    scope: String,
    rate: Option<Rate>,
}

impl<'a> From<&'a ApiKey> for Key<'a> {
    fn from(key: &'a ApiKey) -> Self {
        Self {
            key_id: Text(key.id),
            name: &key.name,
            scope: key.scope.as_str(),
            rate: key.rate.map(|rate| Rate {
                per_second: rate.per_second.get(),
                burst: Some(rate.burst.get()),
            }),
            created_at: Time(key.created_at),
            last_used_at: key.last_used_at.map(Time),
        }
    }
}

impl KeyBody {
    pub(crate) fn into_request(self) -> Result<CreateKey, Error> {
        let Some(scope) = Scope::parse(&self.scope) else {
            let detail = format!("scope: `{}` is not `read`, `run` or `manage`", self.scope);
            return Err(Error::unprocessable(detail));
        };
        let read = |rate: Rate| {
            Record::new(rate.per_second, rate.burst.unwrap_or(rate.per_second)).ok_or_else(|| {
                Error::unprocessable(format!(
                    "rate: `per_second` and `burst` are between 1 and {}",
                    Record::MOST
                ))
            })
        };
        Ok(CreateKey { name: self.name, scope, rate: self.rate.map(read).transpose()? })
    }
}
