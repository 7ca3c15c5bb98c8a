package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// nameForm asks for a name; `elicit` pushes it in the middle of a call, `ask` returns it as a result.
func nameForm() mcp.ElicitationParams {
	return mcp.ElicitationParams{
		Message: "Who are you?",
		RequestedSchema: map[string]any{
			"type":       "object",
			"properties": map[string]any{"name": map[string]any{"type": "string"}},
			"required":   []string{"name"},
		},
	}
}

func greeting(given *mcp.ElicitationResult) *mcp.CallToolResult {
	if form, ok := given.Content.(map[string]any); ok && given.Action == mcp.ElicitationResponseActionAccept {
		return text("hello %v", form["name"])
	}
	return text("%s", given.Action)
}

func addQuestions(fleet *server.MCPServer) {
	fleet.AddTool(mcp.NewTool("elicit"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		given, err := fleet.RequestElicitation(ctx, mcp.ElicitationRequest{Params: nameForm()})
		if err != nil {
			return nil, err
		}
		return greeting(given), nil
	})
	fleet.AddTool(mcp.NewTool("sample"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		prompt := mcp.SamplingMessage{Role: mcp.RoleUser, Content: mcp.NewTextContent("say something")}
		asked := mcp.CreateMessageRequest{CreateMessageParams: mcp.CreateMessageParams{Messages: []mcp.SamplingMessage{prompt}, MaxTokens: 16}}
		given, err := fleet.RequestSampling(ctx, asked)
		if err != nil {
			return nil, err
		}
		switch said := given.Content.(type) {
		case mcp.TextContent:
			return text("%s", said.Text), nil
		case map[string]any:
			return text("%v", said["text"]), nil
		default:
			return nil, fmt.Errorf("the sample is %T, not text", said)
		}
	})
	fleet.AddTool(mcp.NewTool("roots"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		given, err := fleet.RequestRoots(ctx, mcp.ListRootsRequest{})
		if err != nil {
			return nil, err
		}
		uris := []string{}
		for _, root := range given.Roots {
			uris = append(uris, root.URI)
		}
		return text("%s", strings.Join(uris, " ")), nil
	})
	fleet.AddTool(mcp.NewTool("whoami"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		client := map[string]any{}
		if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
			client["name"] = session.GetClientInfo().Name
			client["capabilities"] = session.GetClientCapabilities()
		}
		seen, err := json.Marshal(client)
		return text("%s", seen), err
	})
}
