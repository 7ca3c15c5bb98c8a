//go:build !older

package main

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// addAsk adds the tool that asks by its result.
func addAsk(server *mcp.Server) {
	tool(server, "ask", func(_ context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		if answer, ok := request.Params.InputResponses["name"].(*mcp.ElicitResult); ok {
			return greeting(answer), nil
		}
		return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"name": nameForm()}, RequestState: "asked"}, nil
	})
}
