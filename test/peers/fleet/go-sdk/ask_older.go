//go:build older

package main

import "github.com/modelcontextprotocol/go-sdk/mcp"

// addAsk adds nothing: this release has no result that asks.
func addAsk(*mcp.Server) {}
