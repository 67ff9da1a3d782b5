use async_trait::async_trait;
use wakeful_core::{ApiKey, KeyId, Timestamp};

use super::SledStore;
use super::table::Table;
use super::tx::Tx;
use crate::folder::Purpose::{Begin, End};
use crate::record::StoredKey;
use crate::{Error, KeyStore};

#[async_trait]
impl KeyStore for SledStore {
    async fn create_key(&self, key: ApiKey, most: usize) -> Result<bool, Error> {
        self.write(Begin, move |tx| create(tx, &key, most)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, Error> {
        // Ids sort by the time of their making.
        self.read(|tx| tx.all::<StoredKey>().map(|key| Ok(key?.open())).collect()).await
    }

    async fn revoke_key(&self, id: KeyId) -> Result<bool, Error> {
        self.write(End, move |tx| revoke(tx, id)).await
    }

    async fn note_key_use(&self, id: KeyId, at: Timestamp) -> Result<(), Error> {
        self.write(End, move |tx| note_use(tx, id, at)).await
    }
}

fn create(tx: &mut Tx<'_>, key: &ApiKey, most: usize) -> Result<bool, Error> {
    if tx.has(Table::Keys, key.id.as_bytes())? {
        let text = format!("there is an API key {} already", key.id);
        return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, text).into());
    }
    // Requests that share a flush are committed one after another, so each sees those before it.
    if tx.scan(Table::Keys, &[]).take(most).count() >= most {
        return Ok(false);
    }
    tx.save(key.id.as_bytes(), &StoredKey::new(key))?;
    Ok(true)
}

fn revoke(tx: &mut Tx<'_>, id: KeyId) -> Result<bool, Error> {
    let there = tx.has(Table::Keys, id.as_bytes())?;
    if there {
        tx.remove(Table::Keys, id.as_bytes());
    }
    Ok(there)
}

fn note_use(tx: &mut Tx<'_>, id: KeyId, at: Timestamp) -> Result<(), Error> {
    let Some(mut key) = tx.load::<StoredKey>(id.as_bytes())? else { return Ok(()) };
    if key.last_used.is_none_or(|known| known < at) {
        key.last_used = Some(at);
        tx.save(id.as_bytes(), &key)?;
    }
    Ok(())
}
