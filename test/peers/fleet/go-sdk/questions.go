package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// nameForm asks for a name; `elicit` pushes it in the middle of a call, `ask` returns it as a result.
func nameForm() *mcp.ElicitParams {
	return &mcp.ElicitParams{
		Message: "Who are you?",
		RequestedSchema: map[string]any{
			"type":       "object",
			"properties": map[string]any{"name": map[string]any{"type": "string"}},
			"required":   []string{"name"},
		},
	}
}

func greeting(answer *mcp.ElicitResult) *mcp.CallToolResult {
	if answer.Action == "accept" {
		return text("hello %v", answer.Content["name"])
	}
	return text("%s", answer.Action)
}

func addQuestions(server *mcp.Server) {
	tool(server, "elicit", func(ctx context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		answer, err := request.Session.Elicit(ctx, nameForm())
		if err != nil {
			return nil, err
		}
		return greeting(answer), nil
	})
	tool(server, "sample", func(ctx context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		prompt := &mcp.SamplingMessage{Role: "user", Content: &mcp.TextContent{Text: "say something"}}
		answer, err := request.Session.CreateMessage(ctx, &mcp.CreateMessageParams{Messages: []*mcp.SamplingMessage{prompt}, MaxTokens: 16})
		if err != nil {
			return nil, err
		}
		if said, ok := answer.Content.(*mcp.TextContent); ok {
			return text("%s", said.Text), nil
		}
		return nil, fmt.Errorf("the sample is %T, not text", answer.Content)
	})
	tool(server, "roots", func(ctx context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		answer, err := request.Session.ListRoots(ctx, nil)
		if err != nil {
			return nil, err
		}
		uris := []string{}
		for _, root := range answer.Roots {
			uris = append(uris, root.URI)
		}
		return text("%s", strings.Join(uris, " ")), nil
	})
	tool(server, "whoami", func(_ context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		client := map[string]any{}
		if opened := request.Session.InitializeParams(); opened != nil {
			if opened.ClientInfo != nil {
				client["name"] = opened.ClientInfo.Name
			}
			client["capabilities"] = opened.Capabilities
		}
		seen, err := json.Marshal(client)
		return text("%s", seen), err
	})
	addAsk(server)
}
