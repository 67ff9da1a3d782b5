use std::ops::Bound;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, ErrorData,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use wakeful::Host;
use wakeful::core::Json;

use crate::mcp::call::{call, with_progress};
use crate::mcp::tool;
use crate::rpc::RpcError;

/// How many tools one answer lists at most.
const PAGE: usize = 100;

/// The methods that are understood, given the right parameters.
const METHODS: [&str; 4] = ["initialize", "ping", "tools/call", "tools/list"];

/// The assistants of a host, as tools.
#[derive(Clone)]
pub(crate) struct Assistants {
    pub(crate) host: Host,
    /// How often a client that wants to know hears that its call goes on.
    pub(crate) keep_alive: Duration,
}

impl ServerHandler for Assistants {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("wakeful", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name)
            .with_instructions(
                "Every tool is an assistant. A call runs it once, on a thread of its own that is gone afterwards, and returns the values it ends with.",
            )
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = tool::by_name(&self.host).await?;
        // The cursor is the name of the last tool of the page before, so that tools that come and
        // go between two pages shift nothing.
        let after = request.and_then(|page| page.cursor);
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = tools.range((after, Bound::Unbounded));
        let page: Vec<_> = rest.by_ref().take(PAGE).collect();
        let more = rest.next().is_some();
        let next_cursor = page.last().filter(|_| more).map(|(name, _)| (*name).clone());
        let components = self.host.components();
        let tools = page.into_iter().map(|(name, one)| tool::describe(name, one, &components));
        Ok(ListToolsResult { next_cursor, ..ListToolsResult::with_all_items(tools.collect()) })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut tools = tool::by_name(&self.host).await?;
        let Some(assistant) = tools.remove(&*request.name) else {
            let message = format!("Unknown tool: {}; `tools/list` names them all", request.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let called = call(&self.host, assistant.id, request.arguments.unwrap_or_default());
        let result = tokio::select! {
            result = with_progress(called, &context, self.keep_alive) => result?,
            // Nobody hears this; the run ends because nobody waits for it any longer.
            () = context.ct.cancelled() => {
                return Err(ErrorData::internal_error("the client went away", None));
            }
        };
        Ok(result.into())
    }

    /// Whatever has no type of its own, and what has one but not the right parameters.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        if METHODS.contains(&&*method) {
            let message = format!("`params` are not those of `{method}`");
            return Err(ErrorData::invalid_params(message, None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None))
    }
}

impl From<RpcError> for ErrorData {
    fn from(error: RpcError) -> Self {
        let code = i32::try_from(error.code).map_or(ErrorCode::INTERNAL_ERROR, ErrorCode);
        Self::new(code, error.message, None::<Json>)
    }
}
