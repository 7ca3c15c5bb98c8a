//! The feature server of the fleet on rmcp: stdio, or Streamable HTTP with `--http PORT`.
//! One source for all releases: what they do differently is in `newer.rs` and `older.rs`.

// Log lines, roots and sampling are what older agents use, and what the current release calls deprecated.
#![allow(deprecated)]

mod fleet;
#[cfg_attr(not(feature = "older"), path = "newer.rs")]
#[cfg_attr(feature = "older", path = "older.rs")]
mod release;
mod tools;

use fleet::Fleet;
use rmcp::transport::streamable_http_server::{session::local::LocalSessionManager, StreamableHttpService};
use rmcp::{transport::stdio, ServiceExt};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, port] if flag == "--http" => serve_http(port.parse()?).await,
        _ => {
            Fleet::default().serve(stdio()).await?.waiting().await?;
            Ok(())
        }
    }
}

async fn serve_http(port: u16) -> Outcome {
    let shared = fleet::Shared::default();
    let service = StreamableHttpService::new(
        move || Ok(Fleet::sharing(shared.clone())),
        std::sync::Arc::new(LocalSessionManager::default()),
        Default::default(),
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}
