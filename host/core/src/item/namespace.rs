use std::fmt;

use thiserror::Error;

/// Why something cannot be the place of an item.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidItem {
    /// A label that is empty or has a period, which joins labels where a namespace is one text.
    #[error("namespace label '{0}' must not be empty and must not contain a period")]
    Label(String),
    /// The namespace is too long.
    #[error(
        "a namespace has at most {labels} labels with {bytes} bytes in all",
        labels = Namespace::MOST_LABELS,
        bytes = Namespace::MOST_BYTES
    )]
    NamespaceTooLong,
    /// No label at all, where an item is to be.
    #[error("the namespace must have at least one label")]
    NamespaceEmpty,
    /// The root label belongs to LangGraph itself.
    #[error("the first label of a namespace must not be \"langgraph\", which is reserved")]
    NamespaceReserved,
    /// The key is empty or too long.
    #[error("a key has 1 to {bytes} bytes", bytes = super::ItemAddress::MOST_KEY_BYTES)]
    Key,
    /// The value is too large.
    #[error("a value has at most {bytes} bytes of JSON", bytes = super::Item::MOST_BYTES)]
    ValueTooLarge,
}

/// Labels from the root down, none of them empty or with a period. Without any it is the root,
/// which holds no items itself but everything below it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Namespace(Vec<String>);

impl Namespace {
    /// How many labels it may have.
    pub const MOST_LABELS: usize = 32;
    /// How many bytes its labels may have in all.
    pub const MOST_BYTES: usize = 1_024;
    /// The root label that clients may not write below.
    const RESERVED: &str = "langgraph";

    /// The namespace with these labels.
    ///
    /// # Errors
    ///
    /// If a label is not one, or there are too many.
    pub fn new(labels: Vec<String>) -> Result<Self, InvalidItem> {
        check(labels.iter().map(String::as_str))?;
        Ok(Self(labels))
    }

    /// Reads labels joined with periods; an empty text is the root.
    ///
    /// # Errors
    ///
    /// As [`Namespace::new`].
    pub fn parse(dotted: &str) -> Result<Self, InvalidItem> {
        if dotted.is_empty() {
            return Ok(Self::default());
        }
        // Splitting first would take memory for every period.
        if dotted.len() > Self::MOST_BYTES + Self::MOST_LABELS {
            return Err(InvalidItem::NamespaceTooLong);
        }
        Self::new(dotted.split('.').map(str::to_owned).collect())
    }

    /// The labels.
    pub fn labels(&self) -> &[String] {
        &self.0
    }

    /// The labels, to take.
    pub fn into_labels(self) -> Vec<String> {
        self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `other` is this namespace or below it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The namespace that the first `depth` labels name.
    #[must_use]
    pub fn cut(mut self, depth: usize) -> Self {
        self.0.truncate(depth);
        self
    }

    /// Refuses a root label that nobody may write below.
    ///
    /// # Errors
    ///
    /// [`InvalidItem::NamespaceReserved`].
    pub fn check_writable(&self) -> Result<(), InvalidItem> {
        match self.0.first() {
            Some(root) if root == Self::RESERVED => Err(InvalidItem::NamespaceReserved),
            _ => Ok(()),
        }
    }
}

/// Refuses labels that no namespace has.
pub(super) fn check<'a>(labels: impl ExactSizeIterator<Item = &'a str>) -> Result<(), InvalidItem> {
    if labels.len() > Namespace::MOST_LABELS {
        return Err(InvalidItem::NamespaceTooLong);
    }
    let mut bytes = 0;
    for label in labels {
        bytes += label.len();
        if bytes > Namespace::MOST_BYTES {
            return Err(InvalidItem::NamespaceTooLong);
        }
        if label.is_empty() || label.contains('.') {
            return Err(InvalidItem::Label(label.to_owned()));
        }
    }
    Ok(())
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_labels_without_periods() {
        let two = Namespace::parse("a.b").unwrap();
        assert_eq!(two.labels(), ["a", "b"]);
        assert_eq!(two.to_string(), "a.b");
        assert!(Namespace::parse("").unwrap().is_root());
        for bad in [".", "a.", ".a", "a..b"] {
            assert_eq!(Namespace::parse(bad), Err(InvalidItem::Label(String::new())), "{bad}");
        }
        let dotted = Namespace::new(vec!["a.b".to_owned()]);
        assert_eq!(dotted, Err(InvalidItem::Label("a.b".to_owned())));
    }

    #[test]
    fn a_namespace_is_bounded() {
        let deep = |labels: usize| Namespace::new(vec!["x".to_owned(); labels]);
        assert!(deep(Namespace::MOST_LABELS).is_ok());
        assert_eq!(deep(Namespace::MOST_LABELS + 1), Err(InvalidItem::NamespaceTooLong));
        let long = |bytes: usize| Namespace::new(vec!["x".repeat(bytes)]);
        assert!(long(Namespace::MOST_BYTES).is_ok());
        assert_eq!(long(Namespace::MOST_BYTES + 1), Err(InvalidItem::NamespaceTooLong));
        assert_eq!(Namespace::parse(&".".repeat(1 << 20)), Err(InvalidItem::NamespaceTooLong));
    }

    #[test]
    fn what_is_below_is_contained_and_what_only_looks_alike_is_not() {
        let namespace = |text: &str| Namespace::parse(text).unwrap();
        for (outer, inner, expected) in [
            ("", "a", true),
            ("a", "a", true),
            ("a", "a.b", true),
            ("a.b", "a", false),
            ("a", "ab", false),
            ("a", "b.a", false),
        ] {
            assert_eq!(namespace(outer).contains(&namespace(inner)), expected, "{outer} {inner}");
        }
    }
}
