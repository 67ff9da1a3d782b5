use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::toml_text::list;
use crate::{
    ComponentId, CronGrant, HostBounds, HostGrant, InvalidItem, ModelName, Namespace, SecretGrant,
    VariableGrant,
};

/// What the operator lets an assistant reach, beside its own thread; nothing unless written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Namespaces of items.
    pub store: Vec<StoreGrant>,
    /// Crons for itself.
    pub crons: Option<CronGrant>,
    /// Hosts to send HTTP requests to.
    pub hosts: Vec<HostGrant>,
    /// What those requests do not go beyond.
    pub bounds: HostBounds,
    /// Variables in its environment.
    pub environment: Vec<VariableGrant>,
    /// Secrets that it may use without holding them.
    pub secrets: Vec<SecretGrant>,
    /// Language models.
    pub models: Vec<ModelName>,
    /// Other assistants that it may call, by their components.
    pub assistants: Vec<ComponentId>,
}

/// A namespace whose items, and all below it, an assistant may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreGrant {
    namespace: Namespace,
    access: Access,
}

/// What may be done with items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Get, search and list them.
    Read,
    /// Put and delete them as well.
    Write,
}

/// A grant that cannot be read; the message says how to write one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidGrant {
    /// What follows the last colon is no access.
    #[error(
        "`{grant}`: `:{found}` is not an access; end with `:read` for reading alone, or with nothing for reading and writing"
    )]
    Access {
        /// The whole text.
        grant: String,
        /// What stands for the access.
        found: String,
    },
    /// What precedes it is no namespace.
    #[error(
        "`{grant}`: {problem}; write labels joined with periods, such as \"notes\" or \"shared.team:read\""
    )]
    Namespace {
        /// The whole text.
        grant: String,
        /// What is wrong.
        problem: InvalidItem,
    },
}

impl Grants {
    /// Whether something may be done with everything in a namespace and below it.
    pub fn allow(&self, namespace: &Namespace, access: Access) -> bool {
        self.store.iter().any(|grant| grant.allows(namespace, access))
    }

    /// The line for an assistant's `.toml` that allows it as well as what is allowed already.
    /// `None` for the root, which nobody can be granted.
    pub fn line_to_allow(&self, namespace: &Namespace, access: Access) -> Option<String> {
        let more = StoreGrant::new(namespace.clone(), access).ok()?;
        let kept = self.store.iter().filter(|known| !more.covers(known));
        let texts: Vec<_> = kept.chain([&more]).map(ToString::to_string).collect();
        Some(format!("store = {}", list(&texts)))
    }
}

impl StoreGrant {
    /// A grant of everything in a namespace.
    ///
    /// # Errors
    ///
    /// For the root: nobody is granted all items there are.
    pub fn new(namespace: Namespace, access: Access) -> Result<Self, InvalidItem> {
        if namespace.is_root() {
            return Err(InvalidItem::NamespaceEmpty);
        }
        namespace.check_writable()?;
        Ok(Self { namespace, access })
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What may be done there.
    pub fn access(&self) -> Access {
        self.access
    }

    fn allows(&self, namespace: &Namespace, access: Access) -> bool {
        self.namespace.contains(namespace) && (self.access == access || access == Access::Read)
    }

    /// Whether it allows all that the other does.
    fn covers(&self, other: &Self) -> bool {
        self.allows(&other.namespace, other.access)
    }
}

impl FromStr for StoreGrant {
    type Err = InvalidGrant;

    /// Reads `notes`, `shared.team:read`, or `odd:label:write`, whose last part is needed only
    /// where a label has a colon.
    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let (namespace, access) = match text.rsplit_once(':') {
            None => (text, Access::Write),
            Some((namespace, "read")) => (namespace, Access::Read),
            Some((namespace, "write")) => (namespace, Access::Write),
            Some((_, found)) => {
                let (grant, found) = (text.to_owned(), found.to_owned());
                return Err(InvalidGrant::Access { grant, found });
            }
        };
        let grant = Namespace::parse(namespace).and_then(|namespace| Self::new(namespace, access));
        grant.map_err(|problem| InvalidGrant::Namespace { grant: text.to_owned(), problem })
    }
}

impl fmt::Display for StoreGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.to_string();
        match self.access {
            Access::Read => write!(f, "{namespace}:read"),
            Access::Write if namespace.contains(':') => write!(f, "{namespace}:write"),
            Access::Write => f.write_str(&namespace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(texts: &[&str]) -> Grants {
        let store = texts.iter().map(|text| text.parse().unwrap()).collect();
        Grants { store, ..Grants::default() }
    }

    #[test]
    fn a_grant_covers_a_namespace_and_all_below_it() {
        let grants = grants(&["notes", "shared.team:read"]);
        for (namespace, read, write) in [
            ("notes", true, true),
            ("notes.old", true, true),
            ("notesy", false, false),
            ("shared.team", true, false),
            ("shared.team.x", true, false),
            ("shared", false, false),
            ("", false, false),
        ] {
            let namespace = Namespace::parse(namespace).unwrap();
            assert_eq!(grants.allow(&namespace, Access::Read), read, "{namespace}");
            assert_eq!(grants.allow(&namespace, Access::Write), write, "{namespace}");
        }
    }

    #[test]
    fn a_grant_reads_back_as_it_is_written() {
        for text in ["notes", "a.b:read", "user:1:read", "user:1:write"] {
            assert_eq!(text.parse::<StoreGrant>().unwrap().to_string(), text);
        }
        assert_eq!("notes:write".parse::<StoreGrant>().unwrap().to_string(), "notes");
    }

    #[test]
    fn a_mistake_in_a_grant_is_named() {
        for (text, expected) in [
            ("", "at least one label"),
            (":read", "at least one label"),
            ("a..b", "must not be empty"),
            ("notes:", "`:` is not an access"),
            ("notes:raed", "`:raed` is not an access"),
            ("langgraph.x", "reserved"),
        ] {
            let message = text.parse::<StoreGrant>().unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn the_line_that_would_allow_something_keeps_what_is_allowed() {
        let granted = grants(&["notes:read", "b"]);
        let line = |namespace: &str, access| {
            granted.line_to_allow(&Namespace::parse(namespace).unwrap(), access)
        };
        assert_eq!(line("notes", Access::Write).unwrap(), r#"store = ["b", "notes"]"#);
        assert_eq!(
            line("c.d", Access::Read).unwrap(),
            r#"store = ["notes:read", "b", "c.d:read"]"#
        );
        assert_eq!(line("", Access::Read), None);
        assert_eq!(
            line("\"\\\n", Access::Write).unwrap(),
            r#"store = ["notes:read", "b", "\"\\\u000A"]"#
        );
    }
}
