use super::{InvalidItem, Namespace};

/// Where an item is: a namespace below the root, and a key in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemAddress {
    namespace: Namespace,
    key: String,
}

impl ItemAddress {
    /// How many bytes a key may have.
    pub const MOST_KEY_BYTES: usize = 1_024;

    /// The address of `key` in `namespace`.
    ///
    /// # Errors
    ///
    /// If the namespace is the root, or the key is empty or too long.
    pub fn new(namespace: Namespace, key: impl Into<String>) -> Result<Self, InvalidItem> {
        let key = key.into();
        if namespace.is_root() {
            return Err(InvalidItem::NamespaceEmpty);
        }
        if key.is_empty() || key.len() > Self::MOST_KEY_BYTES {
            return Err(InvalidItem::Key);
        }
        Ok(Self { namespace, key })
    }

    /// The namespace and the key, to take.
    pub fn into_parts(self) -> (Namespace, String) {
        (self.namespace, self.key)
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_namespace_and_a_bounded_key() {
        let address = |namespace: &str, key: &str| {
            ItemAddress::new(Namespace::parse(namespace).unwrap(), key)
        };
        let longest = "x".repeat(ItemAddress::MOST_KEY_BYTES);
        assert_eq!(address("a", &longest).unwrap().key(), longest);
        assert_eq!(address("", "k"), Err(InvalidItem::NamespaceEmpty));
        for key in ["", &format!("{longest}x")] {
            assert_eq!(address("a", key), Err(InvalidItem::Key));
        }
    }
}
