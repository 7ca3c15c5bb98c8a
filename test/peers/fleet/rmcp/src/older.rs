//! What older releases do their own way: every request belongs to a session, and no result asks.

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{CallToolResult, GetPromptResult, ReadResourceResult};
use rmcp::service::RequestContext;
use rmcp::RoleServer;
use serde_json::{json, Value};

use crate::fleet::Fleet;

pub type ToolAnswer = CallToolResult;
pub type PromptAnswer = GetPromptResult;
pub type ReadAnswer = ReadResourceResult;

/// Nobody listens outside a session.
#[derive(Default)]
pub struct Listeners;

impl Listeners {
    pub fn grown(&self) -> bool {
        false
    }

    pub async fn grow(&self) {}

    pub async fn touch(&self, _uri: &str) {}
}

macro_rules! listening {
    () => {};
}
pub(crate) use listening;

pub fn has_session(_: &RequestContext<RoleServer>) -> bool {
    true
}

pub fn client(context: &RequestContext<RoleServer>) -> Value {
    match context.peer.peer_info() {
        Some(opened) => json!({ "name": opened.client_info.name, "capabilities": opened.capabilities }),
        None => json!({}),
    }
}

impl Fleet {
    pub fn ask_router() -> ToolRouter<Self> {
        ToolRouter::new()
    }
}
