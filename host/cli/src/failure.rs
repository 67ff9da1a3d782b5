use std::process::ExitCode;

use thiserror::Error;

use crate::out::{self, Closed};

/// The failures that scripts want to tell apart. Every other error ends the program with 1.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The arguments or settings cannot be carried out as they are.
    #[error("{0}")]
    Usage(String),
    /// The run ended without a result.
    #[error("{0}")]
    RunFailed(String),
    /// The run stopped at questions. What to do has been printed.
    #[error("the run waits for answers")]
    Waits,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Nothing answers at the address of the server.
    #[error("no server at {url} ({reason}); start one with `wakeful serve`, or point --url at one")]
    NoServer {
        /// The address.
        url: String,
        /// What happened instead.
        reason: String,
    },
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::RunFailed(_) => 3,
            Self::Waits => 4,
            Self::NotFound(_) => 5,
            Self::NoServer { .. } => 6,
        }
    }
}

/// Says what went wrong, on one line, and chooses the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<Closed>() {
        return ExitCode::SUCCESS;
    }
    let failure = error.downcast_ref::<Failure>();
    if !matches!(failure, Some(Failure::Waits)) {
        out::note(format_args!("error: {error:#}"));
    }
    ExitCode::from(failure.map_or(1, Failure::code))
}

/// The failure for an error of the host, when the host is in this process.
pub(crate) fn of_host(error: wakeful::Error) -> anyhow::Error {
    match error {
        wakeful::Error::NotFound { .. } => Failure::NotFound(error.to_string()).into(),
        wakeful::Error::Invalid(_) => Failure::Usage(error.to_string()).into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_exit_code_under_context() {
        let error = anyhow::Error::from(Failure::NotFound("cron x not found".to_owned()))
            .context("cannot show the cron");
        assert_eq!(error.downcast_ref::<Failure>().map(Failure::code), Some(5));
        assert_eq!(report(&error), ExitCode::from(5));
        assert_eq!(report(&anyhow::anyhow!("anything else")), ExitCode::from(1));
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert_eq!(report(&Closed.into()), ExitCode::SUCCESS);
    }
}
