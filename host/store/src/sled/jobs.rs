//! What waits to be written.

use std::array;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// How many jobs of one rank may queue before callers wait to queue theirs.
const ROOM: usize = 1024;

/// Who wants something written. The ranks take turns, so that nobody waits for all that another
/// rank has queued: not a client for a hundred thousand crons that are due at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Somebody waits for the answer.
    Asked,
    /// A run that begins or ends.
    Run,
    /// What is due: crons, and records whose time is over.
    Due,
}

const RANKS: usize = 3;

/// Jobs in the order in which they came, each rank on its own.
pub(super) struct Jobs<J> {
    state: Mutex<State<J>>,
    came: Condvar,
    room: [Semaphore; RANKS],
}

struct State<J> {
    ranks: [VecDeque<J>; RANKS],
    /// The rank whose turn it is.
    turn: usize,
    closed: bool,
}

impl<J> Default for Jobs<J> {
    fn default() -> Self {
        let ranks = array::from_fn(|_| VecDeque::new());
        Self {
            state: Mutex::new(State { ranks, turn: 0, closed: false }),
            came: Condvar::new(),
            room: array::from_fn(|_| Semaphore::new(ROOM)),
        }
    }
}

impl<J> Jobs<J> {
    /// Queues a job, once there is room. Gives it back if no more are taken.
    pub(super) async fn push(&self, rank: Rank, job: J) -> Result<(), J> {
        let Some(room) = self.room.get(rank as usize) else { return Err(job) };
        match room.acquire().await {
            // Whoever takes the job makes room again.
            Ok(permit) => permit.forget(),
            Err(_closed) => return Err(job),
        }
        let mut state = self.lock();
        if state.closed {
            return Err(job);
        }
        match state.ranks.get_mut(rank as usize) {
            Some(queue) => queue.push_back(job),
            None => return Err(job),
        }
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    /// Waits until there is a job. False once no more are taken and none is left.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.ranks.iter().any(|rank| !rank.is_empty()) {
                return true;
            }
            if state.closed {
                return false;
            }
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job, if there is one.
    pub(super) fn next(&self) -> Option<J> {
        self.take(&mut self.lock())
    }

    /// Takes no more jobs. Returns whether it did until now.
    pub(super) fn close(&self) -> bool {
        let was_open = !std::mem::replace(&mut self.lock().closed, true);
        self.room.iter().for_each(Semaphore::close);
        self.came.notify_all();
        was_open
    }

    fn take(&self, state: &mut State<J>) -> Option<J> {
        for step in 0..RANKS {
            let rank = (state.turn + step) % RANKS;
            if let Some(job) = state.ranks.get_mut(rank).and_then(VecDeque::pop_front) {
                state.turn = (rank + 1) % RANKS;
                if let Some(room) = self.room.get(rank) {
                    room.add_permits(1);
                }
                return Some(job);
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ranks_take_turns_and_each_keeps_its_order() {
        let jobs = Jobs::default();
        for n in 0..4 {
            jobs.push(Rank::Due, ("due", n)).await.unwrap();
        }
        for n in 0..2 {
            jobs.push(Rank::Run, ("run", n)).await.unwrap();
        }
        jobs.push(Rank::Asked, ("asked", 0)).await.unwrap();
        let order: Vec<_> = std::iter::from_fn(|| jobs.next()).collect();
        let expected =
            [("asked", 0), ("run", 0), ("due", 0), ("run", 1), ("due", 1), ("due", 2), ("due", 3)];
        assert_eq!(order, expected);
    }

    #[tokio::test]
    async fn a_rank_that_is_full_holds_up_no_other() {
        let jobs = Jobs::default();
        for n in 0..ROOM {
            jobs.push(Rank::Due, n).await.unwrap();
        }
        let mut full = std::pin::pin!(jobs.push(Rank::Due, ROOM));
        tokio::select! {
            biased;
            queued = full.as_mut() => panic!("{queued:?}"),
            () = std::future::ready(()) => {}
        }
        jobs.push(Rank::Asked, 7).await.unwrap();
        assert_eq!(jobs.next(), Some(7));
        assert_eq!(jobs.next(), Some(0));
        full.await.unwrap();
    }

    #[tokio::test]
    async fn what_was_queued_before_the_end_is_still_handed_out() {
        let jobs = Jobs::default();
        jobs.push(Rank::Run, 1).await.unwrap();
        assert!(jobs.close());
        assert!(!jobs.close());
        assert_eq!(jobs.push(Rank::Run, 2).await, Err(2));
        assert_eq!((jobs.wait(), jobs.next(), jobs.wait()), (true, Some(1), false));
    }
}
