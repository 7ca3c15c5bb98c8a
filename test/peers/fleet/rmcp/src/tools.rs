//! The tools, and the questions that some of them push in the middle of a call.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::service::RequestContext;
use rmcp::{schemars, tool, tool_router, Json, RoleServer};
use serde_json::{json, Value};

use crate::fleet::{of, Fleet, STATIC_URI};
use crate::release;

/// Parts notifications from the answer: the TypeScript SDK v1 forgets the listener of a call before it hands on
/// what it read together with the answer, and mcp-go drops over HTTP what is not yet written when the answer is.
const PACE: Duration = Duration::from_millis(50);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Sum {
    a: i64,
    b: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Wait {
    seconds: f64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Total {
    sum: i64,
}

/// Asks for a name; `elicit` pushes it in the middle of a call, `ask` returns it as a result.
pub fn name_form() -> Value {
    json!({
        "mode": "form",
        "message": "Who are you?",
        "requestedSchema": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] },
    })
}

pub fn greeting(answer: &Value) -> String {
    match (answer["action"].as_str(), answer["content"]["name"].as_str()) {
        (Some("accept"), Some(name)) => format!("hello {name}"),
        (action, _) => action.unwrap_or("no action").to_string(),
    }
}

fn seen(answer: impl serde::Serialize) -> Value {
    serde_json::to_value(answer).expect("what the client said is JSON")
}

#[tool_router(vis = "pub")]
impl Fleet {
    #[tool(description = "add")]
    async fn add(&self, Parameters(Sum { a, b }): Parameters<Sum>) -> String {
        (a + b).to_string()
    }

    #[tool(description = "progress")]
    async fn progress(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        if let Some(token) = context.meta.get_progress_token() {
            for step in 1..=3 {
                let notice =
                    json!({ "progressToken": token, "progress": step, "total": 3, "message": format!("step {step}") });
                context
                    .peer
                    .notify_progress(of(notice))
                    .await
                    .map_err(|error| error.to_string())?;
                tokio::time::sleep(PACE).await;
            }
        }
        Ok("done".into())
    }

    #[tool(description = "log")]
    async fn log(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        for line in 1..=4 {
            let notice = json!({ "level": "info", "logger": "fleet", "data": format!("line {line}") });
            context
                .peer
                .notify_logging_message(of(notice))
                .await
                .map_err(|error| error.to_string())?;
            tokio::time::sleep(PACE).await;
        }
        Ok("logged".into())
    }

    #[tool(description = "elicit")]
    async fn elicit(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        let answer = context
            .peer
            .create_elicitation(of(name_form()))
            .await
            .map_err(|error| error.to_string())?;
        Ok(greeting(&seen(answer)))
    }

    #[tool(description = "sample")]
    async fn sample(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        let prompt = json!({ "role": "user", "content": { "type": "text", "text": "say something" } });
        let asked = json!({ "messages": [prompt], "maxTokens": 16 });
        let answer = seen(
            context
                .peer
                .create_message(of(asked))
                .await
                .map_err(|error| error.to_string())?,
        );
        let content = &answer["content"];
        let said = content["text"].as_str().or_else(|| content[0]["text"].as_str());
        said.map(str::to_string)
            .ok_or_else(|| format!("the sample is not text: {content}"))
    }

    #[tool(description = "roots")]
    async fn roots(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        let answer = context.peer.list_roots().await.map_err(|error| error.to_string())?;
        let uris: Vec<&str> = answer.roots.iter().map(|root| root.uri.as_str()).collect();
        Ok(uris.join(" "))
    }

    #[tool(description = "grow")]
    async fn grow(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        if release::has_session(&context) {
            self.grown.store(true, Ordering::SeqCst);
            context
                .peer
                .notify_tool_list_changed()
                .await
                .map_err(|error| error.to_string())?;
        } else {
            self.shared.grow().await;
        }
        Ok("grew".into())
    }

    #[tool(description = "grown")]
    async fn grown(&self) -> String {
        "grown".into()
    }

    #[tool(description = "slow")]
    async fn slow(&self, Parameters(Wait { seconds }): Parameters<Wait>) -> String {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        "awake".into()
    }

    #[tool(description = "fail")]
    async fn fail(&self) -> Result<String, String> {
        Err("failed on purpose".into())
    }

    #[tool(description = "structured")]
    async fn structured(&self) -> Json<Total> {
        Json(Total { sum: 3 })
    }

    #[tool(description = "whoami")]
    async fn whoami(&self, context: RequestContext<RoleServer>) -> String {
        release::client(&context).to_string()
    }

    #[tool(description = "touch")]
    async fn touch(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        let subscribed = self.subscribed.lock().unwrap().contains(STATIC_URI);
        if subscribed {
            let notice = of(json!({ "uri": STATIC_URI }));
            context
                .peer
                .notify_resource_updated(notice)
                .await
                .map_err(|error| error.to_string())?;
        }
        self.shared.touch(STATIC_URI).await;
        Ok("touched".into())
    }
}
