use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use wakeful_core::Timestamp;
use wakeful_store::{SledConfig, SledStore};

use super::asks::{Answer, Ask};
use super::disk::{Mount, Strike};
use super::rhythm::Rhythm;
use super::world::{End, World};
use crate::{Error, Host, HostSettings, executor, pace, scheduler};

/// How many runs are in progress at once.
const SLOTS: u32 = 6;
/// How often the scheduler and the executor are asked to go on at one instant.
const ROUNDS: usize = 300;

/// One life of the host, from its start to its end.
pub(super) struct Life {
    pub(super) host: Host,
    pub(super) rhythm: Arc<Rhythm>,
    slots: Arc<executor::Slots>,
    /// Since when the scheduler looks.
    awake: scheduler::Awake,
    /// What clients asked for and wait for, and when they asked.
    pub(super) asked: Vec<(Ask, Timestamp, Pending)>,
}

pub(super) type Pending = JoinHandle<Result<Answer, Error>>;

/// What ends a life early.
pub(super) enum Stop {
    /// The disk is no more, or the machine.
    Crash,
    Wrong(String),
}

impl From<String> for Stop {
    fn from(wrong: String) -> Self {
        Self::Wrong(wrong)
    }
}

impl World {
    pub(super) async fn live(
        &mut self,
        rhythm: &Arc<Rhythm>,
        mount: &Arc<Mount>,
    ) -> Result<End, String> {
        match self.live_until_stopped(rhythm, mount).await {
            Ok(end) => Ok(end),
            Err(Stop::Crash) => {
                self.note(format_args!("the host is gone"));
                Ok(End::Crashed)
            }
            Err(Stop::Wrong(wrong)) => Err(wrong),
        }
    }

    async fn live_until_stopped(
        &mut self,
        rhythm: &Arc<Rhythm>,
        mount: &Arc<Mount>,
    ) -> Result<End, Stop> {
        let host = match self.start(mount).await {
            Ok(host) => host,
            Err(_) if self.disk.is_dead() => return Err(Stop::Crash),
            Err(error) => return Err(format!("the host does not start: {error}").into()),
        };
        self.note(format_args!("the host starts"));
        let slots = Arc::new(executor::Slots::of(&host));
        let (rhythm, awake) = (Arc::clone(rhythm), scheduler::Awake::default());
        let mut life = Life { host, rhythm, slots, awake, asked: Vec::new() };
        let lived = self.live_on(&mut life).await;
        mount.leave();
        if lived.is_err() || self.disk.is_dead() {
            // Whoever had no answer will never know.
            let asked = std::mem::take(&mut life.asked);
            let until = self.now();
            self.unknown.extend(asked.into_iter().map(|(ask, from, _)| (ask, (from, until))));
        }
        lived
    }

    async fn start(&self, mount: &Arc<Mount>) -> Result<Host, Error> {
        let assistants = self.root.path().join("assistants");
        prepare_assistants(&assistants);
        let mut settings = HostSettings::new(self.disk.folder(), assistants);
        settings.concurrent_runs = SLOTS;
        settings.shutdown_grace = Duration::ZERO;
        settings.min_free_disk = 0;
        let config = SledConfig {
            min_free_bytes: 0,
            cache_bytes: 1 << 20,
            watchdog: false,
            ..SledConfig::new(&settings.data)
        };
        let (clock, guests) = (Arc::clone(&self.clock), Arc::clone(&self.guests));
        let mut patience = 100;
        let store = loop {
            match SledStore::open_on(config.clone(), Arc::clone(mount) as _).await {
                // Threads of the life before may still be leaving the folder; processes are gone
                // at once.
                Err(error) if error.to_string().contains("acquire lock") && patience > 0 => {
                    patience -= 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                opened => break opened?,
            }
        };
        Host::prepare(settings, clock, Arc::new(store), guests, Default::default()).await
    }

    async fn live_on(&mut self, life: &mut Life) -> Result<End, Stop> {
        let again = self.find_out(life).await?;
        self.look(life, None, true).await?;
        for ask in again {
            self.put(life, ask);
        }
        life.rhythm.rest().await;
        self.hear(life).await?;
        while self.events > 0 {
            self.events -= 1;
            self.pass_time(life).await?;
            if let Some(end) = self.event(life).await? {
                return Ok(end);
            }
        }
        self.finish(life).await?;
        Ok(End::Finished)
    }

    /// Time passes until something else is to happen. The host does what it has to do meanwhile,
    /// or some of it: machines sleep, and are busy.
    async fn pass_time(&mut self, life: &mut Life) -> Result<(), Stop> {
        let until = self.clock.elapsed() + self.scene.gap(&mut self.random);
        for _ in 0..self.random.below(10) {
            let next = self.next_wake(life).await?;
            let late = if self.random.chance(70) { 0 } else { self.random.below(1_500) };
            let next = next.map(|next| next + Duration::from_millis(late));
            let Some(next) = next.filter(|next| *next < until) else { break };
            self.clock.advance(next.saturating_sub(self.clock.elapsed()));
            self.settle(life).await?;
        }
        self.clock.advance(until.saturating_sub(self.clock.elapsed()));
        Ok(())
    }

    /// When the host has something to do next, in time since the simulation began.
    async fn next_wake(&self, life: &Life) -> Result<Option<Duration>, Stop> {
        let (due, ready) = match (life.due().await, life.ready().await) {
            (Ok(due), Ok(ready)) => (due, ready),
            (Err(problem), _) | (_, Err(problem)) => return Err(self.broken(&problem)),
        };
        let (now, elapsed) = (self.now(), self.clock.elapsed());
        let on_wall = due.into_iter().chain(ready);
        let wait = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let on_wall = on_wall.map(|at| elapsed + wait(at));
        Ok(on_wall.chain(self.guests.next_end()).min())
    }

    /// Something happens. Returns how the life of the host ends, if it does.
    async fn event(&mut self, life: &mut Life) -> Result<Option<End>, Stop> {
        match self.random.below(100) {
            0..62 => {
                self.ask(life);
                if self.random.chance(40) {
                    life.rhythm.rest().await;
                }
            }
            62..70 => self.set_clock(),
            70..86 => self.arm(),
            86..90 => {
                self.note(format_args!("the process is killed"));
                self.disk.kill();
                return Err(Stop::Crash);
            }
            90..95 => {
                self.shut_down(life).await?;
                return Ok(Some(End::Closed));
            }
            _ => {
                let lease = executor::renew(&life.host).await;
                if let Err(problem) = lease {
                    return Err(self.broken(&problem));
                }
            }
        }
        self.settle(life).await?;
        Ok(None)
    }

    /// Something is going to go wrong with the disk.
    fn arm(&mut self) {
        let after =
            if self.random.chance(50) { self.random.below(6) } else { self.random.below(40) };
        let strike = match self.random.below(10) {
            0..3 => Strike::Kill,
            3..6 => Strike::PowerCut,
            6..8 => Strike::Refusal,
            _ => Strike::Stall(Duration::from_millis(self.random.below(90_000))),
        };
        self.disk.arm(after, strike);
    }

    /// The scheduler and the executor go on until there is nothing more to do at this instant.
    async fn settle(&mut self, life: &mut Life) -> Result<(), Stop> {
        for _ in 0..ROUNDS {
            let ticked = self.now();
            let (host, slots) = (life.host.clone(), Arc::clone(&life.slots));
            let mut awake = std::mem::take(&mut life.awake);
            let tick = tokio::spawn({
                let host = host.clone();
                async move { scheduler::fire_due(&host, &mut awake).await.map(|_| awake) }
            });
            let start = tokio::spawn(async move { executor::start_ready(&host, &slots).await });
            life.rhythm.rest().await;
            if self.disk.is_dead() {
                return Err(Stop::Crash);
            }
            if !tick.is_finished() || !start.is_finished() {
                return Err("the scheduler or the executor hangs".to_owned().into());
            }
            let panicked = |panic| format!("a step panicked: {panic}");
            let ticked_on = tick.await.map_err(panicked)?;
            life.awake = ticked_on.map_err(|problem| self.broken(&problem))?;
            start.await.map_err(panicked)?.map_err(|problem| self.broken(&problem))?;
            if self.guests.release() {
                life.rhythm.rest().await;
                continue;
            }
            if self.disk.is_dead() {
                return Err(Stop::Crash);
            }
            if pace::before(life.due().await.map_err(|it| self.broken(&it))?, self.now()).is_none()
                || self.can_start(life).await?
            {
                continue;
            }
            self.hear(life).await?;
            return self.look(life, Some(ticked), false).await;
        }
        Err(format!("the host does not come to rest at {}", self.now()).into())
    }

    async fn can_start(&self, life: &Life) -> Result<bool, Stop> {
        let ready = life.ready().await.map_err(|problem| self.broken(&problem))?;
        let free = life.slots.free() > 0;
        Ok(free && pace::before(ready, self.now()).is_none())
    }

    /// Stops the host in good order, while time goes on.
    async fn shut_down(&mut self, life: &mut Life) -> Result<(), Stop> {
        self.note(format_args!("the host is asked to stop"));
        let host = life.host.clone();
        let stopping = tokio::spawn(async move { host.shutdown().await });
        loop {
            life.rhythm.rest().await;
            if stopping.is_finished() {
                break;
            }
            if self.disk.is_dead() {
                return Err(Stop::Crash);
            }
            match self.guests.next_end() {
                Some(end) => {
                    self.clock.advance(end.saturating_sub(self.clock.elapsed()));
                    self.guests.release();
                }
                // It closes files, on a thread of its own.
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        let asked = std::mem::take(&mut life.asked);
        let until = self.now();
        self.unknown.extend(asked.into_iter().map(|(ask, from, _)| (ask, (from, until))));
        match stopping.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) if self.disk.is_dead() => Err(Stop::Crash),
            Ok(Err(error)) => Err(format!("the host does not stop: {error}").into()),
            Err(panic) => Err(format!("the host panicked: {panic}").into()),
        }
    }

    /// Lets everything that was begun come to its end, and looks at all of it.
    async fn finish(&mut self, life: &mut Life) -> Result<(), Stop> {
        self.disk.disarm();
        self.settle(life).await?;
        for _ in 0..2_000 {
            self.hear(life).await?;
            self.look(life, None, false).await?;
            let ready = life.ready().await.map_err(|problem| self.broken(&problem))?;
            if life.asked.is_empty() && self.guests.count() == 0 && ready.is_none() {
                self.look_at_everything(life).await?;
                return self.shut_down(life).await;
            }
            let (now, elapsed) = (self.now(), self.clock.elapsed());
            let free = life.slots.free() > 0;
            let ready = ready
                .filter(|_| free)
                .map(|at| elapsed + Duration::try_from(at.duration_since(now)).unwrap_or_default());
            if let Some(next) = self.guests.next_end().into_iter().chain(ready).min() {
                self.clock.advance(next.saturating_sub(elapsed));
            }
            self.guests.release();
            let (host, slots) = (life.host.clone(), Arc::clone(&life.slots));
            let start = tokio::spawn(async move { executor::start_ready(&host, &slots).await });
            life.rhythm.rest().await;
            let started = start.await.map_err(|panic| format!("the executor panicked: {panic}"))?;
            started.map_err(|problem| self.broken(&problem))?;
        }
        Err("the runs do not come to an end".to_owned().into())
    }

    /// The store says that it does not work, which is right only once the disk is gone.
    pub(super) fn broken(&self, problem: &wakeful_store::Error) -> Stop {
        if self.disk.is_dead() { Stop::Crash } else { Stop::Wrong(format!("store: {problem}")) }
    }
}

impl Life {
    async fn due(&self) -> Result<Option<Timestamp>, wakeful_store::Error> {
        self.host.store().next_due().await
    }

    async fn ready(&self) -> Result<Option<Timestamp>, wakeful_store::Error> {
        self.host.store().next_available().await
    }
}

fn prepare_assistants(folder: &Path) {
    if !folder.exists() {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("echo.wasm"), b"scripted").unwrap();
    }
}
