//! Two threads that never work at once: the host's, and the store's writer. Each history happens in
//! one order because of it, whatever the machine is doing besides.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Long enough for any machine; a simulation that is stuck says so.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Rhythm {
    beat: Mutex<Beat>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Beat {
    /// Requests that the writer has not answered.
    in_flight: usize,
    /// An answer was given that the host's thread may not have noticed.
    unheard: bool,
    /// Nothing on the host's thread can go on by itself.
    parked: bool,
    /// Somebody waits for everything to have come to rest.
    awaited: bool,
    at_rest: bool,
    /// The host's thread is no more.
    over: bool,
    root: Option<Waker>,
}

impl Rhythm {
    /// A runtime of one thread that keeps the rhythm.
    pub(super) fn runtime(self: &Arc<Self>) -> Runtime {
        let (park, unpark) = (Arc::clone(self), Arc::clone(self));
        *self.lock() = Beat::default();
        Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .on_thread_park(move || park.parked())
            .on_thread_unpark(move || unpark.lock().parked = false)
            .build()
            .unwrap()
    }

    /// The future to block on: everything happens within it or within tasks that it spawns.
    pub(super) fn keep<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> {
        Kept { rhythm: Arc::clone(self), future: Box::pin(future) }
    }

    /// Waits until nothing goes on by itself any more.
    pub(super) async fn rest(&self) {
        poll_fn(|_| {
            let mut beat = self.lock();
            beat.awaited = !beat.at_rest;
            if std::mem::take(&mut beat.at_rest) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    pub(super) fn queued(&self) {
        self.lock().in_flight += 1;
    }

    pub(super) fn answered(&self) {
        let mut beat = self.lock();
        beat.in_flight -= 1;
        beat.unheard = true;
        beat.parked = false;
        if let Some(root) = &beat.root {
            root.wake_by_ref();
        }
    }

    /// Waits until the host's thread has nothing more to ask for.
    pub(super) fn wait_for_park(&self) {
        let beat = self.lock();
        let works = |beat: &mut Beat| !beat.parked && !beat.over;
        let waiting = self.turned.wait_timeout_while(beat, PATIENCE, works).unwrap();
        assert!(!waiting.1.timed_out(), "the simulation is stuck: {:?}", *waiting.0);
    }

    /// The host's thread ends.
    pub(super) fn end(&self) {
        self.lock().over = true;
        self.turned.notify_all();
    }

    fn parked(&self) {
        let mut beat = self.lock();
        if beat.unheard {
            // The root future has been woken and listens before the thread parks for good.
            return;
        }
        beat.parked = true;
        if beat.in_flight == 0 && std::mem::take(&mut beat.awaited) {
            beat.at_rest = true;
            if let Some(root) = &beat.root {
                root.wake_by_ref();
            }
        }
        self.turned.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.beat.lock().unwrap()
    }
}

struct Kept<F> {
    rhythm: Arc<Rhythm>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Kept<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut beat = self.rhythm.lock();
            beat.unheard = false;
            beat.root = Some(context.waker().clone());
        }
        self.future.as_mut().poll(context)
    }
}
