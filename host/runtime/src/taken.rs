use wakeful_core::{Digest, RequestKey};
use wakeful_store::Created;

use crate::{Error, IfExists};

/// How a request that creates a record means it, should a record with that id be there already.
pub(crate) struct Claim {
    /// What the record is called.
    pub(crate) what: &'static str,
    /// Its id, if the request chose one. Any other id comes from the key, or is new.
    pub(crate) chosen: Option<String>,
    /// Names the request.
    pub(crate) key: Option<RequestKey>,
    /// What the client wants to hear.
    pub(crate) if_exists: IfExists,
}

impl Claim {
    /// The answer to the request. `made_by` tells the digest of the request that made a record.
    pub(crate) fn settle<T>(
        self,
        created: Created<T>,
        made_by: impl FnOnce(&T) -> Option<Digest>,
    ) -> Result<Created<T>, Error> {
        let known = match created {
            Created::New(_) => return Ok(created),
            Created::Existing(known) => known,
        };
        if self.key.is_some_and(|key| made_by(&known) == Some(key.digest())) {
            return Ok(Created::Existing(known));
        }
        match (self.chosen, self.if_exists) {
            // Only a key can have led here.
            (None, _) => Err(Error::key_taken()),
            (Some(_), IfExists::DoNothing) => Ok(Created::Existing(known)),
            (Some(id), IfExists::Raise) => {
                Err(Error::Conflict(format!("{} {id} already exists", self.what)))
            }
        }
    }
}
