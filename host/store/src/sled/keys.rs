//! Keys: ids and instants one after another, big-endian, so that they sort as they should.

use wakeful_core::{
    AssistantId, CheckpointId, CronId, Fire, FireStatus, RunId, ThreadId, Timestamp,
};

use crate::Error;

/// The key made of these parts.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An instant, in an order that holds before 1970 as well.
pub(super) fn time(at: Timestamp) -> [u8; 8] {
    (at.as_microsecond().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// Thread ‖ step, newest first.
pub(super) fn checkpoint(thread: ThreadId, step: u64) -> Vec<u8> {
    join(&[thread.as_bytes(), &(u64::MAX - step).to_be_bytes()])
}

/// Thread ‖ checkpoint.
pub(super) fn checkpoint_step(thread: ThreadId, id: CheckpointId) -> Vec<u8> {
    join(&[thread.as_bytes(), id.as_bytes()])
}

/// Instant ‖ anything with 16 bytes.
pub(super) fn timed(at: Timestamp, id: &[u8; 16]) -> Vec<u8> {
    join(&[&time(at), id])
}

/// Owner ‖ instant ‖ run.
pub(super) fn owned(owner: &[u8; 16], at: Timestamp, run: RunId) -> Vec<u8> {
    join(&[owner, &time(at), run.as_bytes()])
}

/// Assistant ‖ version.
pub(super) fn version(assistant: AssistantId, version: u32) -> Vec<u8> {
    join(&[assistant.as_bytes(), &version.to_be_bytes()])
}

/// Cron ‖ scheduled.
pub(super) fn instant(cron: CronId, scheduled: Timestamp) -> Vec<u8> {
    join(&[cron.as_bytes(), &time(scheduled)])
}

/// Cron ‖ scheduled, and the run of a fire that no schedule made.
pub(super) fn fire(fire: &Fire) -> Vec<u8> {
    let mut key = instant(fire.cron_id, fire.scheduled_at);
    if let FireStatus::Started(run) = fire.status
        && !fire.cause.is_of_schedule()
    {
        key.extend(run.as_bytes());
    }
    key
}

/// Run ‖ number.
pub(super) fn call(run: RunId, number: u32) -> Vec<u8> {
    join(&[run.as_bytes(), &number.to_be_bytes()])
}

/// The day in UTC, in an order that holds before 1970 as well.
pub(super) fn day(at: Timestamp) -> u64 {
    at.as_second().div_euclid(24 * 60 * 60).cast_unsigned() ^ (1 << 63)
}

/// Takes a key apart, from the left.
pub(super) struct Parts<'a>(pub(super) &'a [u8]);

impl Parts<'_> {
    /// The next 16 bytes.
    pub(super) fn id(&mut self) -> Result<[u8; 16], Error> {
        self.take()
    }

    /// The next 8 bytes, as an instant.
    pub(super) fn time(&mut self) -> Result<Timestamp, Error> {
        let micros = u64::from_be_bytes(self.take()?) ^ (1 << 63);
        Timestamp::from_microsecond(micros.cast_signed())
            .map_err(|error| Error::Damaged { what: "key", reason: error.to_string() })
    }

    /// The next 8 bytes, as a number.
    pub(super) fn number(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (part, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| Error::Damaged { what: "key", reason: "it is too short".to_owned() })?;
        self.0 = rest;
        Ok(*part)
    }
}

/// The run at the end of a key.
pub(super) fn last_run(key: &[u8]) -> Result<RunId, Error> {
    match key.last_chunk() {
        Some(id) => Ok(RunId::from_bytes(*id)),
        None => Err(Error::Damaged { what: "key", reason: "it is too short".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_instants_do_and_read_back() {
        let times =
            [Timestamp::MIN, "1969-12-31T23:59:59Z".parse().unwrap(), Timestamp::UNIX_EPOCH]
                .map(|at: Timestamp| Timestamp::from_microsecond(at.as_microsecond()).unwrap());
        assert!(times.map(time).is_sorted());
        for at in times {
            let key = timed(at, &[7; 16]);
            let mut parts = Parts(&key);
            assert_eq!(parts.time().unwrap(), at);
            assert_eq!(parts.id().unwrap(), [7; 16]);
            assert!(parts.number().is_err());
        }
    }
}
