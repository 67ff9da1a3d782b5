use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use thiserror::Error;

use crate::toml_text::list;

/// The name under which the operator offers a language model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName(String);

/// Text that is no [`ModelName`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not the name of a model; write 1 to 64 small letters, digits, `-`, `_` and `.`, such as \"fast\""
)]
pub struct InvalidModelName(String);

impl ModelName {
    /// The most bytes.
    pub const LONGEST: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What an assistant is told that is granted other models, with the line that would grant it
    /// this one as well.
    pub fn refusal(&self, granted: &[Self]) -> String {
        let names = list(granted.iter().chain([self]));
        format!(
            "the assistant may not call model {self}; to allow it, put this under [grants] in its .toml: models = {names}"
        )
    }
}

impl FromStr for ModelName {
    type Err = InvalidModelName;

    fn from_str(text: &str) -> Result<Self, InvalidModelName> {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let known = |c: char| letter(c) || matches!(c, '-' | '_' | '.');
        if text.len() <= Self::LONGEST && text.starts_with(letter) && text.chars().all(known) {
            return Ok(Self(text.to_owned()));
        }
        let shown = text.chars().take(Self::LONGEST).collect();
        Err(InvalidModelName(shown))
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What calls of language models used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUse {
    /// How many calls were paid for.
    pub calls: u64,
    /// Tokens that were sent.
    pub input: u64,
    /// Tokens that came back.
    pub output: u64,
    /// The provider did not say for all of them, and the host estimated the rest.
    pub estimated: bool,
}

impl TokenUse {
    /// The tokens in both directions.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl AddAssign for TokenUse {
    fn add_assign(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.estimated = self.estimated || other.estimated;
    }
}

/// Whose tokens a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBudget {
    /// Those of one run.
    Run,
    /// Those of an assistant's runs in one day.
    Assistant,
    /// Those of a cron's runs in one day.
    Cron,
    /// Those of all calls of a model in one day.
    Model,
}

impl TokenBudget {
    const ALL: [Self; 4] = [Self::Run, Self::Assistant, Self::Cron, Self::Model];

    /// The word for it, in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Assistant => "assistant",
            Self::Cron => "cron",
            Self::Model => "model",
        }
    }

    /// The budget with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|budget| budget.as_str() == word)
    }

    /// What has it, and where it is set.
    pub(crate) const fn explained(self) -> &'static str {
        match self {
            Self::Run => "a run (limit `tokens`)",
            Self::Assistant => {
                "the runs of this assistant in a day in UTC (limit `tokens_per_day`)"
            }
            Self::Cron => "the runs of its cron in a day in UTC (`tokens_per_day` of the cron)",
            Self::Model => {
                "all calls of this model in a day in UTC (`tokens_per_day` of the model in wakeful.toml)"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_in_small_letters() {
        for good in ["fast", "gpt-4.1", "a_b", "7b"] {
            assert_eq!(good.parse::<ModelName>().unwrap().to_string(), good);
        }
        for bad in ["", "Fast", "-x", "a b", "a/b", "ü", &"a".repeat(65)] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn budgets_read_back() {
        for budget in TokenBudget::ALL {
            assert_eq!(TokenBudget::parse(budget.as_str()), Some(budget));
        }
    }
}
