//! What the current release does its own way: results that ask, and subscriptions without sessions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use rmcp::handler::server::tool::InputResponses;
use rmcp::model::{
    CallToolResponse, CallToolResult, GetPromptResponse, InputRequiredResult, ProtocolVersion, ReadResourceResponse,
};
use rmcp::service::{RequestContext, SubscriptionSink};
use rmcp::{tool, tool_router, RoleServer};
use serde_json::{json, Value};

use crate::fleet::{of, of_result, Fleet};
use crate::tools::{greeting, name_form};

pub type ToolAnswer = CallToolResponse;
pub type PromptAnswer = GetPromptResponse;
pub type ReadAnswer = ReadResourceResponse;

/// The streams of all clients that listen, and what is the same for all of them.
#[derive(Default)]
pub struct Listeners {
    sinks: Mutex<Vec<SubscriptionSink>>,
    grown: AtomicBool,
}

impl Listeners {
    pub fn add(&self, sink: SubscriptionSink) {
        self.sinks.lock().unwrap().push(sink);
    }

    pub fn remove(&self, sink: &SubscriptionSink) {
        self.sinks.lock().unwrap().retain(|other| other.id() != sink.id());
    }

    fn all(&self) -> Vec<SubscriptionSink> {
        self.sinks.lock().unwrap().clone()
    }

    pub fn grown(&self) -> bool {
        self.grown.load(Ordering::SeqCst)
    }

    /// Whoever did not ask for a kind of notification refuses it, and that is no failure.
    pub async fn grow(&self) {
        self.grown.store(true, Ordering::SeqCst);
        for sink in self.all() {
            sink.notify_tool_list_changed().await.ok();
        }
    }

    pub async fn touch(&self, uri: &str) {
        for sink in self.all() {
            sink.notify_resource_updated(uri).await.ok();
        }
    }
}

macro_rules! listening {
    () => {
        fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
            Some(requested.supported_by(&self.get_info().capabilities))
        }

        async fn listen(&self, context: rmcp::service::SubscriptionContext) -> Result<(), ErrorData> {
            self.shared.add(context.sink().clone());
            context.cancelled().await;
            self.shared.remove(context.sink());
            Ok(())
        }
    };
}
pub(crate) use listening;

pub fn has_session(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|version| version < ProtocolVersion::V_2026_07_28)
}

pub fn client(context: &RequestContext<RoleServer>) -> Value {
    json!({ "name": context.client_info().map(|client| client.name), "capabilities": context.client_capabilities() })
}

#[tool_router(router = ask_router, vis = "pub")]
impl Fleet {
    #[tool(description = "ask")]
    async fn ask(&self, InputResponses(answers): InputResponses) -> CallToolResponse {
        match answers.as_ref().and_then(|answers| answers.get("name")) {
            Some(answer) => {
                of_result::<CallToolResult>(json!({ "content": [{ "type": "text", "text": greeting(answer) }] })).into()
            }
            None => {
                let question = json!({ "name": { "method": "elicitation/create", "params": name_form() } });
                InputRequiredResult::new(Some(of(question)), Some("asked".into())).into()
            }
        }
    }
}
