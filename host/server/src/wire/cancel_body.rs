use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::RunsToStop;

use crate::error::Error;
use crate::extract::parse_id;

/// The most runs that one request may list.
const MOST: usize = 1_000;

/// The body of `POST /runs/cancel`: a status, or a thread and runs of it.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CancelBody {
    status: Option<Status>,
    thread_id: Option<String>,
    run_ids: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Running,
    All,
}

impl CancelBody {
    pub(crate) fn into_selection(self) -> Result<RunsToStop, Error> {
        match (self.status, self.thread_id, self.run_ids) {
            (Some(Status::Pending), None, None) => Ok(RunsToStop::Pending),
            (Some(Status::Running), None, None) => Ok(RunsToStop::Running),
            (Some(Status::All), None, None) => Ok(RunsToStop::Unfinished),
            (None, Some(thread), Some(runs)) if (1..=MOST).contains(&runs.len()) => {
                let runs = runs.iter().map(|run| parse_id("run", run));
                Ok(RunsToStop::Listed {
                    thread: parse_id("thread", &thread)?,
                    runs: runs.collect::<Result<_, _>>()?,
                })
            }
            (None, Some(_), Some(runs)) => Err(Error::unprocessable(format!(
                "run_ids: {} runs are not between 1 and {MOST}",
                runs.len()
            ))),
            _ => Err(Error::unprocessable(
                "send either `status`, or `thread_id` and `run_ids`, and not both",
            )),
        }
    }
}
