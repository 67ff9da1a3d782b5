//! Laws of items.

use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    Item, ItemAddress, ItemFilter, Json, Namespace, NamespacePattern, Object, Timestamp,
};

use super::kit::{Shared, at, large, object};
use crate::{FoundItems, GetItem, ItemQuery, NamespaceQuery, PutItem};

fn namespace(dotted: &str) -> Namespace {
    Namespace::parse(dotted).unwrap()
}

fn address(dotted: &str, key: &str) -> ItemAddress {
    ItemAddress::new(namespace(dotted), key).unwrap()
}

async fn put_value(store: &Shared, place: (&str, &str), value: Json, ttl: Option<u64>, now: i64) {
    let put = PutItem {
        address: address(place.0, place.1),
        value: object(value),
        ttl: ttl.map(Duration::from_secs),
        now: at(now),
    };
    store.put_item(put).await.unwrap();
}

async fn put(store: &Shared, dotted: &str, key: &str, now: i64) {
    put_value(store, (dotted, key), json!({ "at": now }), None, now).await;
}

async fn get(store: &Shared, dotted: &str, key: &str, refresh: bool, now: i64) -> Option<Item> {
    let get = GetItem { address: address(dotted, key), refresh, now: at(now) };
    store.item(get).await.unwrap()
}

fn query(prefix: &str, now: i64) -> ItemQuery {
    ItemQuery {
        prefix: namespace(prefix),
        filter: ItemFilter::default(),
        limit: 100,
        offset: 0,
        most_bytes: u64::MAX,
        refresh: false,
        now: at(now),
    }
}

async fn search(store: &Shared, query: ItemQuery) -> Vec<Item> {
    match store.search_items(query).await.unwrap() {
        FoundItems::Items(items) => items,
        FoundItems::TooLarge => panic!("too large"),
    }
}

async fn keys(store: &Shared, query: ItemQuery) -> Vec<String> {
    search(store, query).await.iter().map(|item| item.address.key().to_owned()).collect()
}

fn all_namespaces(now: i64) -> NamespaceQuery {
    NamespaceQuery {
        prefix: NamespacePattern::default(),
        suffix: NamespacePattern::default(),
        max_depth: None,
        limit: 100,
        offset: 0,
        now: at(now),
    }
}

fn pattern(dotted: &str) -> NamespacePattern {
    NamespacePattern::new(namespace(dotted).into_labels()).unwrap()
}

async fn namespaces(store: &Shared, query: NamespaceQuery) -> Vec<String> {
    store.namespaces(query).await.unwrap().iter().map(ToString::to_string).collect()
}

/// Large values too, and whatever a label is made of.
pub async fn an_item_reads_back_as_it_was_put(store: Shared) {
    let labels = ["user", "\0\u{1}", "é:*"].map(str::to_owned).to_vec();
    let address = ItemAddress::new(Namespace::new(labels).unwrap(), "a.b\0/\u{10ffff}").unwrap();
    for value in [Object::new(), object(json!({ "a": [1.5, null] })), object(large(1))] {
        let put = PutItem { address: address.clone(), value, ttl: None, now: at(0) };
        store.put_item(put.clone()).await.unwrap();
        let get = GetItem { address: address.clone(), refresh: false, now: at(1) };
        let item = store.item(get).await.unwrap().unwrap();
        let expected = Item {
            address: address.clone(),
            value: put.value,
            created_at: at(0),
            updated_at: at(0),
            expires_at: None,
        };
        assert_eq!(item, expected);
    }
    assert_eq!(get(&store, "user", "x", false, 1).await, None);
}

/// The value is replaced as a whole, and so is the time to live.
pub async fn a_replaced_item_keeps_its_creation(store: Shared) {
    put_value(&store, ("a", "k"), json!({ "x": 1, "y": 2 }), Some(60), 0).await;
    put_value(&store, ("a", "k"), json!({ "x": 3 }), None, 5).await;
    let item = get(&store, "a", "k", false, 6).await.unwrap();
    assert_eq!((item.created_at, item.updated_at, item.expires_at), (at(0), at(5), None));
    assert_eq!(item.value, object(json!({ "x": 3 })));
    // A clock that went back does not make an update older.
    put(&store, "a", "k", 3).await;
    assert_eq!(get(&store, "a", "k", false, 6).await.unwrap().updated_at, at(5));
    assert_eq!(store.expire_items(at(1_000), 10).await.unwrap(), 0);
    assert!(get(&store, "a", "k", false, 1_000).await.is_some());
}

/// And can be put anew.
pub async fn a_deleted_item_is_gone(store: Shared) {
    put_value(&store, ("a", "k"), json!({}), Some(60), 0).await;
    put(&store, "a", "other", 0).await;
    assert!(store.delete_item(address("a", "k"), at(1)).await.unwrap());
    assert!(!store.delete_item(address("a", "k"), at(1)).await.unwrap());
    assert_eq!(get(&store, "a", "k", false, 1).await, None);
    assert_eq!(keys(&store, query("a", 1)).await, ["other"]);
    put(&store, "a", "k", 9).await;
    assert_eq!(get(&store, "a", "k", false, 9).await.unwrap().created_at, at(9));
    assert_eq!(store.expire_items(at(1_000), 10).await.unwrap(), 0);
}

/// A label that begins alike is another namespace.
pub async fn a_search_finds_a_namespace_and_all_below_it(store: Shared) {
    for (now, (dotted, key)) in
        [("a", "1"), ("a.b", "2"), ("a.b.c", "3"), ("ab", "4"), ("b.a", "5"), ("a\0", "6")]
            .into_iter()
            .enumerate()
    {
        put(&store, dotted, key, i64::try_from(now).unwrap()).await;
    }
    for (prefix, expected) in [
        ("", &["6", "5", "4", "3", "2", "1"][..]),
        ("a", &["3", "2", "1"]),
        ("a.b", &["3", "2"]),
        ("a.b.c", &["3"]),
        ("a.b.c.d", &[]),
        ("ab", &["4"]),
        ("b", &["5"]),
        ("c", &[]),
    ] {
        assert_eq!(keys(&store, query(prefix, 10)).await, expected, "{prefix}");
    }
}

/// Pages are cut from what matches, by the last update.
pub async fn a_search_is_filtered_sorted_and_cut(store: Shared) {
    for n in 0..6 {
        let value = json!({ "n": n, "even": n % 2 == 0, "more": large(n) });
        put_value(&store, ("a", &n.to_string()), value, None, i64::try_from(n).unwrap()).await;
    }
    put_value(&store, ("a", "1"), json!({ "n": 1, "even": false }), None, 9).await;
    assert_eq!(keys(&store, query("a", 10)).await, ["1", "5", "4", "3", "2", "0"]);
    let page = ItemQuery { limit: 2, offset: 1, ..query("a", 10) };
    assert_eq!(keys(&store, page).await, ["5", "4"]);
    let beyond = ItemQuery { offset: usize::MAX, ..query("a", 10) };
    assert_eq!(keys(&store, beyond).await, [""; 0]);
    let filter = ItemFilter::parse(&object(json!({ "even": true, "n": { "$gte": 2 } }))).unwrap();
    let filtered = ItemQuery { filter, ..query("a", 10) };
    assert_eq!(keys(&store, filtered.clone()).await, ["4", "2"]);
    let second = ItemQuery { limit: 1, offset: 1, ..filtered };
    assert_eq!(keys(&store, second).await, ["2"]);
}

/// Rather than a part of the page that looks like the whole.
pub async fn a_search_that_finds_too_many_bytes_says_so(store: Shared) {
    for key in ["1", "2", "3"] {
        put_value(&store, ("a", key), json!({ "x": "x".repeat(1_000) }), None, 0).await;
    }
    let small = ItemQuery { most_bytes: 2_500, ..query("a", 1) };
    assert_eq!(store.search_items(small.clone()).await.unwrap(), FoundItems::TooLarge);
    assert_eq!(keys(&store, ItemQuery { limit: 2, ..small }).await, ["1", "2"]);
}

/// Whether it was deleted already or not.
pub async fn an_expired_item_is_not_there(store: Shared) {
    put_value(&store, ("a.short", "k"), json!({}), Some(60), 0).await;
    put_value(&store, ("a.short", "l"), json!({}), Some(90), 0).await;
    put(&store, "a.long", "k", 0).await;
    assert_eq!(get(&store, "a.short", "k", false, 59).await.unwrap().expires_at, Some(at(60)));
    assert_eq!(get(&store, "a.short", "k", true, 60).await, None);
    assert_eq!(search(&store, query("a", 60)).await.len(), 2);
    assert_eq!(namespaces(&store, all_namespaces(60)).await, ["a.long", "a.short"]);
    assert_eq!(namespaces(&store, all_namespaces(90)).await, ["a.long"]);
    assert!(!store.delete_item(address("a.short", "k"), at(60)).await.unwrap());
    // What is put there now is another item.
    put(&store, "a.short", "l", 100).await;
    assert_eq!(get(&store, "a.short", "l", false, 100).await.unwrap().created_at, at(100));
    assert_eq!(store.expire_items(at(1_000), 10).await.unwrap(), 0);
}

/// In portions, and nothing else.
pub async fn expired_items_are_deleted_in_portions(store: Shared) {
    for n in 0..5 {
        put_value(&store, ("a", &n.to_string()), large(n), Some(60 + n), 0).await;
    }
    put(&store, "a", "stays", 0).await;
    assert_eq!(store.expire_items(at(59), 10).await.unwrap(), 0);
    assert_eq!(store.expire_items(at(63), 3).await.unwrap(), 3);
    assert_eq!(store.expire_items(at(63), 3).await.unwrap(), 1);
    assert_eq!(store.expire_items(at(63), 3).await.unwrap(), 0);
    // Seen from before, to find what is there at all.
    assert_eq!(keys(&store, query("a", 1)).await, ["4", "stays"]);
}

/// By get and by search, and only where it is asked for.
pub async fn a_read_can_extend_the_time_of_an_item(store: Shared) {
    let expiry = async |now| get(&store, "a", "k", false, now).await.and_then(|i| i.expires_at);
    put_value(&store, ("a", "k"), json!({}), Some(60), 0).await;
    put(&store, "a", "other", 0).await;
    get(&store, "a", "k", false, 30).await.unwrap();
    assert_eq!(expiry(30).await, Some(at(60)));
    get(&store, "a", "k", true, 30).await.unwrap();
    assert_eq!(expiry(30).await, Some(at(90)));
    search(&store, ItemQuery { refresh: true, limit: 1, ..query("a", 80) }).await;
    assert_eq!(expiry(80).await, Some(at(140)));
    search(&store, ItemQuery { refresh: true, offset: 1, ..query("a", 90) }).await;
    assert_eq!(expiry(90).await, Some(at(140)));
    // A clock that went back takes no time away.
    get(&store, "a", "k", true, 10).await.unwrap();
    assert_eq!(expiry(80).await, Some(at(140)));
    assert_eq!(get(&store, "a", "k", false, 80).await.unwrap().updated_at, at(0));
    assert_eq!(store.expire_items(at(139), 10).await.unwrap(), 0);
    assert_eq!(store.expire_items(at(140), 10).await.unwrap(), 1);
}

/// In the order of their labels, each once.
pub async fn namespaces_are_listed_with_prefix_suffix_and_depth(store: Shared) {
    for dotted in ["b", "a.x.1", "a.x.2", "a.y.1", "a", "ab.x.1", "a.x.1.z"] {
        for key in ["1", "2"] {
            put(&store, dotted, key, 0).await;
        }
    }
    let all = ["a", "a.x.1", "a.x.1.z", "a.x.2", "a.y.1", "ab.x.1", "b"];
    assert_eq!(namespaces(&store, all_namespaces(1)).await, all);
    for (prefix, suffix, depth, expected) in [
        ("a", "", None, &["a", "a.x.1", "a.x.1.z", "a.x.2", "a.y.1"][..]),
        ("a.*", "", None, &["a.x.1", "a.x.1.z", "a.x.2", "a.y.1"]),
        ("*.x", "", None, &["a.x.1", "a.x.1.z", "a.x.2", "ab.x.1"]),
        ("", "1", None, &["a.x.1", "a.y.1", "ab.x.1"]),
        ("", "*.1", Some(2), &["a.x", "a.y", "ab.x"]),
        ("", "x.*", Some(1), &["a", "ab"]),
        ("", "", Some(1), &["a", "ab", "b"]),
        ("", "", Some(2), &["a", "a.x", "a.y", "ab.x", "b"]),
        ("a.x", "", Some(1), &["a"]),
        ("c", "", None, &[]),
    ] {
        let (prefix, suffix) = (pattern(prefix), pattern(suffix));
        let query = NamespaceQuery { prefix, suffix, max_depth: depth, ..all_namespaces(1) };
        assert_eq!(namespaces(&store, query.clone()).await, expected, "{query:?}");
        let part = NamespaceQuery { limit: 1, offset: 1, ..query };
        assert_eq!(
            namespaces(&store, part).await,
            expected[1.min(expected.len())..2.min(expected.len())]
        );
    }
}

/// As long as an item names them.
pub async fn a_sweep_keeps_the_values_of_items(store: Shared) {
    put_value(&store, ("a", "k"), large(1), None, 0).await;
    assert_eq!(store.sweep(at(1_000), at(1_000)).await.unwrap(), (0, 0, 0));
    assert_eq!(get(&store, "a", "k", false, 1).await.unwrap().value, object(large(1)));
}

/// An instant beyond the calendar is never.
pub async fn a_time_to_live_without_end_is_for_ever(store: Shared) {
    put_value(&store, ("a", "k"), json!({}), Some(u64::MAX), 0).await;
    assert_eq!(get(&store, "a", "k", true, 0).await.unwrap().expires_at, None);
    let far = GetItem { address: address("a", "k"), refresh: true, now: Timestamp::MAX };
    assert!(store.item(far).await.unwrap().is_some());
}
