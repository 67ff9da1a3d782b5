use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use wakeful::core::{AssistantId, Json, Run, RunId, ThreadId, Timestamp};
use wakeful::{Host, RunQuery};

use crate::a2a::dialect::Dialect;
use crate::a2a::task::{Task, task_of};
use crate::extract::typed;
use crate::rpc::RpcError;
use crate::wire::parse_time;

/// How many runs are looked at in one go.
const PAGE: usize = 100;
/// How many runs are looked through at most, counted from the newest.
const LOOKED_AT: usize = 1_000;
/// How many tasks are on a page, if the client does not say.
const TASKS: usize = 50;
/// How many may be.
const MOST_TASKS: usize = 100;

/// What a client asks for, as `ListTasksRequest` of version 1.0 says it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Params {
    context_id: Option<String>,
    status: Option<String>,
    page_size: Option<usize>,
    page_token: Option<String>,
    history_length: Option<usize>,
    status_timestamp_after: Option<String>,
    include_artifacts: bool,
}

/// Where a task stands in the list: the last that changed comes first.
type Place = Reverse<(Timestamp, RunId)>;

/// Lists the tasks of an assistant, of its newest thousand runs.
pub(super) async fn list(
    host: &Host,
    assistant: AssistantId,
    params: Json,
) -> Result<Json, RpcError> {
    let params: Params = match params {
        Json::Null => Params::default(),
        params => typed(params, "params")?,
    };
    let size = params.page_size.unwrap_or(TASKS);
    if !(1..=MOST_TASKS).contains(&size) {
        let reason = format!("params.pageSize: {size} is not between 1 and {MOST_TASKS}");
        return Err(RpcError::invalid_params(reason));
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let after = given(&params.page_token).map(|token| place(&token)).transpose()?;
    let changed_after = given(&params.status_timestamp_after)
        .map(|text| {
            let reason = format!("params.statusTimestampAfter: `{text}` is no instant");
            parse_time(&text).ok_or_else(|| RpcError::invalid_params(reason))
        })
        .transpose()?;
    let status = given(&params.status).filter(|status| status != "TASK_STATE_UNSPECIFIED");
    let mut tasks = match given(&params.context_id).map(|id| id.parse::<ThreadId>()) {
        // There is no such context.
        Some(Err(_)) => Vec::new(),
        Some(Ok(thread)) => tasks(host, assistant, Some(thread)).await?,
        None => tasks(host, assistant, None).await?,
    };
    tasks.retain(|task| {
        let state = Dialect::V1_0.state(task.state());
        status.as_deref().is_none_or(|wanted| wanted == state)
            && changed_after.is_none_or(|after| changed(task) >= after)
    });
    tasks.sort_by_key(place_of);
    let total = tasks.len();
    let left: Vec<_> =
        tasks.iter().filter(|task| after.is_none_or(|after| place_of(task) > after)).collect();
    let page = left.iter().take(size);
    let next = match page.clone().next_back() {
        Some(last) if left.len() > size => token(last),
        _ => String::new(),
    };
    let shown: Vec<_> = page
        .map(|task| {
            let mut shown = Dialect::V1_0.task(task, params.history_length);
            if let (false, Some(task)) = (params.include_artifacts, shown.as_object_mut()) {
                task.shift_remove("artifacts");
            }
            shown
        })
        .collect();
    Ok(json!({
        "tasks": shown,
        "nextPageToken": next,
        "pageSize": size,
        "totalSize": total,
    }))
}

/// The tasks of the newest runs.
async fn tasks(
    host: &Host,
    assistant: AssistantId,
    thread_id: Option<ThreadId>,
) -> Result<Vec<Task>, RpcError> {
    let mut runs: HashMap<RunId, Vec<Run>> = HashMap::new();
    for offset in (0..LOOKED_AT).step_by(PAGE) {
        let query = RunQuery { thread_id, limit: PAGE, offset, ..RunQuery::default() };
        let page = host.runs(query).await?.items;
        let is_last = page.len() < PAGE;
        for run in page.into_iter().filter(|run| run.assistant_id == assistant) {
            runs.entry(task_of(&run)).or_default().push(run);
        }
        if is_last {
            break;
        }
    }
    let mut tasks = Vec::with_capacity(runs.len());
    for (id, mut runs) in runs {
        // They came newest first.
        runs.reverse();
        let whole = runs.first().is_some_and(|first| first.id == id);
        match Task::of(runs).filter(|_| whole) {
            Some(task) => tasks.push(task),
            // It began before the runs that were looked at, if its beginning is still there at all.
            None => tasks.extend(Task::load(host, assistant, &id.to_string()).await.ok()),
        }
    }
    Ok(tasks)
}

fn changed(task: &Task) -> Timestamp {
    let last = task.last();
    last.ended_at.unwrap_or(last.updated_at)
}

fn place_of(task: &Task) -> Place {
    Reverse((changed(task), task.id()))
}

/// What a client sends to have what comes after a task.
fn token(task: &Task) -> String {
    format!("{}-{}", changed(task).as_microsecond(), task.id())
}

fn place(token: &str) -> Result<Place, RpcError> {
    let read = || {
        let (at, id) = token.split_once('-')?;
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some(Reverse((at, id.parse().ok()?)))
    };
    read().ok_or_else(|| {
        RpcError::invalid_params("params.pageToken: send a `nextPageToken` as it was answered")
    })
}
