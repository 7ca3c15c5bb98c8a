//! What the server offers beside its tools.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{json, Value};

use crate::release::{self, PromptAnswer, ReadAnswer, ToolAnswer};

pub const STATIC_URI: &str = "fleet://static";

/// What outlives one request and one session.
pub type Shared = Arc<release::Listeners>;

/// One session; in revisions without sessions, one request.
#[derive(Clone, Default)]
pub struct Fleet {
    pub shared: Shared,
    pub grown: Arc<AtomicBool>,
    pub subscribed: Arc<Mutex<HashSet<String>>>,
}

impl Fleet {
    pub fn sharing(shared: Shared) -> Self {
        Fleet {
            shared,
            ..Default::default()
        }
    }

    fn router() -> ToolRouter<Self> {
        let mut router = Self::tool_router();
        router.merge(Self::ask_router());
        router
    }

    fn offers(&self, tool: &str) -> bool {
        tool != "grown" || self.grown.load(Ordering::SeqCst) || self.shared.grown()
    }
}

/// Builds a type of the protocol from its JSON, which is the same in all releases while their structs are not.
pub fn of<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("what the fleet sends is valid")
}

/// The same for results; releases that have no `resultType` take no notice of it.
pub fn of_result<T: DeserializeOwned>(mut json: Value) -> T {
    json["resultType"] = "complete".into();
    of(json)
}

fn contents(uri: &str, text: String) -> ReadResourceResult {
    of_result(json!({ "contents": [{ "uri": uri, "mimeType": "text/plain", "text": text }] }))
}

impl ServerHandler for Fleet {
    fn get_info(&self) -> ServerInfo {
        of(json!({
            "protocolVersion": "2025-06-18",
            "serverInfo": { "name": "fleet-rmcp", "version": "1.0.0" },
            "capabilities": {
                "logging": {},
                "completions": {},
                "prompts": { "listChanged": true },
                "resources": { "subscribe": true, "listChanged": true },
                "tools": { "listChanged": true },
            },
        }))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = Self::router()
            .list_all()
            .into_iter()
            .filter(|tool| self.offers(&tool.name))
            .collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ToolAnswer, ErrorData> {
        if !self.offers(&request.name) {
            return Err(ErrorData::invalid_params("tool not found", None));
        }
        Self::router().call(ToolCallContext::new(self, request, context)).await
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(of(
            json!([{ "uri": STATIC_URI, "name": "static", "mimeType": "text/plain" }]),
        )))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(of(
            json!([{ "uriTemplate": "fleet://item/{id}", "name": "item", "mimeType": "text/plain" }]),
        )))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadAnswer, ErrorData> {
        match (request.uri.as_str(), request.uri.strip_prefix("fleet://item/")) {
            (STATIC_URI, _) => Ok(contents(STATIC_URI, "static text".into()).into()),
            (uri, Some(id)) => Ok(contents(uri, format!("item {id}")).into()),
            (uri, None) => Err(ErrorData::resource_not_found(
                "resource not found",
                Some(json!({ "uri": uri })),
            )),
        }
    }

    async fn subscribe(&self, request: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.subscribed.lock().unwrap().insert(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscribed.lock().unwrap().remove(&request.uri);
        Ok(())
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(of(
            json!([{ "name": "greet", "arguments": [{ "name": "name", "required": true }] }]),
        )))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<PromptAnswer, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let name = arguments.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        let greeting = json!({ "type": "text", "text": format!("Say hello to {name}.") });
        let result: GetPromptResult = of_result(json!({ "messages": [{ "role": "user", "content": greeting }] }));
        Ok(result.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let names = ["alice", "albert", "bob"].into_iter();
        let values: Vec<&str> = names.filter(|name| name.starts_with(&request.argument.value)).collect();
        Ok(of_result(
            json!({ "completion": { "total": values.len(), "values": values } }),
        ))
    }

    release::listening!();
}
