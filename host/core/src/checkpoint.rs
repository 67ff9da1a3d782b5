use crate::{CheckpointId, Interrupt, Json, Manifest, Object, RunId, ThreadId, Timestamp};

/// What a thread was after a run or a change by a client; immutable.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Its id; time-ordered.
    pub id: CheckpointId,
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// The checkpoint of the same thread that it came from.
    pub parent: Option<CheckpointId>,
    /// The run that made it.
    pub run_id: Option<RunId>,
    /// Counts checkpoints of the thread, from 0, in the order in which they were made.
    pub step: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The thread's values.
    pub values: Json,
    /// The thread's files.
    pub files: Manifest,
    /// Questions that wait for answers.
    pub pending: Option<Pending>,
    /// What made it.
    pub source: CheckpointSource,
    /// Free-form facts about how it came to be.
    pub metadata: Object,
}

/// What made a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CheckpointSource {
    /// A run.
    #[default]
    Loop,
    /// A client, in place of an input.
    Input,
    /// A client that changed the values.
    Update,
    /// A client that went back to an earlier checkpoint without changing anything.
    Fork,
}

impl CheckpointSource {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Loop, Self::Input, Self::Update, Self::Fork];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Input => "input",
            Self::Update => "update",
            Self::Fork => "fork",
        }
    }

    /// The source with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// What a thread waits for: answers to the questions an assistant asked or, where there is no
/// question, only for somebody to let it go on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pending {
    /// The questions without an answer.
    pub interrupts: Vec<Interrupt>,
    /// The input of the run that stopped; the assistant will see it again.
    pub input: Json,
    /// The answers so far, each with the id of its question.
    pub answers: Vec<(String, Json)>,
}

impl Pending {
    /// Takes an answer: an object whose keys all name questions answers those, again or for the
    /// first time; anything else answers the first question without an answer. Returns whether no
    /// question is left.
    pub fn answer(&mut self, resume: &Json) -> bool {
        let answers = match resume {
            Json::Object(answers) if self.names_questions(answers) => answers.clone(),
            _ => {
                let first = self.interrupts.first().map(|question| question.id.clone());
                first.into_iter().map(|id| (id, resume.clone())).collect()
            }
        };
        for (id, answer) in answers {
            self.interrupts.retain(|question| question.id != id);
            match self.answers.iter_mut().find(|(known, _)| *known == id) {
                Some((_, known)) => *known = answer,
                None => self.answers.push((id, answer)),
            }
        }
        self.interrupts.is_empty()
    }

    fn names_questions(&self, answers: &Object) -> bool {
        let asked = |id: &String| {
            let waiting = self.interrupts.iter().any(|question| question.id == *id);
            waiting || self.answers.iter().any(|(known, _)| known == id)
        };
        !answers.is_empty() && answers.keys().all(asked)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asking(ids: &[&str]) -> Pending {
        let question = |id: &&str| Interrupt {
            id: (*id).to_owned(),
            reason: "r".to_owned(),
            payload: Json::Null,
            answer_schema: None,
        };
        Pending { interrupts: ids.iter().map(question).collect(), ..Pending::default() }
    }

    #[test]
    fn answers_find_their_questions() {
        for (ids, resumes, left, answers) in [
            (&["a"][..], vec![json!("yes")], 0, json!([["a", "yes"]])),
            (&["a"], vec![json!({ "x": 1 })], 0, json!([["a", { "x": 1 }]])),
            (&["a"], vec![json!({})], 0, json!([["a", {}]])),
            (&["a", "b"], vec![json!(1), json!(2)], 0, json!([["a", 1], ["b", 2]])),
            (&["a", "b"], vec![json!({ "b": 1 })], 1, json!([["b", 1]])),
            (&["a", "b"], vec![json!({ "b": 1 }), json!({ "b": 2 })], 1, json!([["b", 2]])),
            (&["a", "b"], vec![json!({ "b": 1, "a": 2 })], 0, json!([["b", 1], ["a", 2]])),
            (&["a", "b"], vec![json!({ "b": 1, "c": 2 })], 1, json!([["a", { "b": 1, "c": 2 }]])),
        ] {
            let mut pending = asking(ids);
            let mut done = false;
            for resume in &resumes {
                done = pending.answer(resume);
            }
            assert_eq!(pending.interrupts.len(), left, "{ids:?} {resumes:?}");
            assert_eq!(done, left == 0);
            assert_eq!(json!(pending.answers), answers, "{ids:?} {resumes:?}");
        }
    }
}
