//go:build older

package main

import "github.com/mark3labs/mcp-go/server"

// newerOptions: this release keeps no subscriptions and completes nothing.
func newerOptions() []server.ServerOption {
	return []server.ServerOption{server.WithResourceCapabilities(false, true)}
}

// addAsk adds nothing: this release has no result that asks.
func addAsk(*server.MCPServer) {}
