use wakeful_core::{Cron, CronId, Json, ThreadId, Timestamp};

use super::asks::{self, Answer, Ask, key, replan, spec_of};
use super::life::{Life, Stop};
use super::world::World;
use crate::{CancelAction, Error};

impl World {
    /// A client asks for something, and waits in the background.
    pub(super) fn ask(&mut self, life: &mut Life) {
        let ask = self.choose();
        if let Some(cron) = ask.cron()
            && life.asked.iter().any(|(other, ..)| other.cron() == Some(cron))
        {
            return;
        }
        self.put(life, ask);
    }

    pub(super) fn put(&mut self, life: &mut Life, ask: Ask) {
        self.note(format_args!("asked: {}", asks::told(&ask)));
        match &ask {
            Ask::Run(new) => {
                if let Some(run) = ask.run() {
                    let thread = match new.thread {
                        crate::RunThread::Existing(thread) => thread,
                        _ => ThreadId::of_run(run),
                    };
                    self.oracle.run_asked(run, thread, new.multitask, None);
                }
            }
            Ask::Trigger(cron, _) => {
                let cron = self.crons.get(cron);
                if let (Some(run), Some(cron)) = (ask.run(), cron) {
                    let thread = cron.thread_id.unwrap_or_else(|| ThreadId::of_run(run));
                    let multitask = cron.policy.overlap.multitask();
                    self.oracle.run_asked(run, thread, multitask, Some(cron.id));
                }
            }
            Ask::Cancel(run, CancelAction::Rollback) => self.oracle.run_discarded(*run),
            _ => {}
        }
        let task = tokio::spawn(ask.clone().put(life.host.clone()));
        life.asked.push((ask, self.now(), task));
    }

    /// What a client asks for next.
    fn choose(&mut self) -> Ask {
        let number = self.next_number();
        let now = self.now();
        let thread = (!self.threads.is_empty()).then(|| self.random.pick(&self.threads));
        let crons: Vec<_> = self.crons.keys().copied().collect();
        let cron = (!crons.is_empty()).then(|| self.random.pick(&crons));
        match (self.random.below(100), thread, cron) {
            (0..10, ..) | (_, None, _) if self.threads.len() < 4 => {
                Ask::Thread(ThreadId::from_bytes(*key(number).id().as_bytes()))
            }
            (10..35, ..) | (_, _, None) if self.crons.len() < 6 => {
                let thread = thread.filter(|_| self.random.chance(65));
                let new = asks::new_cron(&self.scene, &mut self.random, now, thread, key(number));
                Ask::Cron(Box::new(new))
            }
            (35..58, _, Some(cron)) => {
                let known = &self.crons[&cron];
                let patch = asks::patch(&self.scene, &mut self.random, now, known, number);
                Ask::Change(cron, Box::new(patch), number)
            }
            (58..62, _, Some(cron)) => Ask::Delete(cron),
            (62..70, _, Some(cron)) => Ask::Trigger(cron, key(number)),
            (70..78, ..) if !self.runs.is_empty() => {
                let run = self.random.pick(&self.runs);
                let rollback = self.random.chance(30);
                let how = if rollback { CancelAction::Rollback } else { CancelAction::Interrupt };
                Ask::Cancel(run, how)
            }
            _ => {
                let thread = thread.filter(|_| self.random.chance(80));
                Ask::Run(Box::new(asks::new_run(&mut self.random, thread, key(number))))
            }
        }
    }

    /// Finds out what became of the requests that nobody answered before the host went. Returns
    /// those to be made again, as clients do that name their requests.
    pub(super) async fn find_out(&mut self, life: &Life) -> Result<Vec<Ask>, Stop> {
        let mut again = Vec::new();
        for (ask, span) in std::mem::take(&mut self.unknown) {
            let (Ask::Cron(_) | Ask::Change(..) | Ask::Delete(_), Some(id)) = (&ask, ask.cron())
            else {
                again.extend((!matches!(ask, Ask::Cancel(..))).then_some(ask));
                continue;
            };
            let found = life.host.store().cron(id).await.map_err(|it| self.broken(&it))?;
            match (&ask, found) {
                (Ask::Cron(_), Some(cron)) => self.learn_cron(cron, span),
                (Ask::Cron(_), None) => again.push(ask),
                (Ask::Change(_, _, number), Some(cron)) => {
                    let seen = cron.metadata.get(asks::CHANGE);
                    if seen.and_then(Json::as_u64) == Some(*number) {
                        self.learn_cron(cron, span);
                    }
                }
                (Ask::Delete(_), None) => self.forget_cron(id),
                _ => {}
            }
        }
        Ok(again)
    }

    /// Hears the answers that there are.
    pub(super) async fn hear(&mut self, life: &mut Life) -> Result<(), Stop> {
        if self.disk.is_dead() {
            return Err(Stop::Crash);
        }
        for (ask, from, task) in std::mem::take(&mut life.asked) {
            if !task.is_finished() {
                life.asked.push((ask, from, task));
                continue;
            }
            let answer = task.await.map_err(|failed| format!("{ask:?} panicked: {failed}"))?;
            self.heard(ask, from, answer)?;
        }
        Ok(())
    }

    fn heard(
        &mut self,
        ask: Ask,
        from: Timestamp,
        answer: Result<Answer, Error>,
    ) -> Result<(), Stop> {
        let span = (from, self.now());
        match (&ask, answer) {
            (_, Err(Error::Store(problem))) => return Err(self.broken(&problem)),
            (_, Err(refused)) => {
                self.note(format_args!("refused: {}: {refused}", asks::told(&ask)));
                if let Some(run) = ask.run() {
                    self.oracle.run_refused(run);
                }
            }
            (Ask::Cron(_), Ok(Answer::Cron(cron))) => self.learn_cron(*cron, span),
            (Ask::Change(..), Ok(Answer::Cron(cron))) => {
                self.learn_cron(*cron, span);
            }
            (Ask::Delete(id), Ok(_)) => self.forget_cron(*id),
            (Ask::Thread(id), Ok(_)) => {
                self.threads.push(*id);
                self.promised_threads.insert(*id);
            }
            (Ask::Run(_) | Ask::Trigger(..), Ok(Answer::Run(run))) => {
                if Some(run.id) != ask.run() {
                    return Err(format!("asked for run {:?}, got {run:?}", ask.run()).into());
                }
                self.oracle.run_promised(run.id);
                self.runs.push(run.id);
            }
            _ => {}
        }
        Ok(())
    }

    /// Learns what a cron is like since it was created or changed.
    fn learn_cron(&mut self, cron: Cron, span: (Timestamp, Timestamp)) {
        let (id, spec) = (cron.id, spec_of(&cron));
        match self.crons.insert(id, cron.clone()) {
            None => self.oracle.cron_created(id, spec, span),
            Some(before) => self.oracle.cron_changed(id, spec, span, replan(&before, &cron)),
        }
    }

    fn forget_cron(&mut self, id: CronId) {
        self.crons.remove(&id);
        self.oracle.cron_deleted(id);
    }
}
