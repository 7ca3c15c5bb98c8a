//go:build !older

package main

import (
	"context"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// newerOptions are those that the older release lacks: subscriptions that are kept, and completion.
func newerOptions() []server.ServerOption {
	return []server.ServerOption{
		server.WithResourceCapabilities(true, true),
		server.WithCompletions(),
		server.WithPromptCompletionProvider(names{}),
	}
}

type names struct{}

func (names) CompletePromptArgument(_ context.Context, _ string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	values := []string{}
	for _, name := range []string{"alice", "albert", "bob"} {
		if strings.HasPrefix(name, argument.Value) {
			values = append(values, name)
		}
	}
	return &mcp.Completion{Values: values, Total: len(values)}, nil
}

// addAsk adds the tool that asks by its result.
func addAsk(fleet *server.MCPServer) {
	fleet.AddTool(mcp.NewTool("ask"), func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if given := server.ElicitationResponse(request.Params.InputResponses, "name"); given != nil {
			return greeting(given), nil
		}
		return server.NewInputRequestBuilder("asked").Elicit("name", nameForm()).ToolResult(), nil
	})
}
