//! Keys of items: the labels, then the key, so that a namespace and all below it is one range.
//!
//! A label ends with `00 01`, and the labels end with `00 00`; a zero byte within a label is
//! written `00 FF`. So no label can be taken for two, keys sort as their labels do, and the items
//! of a namespace come before those of the namespaces below it.

use wakeful_core::{ItemAddress, Namespace, Timestamp};

use super::keys::time;
use crate::Error;

const LABEL_END: [u8; 2] = [0, 1];
const LABELS_END: [u8; 2] = [0, 0];
const ZERO: [u8; 2] = [0, 0xff];

/// What the keys of all items in a namespace and below it begin with.
pub(super) fn namespace(namespace: &Namespace) -> Vec<u8> {
    let mut key = Vec::new();
    for label in namespace.labels() {
        for byte in label.bytes() {
            match byte {
                0 => key.extend(ZERO),
                other => key.push(other),
            }
        }
        key.extend(LABEL_END);
    }
    key
}

/// Labels ‖ key.
pub(super) fn item(address: &ItemAddress) -> Vec<u8> {
    let mut key = namespace(address.namespace());
    key.extend(LABELS_END);
    key.extend(address.key().as_bytes());
    key
}

/// Expires ‖ labels ‖ key.
pub(super) fn expiry(at: Timestamp, item: &[u8]) -> Vec<u8> {
    [&time(at), item].concat()
}

/// The last key that an item can have which expires at this instant.
pub(super) fn expiry_bound(at: Timestamp) -> Vec<u8> {
    // No label begins with this byte, because no UTF-8 does.
    [&time(at)[..], &[0xff]].concat()
}

/// The item's key in a key made by [`expiry`].
pub(super) fn expiring(entry: &[u8]) -> Result<&[u8], Error> {
    entry.get(8..).ok_or_else(|| damaged("it is too short"))
}

/// Where the items behind all that begin with `prefix` are; `None` at the end of all.
pub(super) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    // A prefix ends with a label, and so with a byte that can be counted up.
    let mut after = prefix.to_vec();
    let last = after.last_mut()?;
    *last = last.checked_add(1)?;
    Some(after)
}

/// Where the items of the namespaces below this one begin.
pub(super) fn after_items_of(of: &Namespace) -> Vec<u8> {
    let mut key = namespace(of);
    key.extend(LABEL_END);
    key
}

/// The least key behind this one.
pub(super) fn after_key(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// Reads what [`item`] wrote.
pub(super) fn address(key: &[u8]) -> Result<ItemAddress, Error> {
    let mut labels = Vec::new();
    let mut label = Vec::new();
    let mut rest = key;
    loop {
        rest = match rest {
            [0, 1, rest @ ..] => {
                labels.push(text(std::mem::take(&mut label))?);
                rest
            }
            [0, 0xff, rest @ ..] => {
                label.push(0);
                rest
            }
            [0, 0, rest @ ..] if label.is_empty() => {
                let namespace = Namespace::new(labels).map_err(damaged)?;
                return ItemAddress::new(namespace, text(rest.to_vec())?).map_err(damaged);
            }
            [0, ..] | [] => return Err(damaged("it breaks off")),
            [byte, rest @ ..] => {
                label.push(*byte);
                rest
            }
        };
    }
}

fn text(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(damaged)
}

fn damaged(reason: impl ToString) -> Error {
    Error::Damaged { what: "key of an item", reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(labels: &[&str], key: &str) -> ItemAddress {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        ItemAddress::new(Namespace::new(labels).unwrap(), key).unwrap()
    }

    #[test]
    fn addresses_read_back_and_sort_as_their_labels_do() {
        let sorted = [
            at(&["\0"], "k"),
            at(&["\0\u{1}"], "k"),
            at(&["\u{1}"], "\0\u{1}b\0\0k"),
            at(&["a"], "k"),
            at(&["a"], "z"),
            at(&["a", "\0"], "k"),
            at(&["a", "\0", "b"], "k"),
            at(&["a", "\u{1}"], "k"),
            at(&["a", "b"], "a"),
            at(&["a\0"], "k"),
            at(&["a\0\u{1}b"], "k"),
            at(&["a\u{1}b"], "k"),
            at(&["ab"], "k"),
            at(&["é"], "k"),
            at(&["\u{10ffff}"], "k"),
        ];
        let keys: Vec<_> = sorted.iter().map(item).collect();
        assert!(keys.is_sorted());
        for (address, key) in sorted.iter().zip(&keys) {
            assert_eq!(super::address(key).unwrap(), *address);
        }
        for outer in &sorted {
            let prefix = namespace(outer.namespace());
            for (inner, key) in sorted.iter().zip(&keys) {
                let within = outer.namespace().contains(inner.namespace());
                assert_eq!(key.starts_with(&prefix), within, "{outer:?} {inner:?}");
                assert!(!within || *key < after(&prefix).unwrap());
            }
        }
    }

    #[test]
    fn a_key_that_is_none_is_damage() {
        for key in [&b""[..], b"a", b"a\0", b"a\0\x02", b"\0\0", b"\0\0k", b"\xff\0\x01\0\0k"] {
            assert!(address(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn a_bound_is_behind_all_that_expires_with_it() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let last = item(&at(&["\u{10ffff}"], "k"));
        assert!(expiry(now, &last) < expiry_bound(now));
        assert_eq!(expiring(&expiry(now, &last)).unwrap(), last);
    }
}
