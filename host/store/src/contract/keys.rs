//! Laws of API keys.

use wakeful_core::{ApiKey, KeyId, Rate, Scope, Secret};

use super::kit::*;

const MOST: usize = 3;

fn key(created: i64) -> ApiKey {
    ApiKey {
        id: KeyId::generate(),
        name: format!("made at {created}"),
        scope: Scope::Manage,
        rate: Rate::new(5, 10),
        secret: Secret::from_bytes([7; 32]).digest(),
        created_at: at(created),
        last_used_at: None,
    }
}

/// What is written is read back whole; an id is taken once.
pub async fn a_key_reads_back_as_it_was_written(store: Shared) {
    assert_eq!(store.keys().await.unwrap(), []);
    let plain = ApiKey { rate: None, scope: Scope::Read, ..key(0) };
    let full = ApiKey { last_used_at: Some(at(9)), ..key(1) };
    for key in [&plain, &full] {
        assert!(store.create_key(key.clone(), MOST).await.unwrap());
    }
    assert!(store.create_key(plain.clone(), MOST).await.is_err());
    let mut keys = store.keys().await.unwrap();
    keys.sort_by_key(|key| key.created_at);
    assert_eq!(keys, [plain, full]);
}

/// However many ask at once.
pub async fn there_are_at_most_so_many_keys(store: Shared) {
    let create = |n| {
        let store = store.clone();
        tokio::spawn(async move { store.create_key(key(n), MOST).await.unwrap() })
    };
    let mut made = 0;
    for task in (0..8).map(create).collect::<Vec<_>>() {
        made += usize::from(task.await.unwrap());
    }
    assert_eq!((made, store.keys().await.unwrap().len()), (MOST, MOST));
}

/// It is gone for good, whoever still uses it.
pub async fn a_revoked_key_does_not_come_back(store: Shared) {
    let key = key(0);
    store.create_key(key.clone(), MOST).await.unwrap();
    assert!(store.revoke_key(key.id).await.unwrap());
    assert!(!store.revoke_key(key.id).await.unwrap());
    store.note_key_use(key.id, at(5)).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
}

/// The latest use counts, in whatever order uses are noted.
pub async fn the_last_use_of_a_key_only_moves_on(store: Shared) {
    let key = key(0);
    store.create_key(key.clone(), MOST).await.unwrap();
    for (noted, last) in [(60, 60), (30, 60), (90, 90)] {
        store.note_key_use(key.id, at(noted)).await.unwrap();
        let stored = store.keys().await.unwrap();
        assert_eq!(stored, [ApiKey { last_used_at: Some(at(last)), ..key.clone() }]);
    }
}
