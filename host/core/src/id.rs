use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::Uuid;

use crate::Timestamp;

/// Text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidId {
    /// Not a UUID.
    #[error("must be a UUID")]
    NotUuid,
    /// Not usable as the id of a component.
    #[error(
        "a component id is 1 to 64 of the characters a-z, A-Z, 0-9, '-', '_' and '.', and begins with a letter or a digit"
    )]
    Component,
    /// Not 64 hexadecimal digits.
    #[error("must be 64 hexadecimal digits")]
    Digest,
}

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes, in the order in which ids sort.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id as a UUID.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }

            /// A new time-ordered id (UUID version 7).
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId::NotUuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )*};
}

uuid_id! {
    /// Names an assistant.
    AssistantId
    /// Names a thread.
    ThreadId
    /// Names a run.
    RunId
    /// Names a cron.
    CronId
    /// Names a checkpoint.
    CheckpointId
    /// Names an API key.
    KeyId
    /// Names a delivery of a webhook.
    DeliveryId
}

impl AssistantId {
    /// The id of a component's default assistant: a UUID version 5 of its id, in the namespace that
    /// the LangGraph Agent Server uses, so that clients with fixed ids keep working.
    pub fn of_component(component: &ComponentId) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6ba7b821_9dad_11d1_80b4_00c04fd430c8);
        Self(Uuid::new_v5(&NAMESPACE, component.as_str().as_bytes()))
    }
}

impl RunId {
    /// The run of one due instant of one cron. The same instant always gives the same id, so a
    /// fire that is written twice still names one run.
    pub fn of_fire(cron: CronId, scheduled_at: Timestamp) -> Self {
        Self(Uuid::new_v5(&cron.uuid(), &scheduled_at.as_microsecond().to_be_bytes()))
    }
}

impl RunId {
    /// The run of a call that another run made, by what was called. A later attempt that calls the
    /// same gives the same id, unless it says that it means another run.
    pub fn of_call(caller: RunId, call: Digest, another: u64) -> Self {
        let name = [&call.as_bytes()[..], &another.to_be_bytes()].concat();
        Self(Uuid::new_v5(&caller.uuid(), &name))
    }
}

impl DeliveryId {
    /// The delivery of a run's end. A run ends once, so there is one.
    pub fn of_run(run: RunId) -> Self {
        Self(Uuid::new_v5(&run.uuid(), b"delivery"))
    }
}

impl ThreadId {
    /// The thread that a fire of a stateless cron runs on.
    pub fn of_run(run: RunId) -> Self {
        Self(Uuid::new_v5(&run.uuid(), b"thread"))
    }
}

/// Names a component: the stem of its file name, and the *graph id* of the wire protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId(String);

impl ComponentId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ComponentId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins_well && text.len() <= 64 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Component)
        }
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// BLAKE3 of some bytes: the version of a component, the name of a blob.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| InvalidId::Digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_assistants_have_the_ids_that_langgraph_gives_them() {
        let id = |name: &str| AssistantId::of_component(&name.parse().unwrap()).to_string();
        assert_eq!(id("echo"), "046b5dc7-2108-582c-9c6c-31d556d138f0");
        assert!(id("agent").starts_with("fe096781-"));
    }

    #[test]
    fn a_component_id_is_a_plain_file_stem() {
        for good in ["echo", "a", "Weekly-Report_2", "9lives", "v1.2"] {
            assert!(good.parse::<ComponentId>().is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", ".hidden", "-x", "a/b", "a b", "é", "..", &long] {
            assert!(bad.parse::<ComponentId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn one_instant_of_one_cron_is_one_run() {
        let cron = CronId::generate();
        let at: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-22T09:00:01Z".parse().unwrap();
        assert_eq!(RunId::of_fire(cron, at), RunId::of_fire(cron, at));
        assert_ne!(RunId::of_fire(cron, at), RunId::of_fire(cron, later));
        assert_ne!(RunId::of_fire(cron, at), RunId::of_fire(CronId::generate(), at));
    }

    #[test]
    fn a_digest_reads_back_from_its_text() {
        let digest = Digest::of(b"wakeful");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("abc".parse::<Digest>().is_err());
    }
}
