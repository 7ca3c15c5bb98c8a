// The feature server of the fleet on mcp-go: stdio, or Streamable HTTP with `--http PORT`.
// `-modfile=../mcp-go-older/go.mod -tags older` builds it on the older release.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const staticURI = "fleet://static"

// pace parts notifications from the answer: the TypeScript SDK v1 forgets the listener of a call before it hands on
// what it read together with the answer, and mcp-go drops over HTTP what is not yet written when the answer is.
const pace = 50 * time.Millisecond

func main() {
	port := flag.Int("http", 0, "port of Streamable HTTP on 127.0.0.1; without it stdio")
	stateful := flag.Bool("stateful", false, "HTTP with sessions that the server remembers")
	flag.Parse()
	fleet := newServer()
	if *port == 0 {
		if err := server.ServeStdio(fleet); err != nil {
			log.Fatal(err)
		}
		return
	}
	http := server.NewStreamableHTTPServer(fleet, server.WithStateful(*stateful))
	log.Fatal(http.Start(fmt.Sprintf("127.0.0.1:%d", *port)))
}

func newServer() *server.MCPServer {
	options := []server.ServerOption{
		server.WithToolCapabilities(true),
		server.WithPromptCapabilities(true),
		server.WithLogging(),
		server.WithElicitation(),
		server.WithRoots(),
		server.WithRecovery(),
	}
	fleet := server.NewMCPServer("fleet-mcp-go", "1.0.0", append(options, newerOptions()...)...)
	fleet.EnableSampling()
	addTools(fleet)
	addQuestions(fleet)
	addAsk(fleet)
	addResources(fleet)
	return fleet
}

type handler = func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error)

func text(format string, values ...any) *mcp.CallToolResult {
	return mcp.NewToolResultText(fmt.Sprintf(format, values...))
}

// answer is a handler that always says the same.
func answer(said string) handler {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) { return text("%s", said), nil }
}

type sum struct {
	Sum int `json:"sum"`
}

func addTools(fleet *server.MCPServer) {
	fleet.AddTool(mcp.NewTool("add", mcp.WithNumber("a", mcp.Required()), mcp.WithNumber("b", mcp.Required())), func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return text("%d", request.GetInt("a", 0)+request.GetInt("b", 0)), nil
	})
	fleet.AddTool(mcp.NewTool("progress"), func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if meta := request.Params.Meta; meta != nil && meta.ProgressToken != nil {
			for step := 1; step <= 3; step++ {
				notice := map[string]any{"progressToken": meta.ProgressToken, "progress": step, "total": 3, "message": fmt.Sprintf("step %d", step)}
				if err := fleet.SendNotificationToClient(ctx, "notifications/progress", notice); err != nil {
					return nil, err
				}
				time.Sleep(pace)
			}
		}
		return text("done"), nil
	})
	fleet.AddTool(mcp.NewTool("log"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for line := 1; line <= 4; line++ {
			notice := mcp.NewLoggingMessageNotification(mcp.LoggingLevelInfo, "fleet", fmt.Sprintf("line %d", line))
			if err := fleet.SendLogMessageToClient(ctx, notice); err != nil {
				return nil, err
			}
			time.Sleep(pace)
		}
		return text("logged"), nil
	})
	fleet.AddTool(mcp.NewTool("grow"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		session := server.ClientSessionFromContext(ctx)
		if err := fleet.AddSessionTool(session.SessionID(), mcp.NewTool("grown"), answer("grown")); err != nil {
			// Over stdio a session has no tools of its own, and needs none: the server is its alone.
			fleet.AddTool(mcp.NewTool("grown"), answer("grown"))
		}
		return text("grew"), nil
	})
	fleet.AddTool(mcp.NewTool("slow", mcp.WithNumber("seconds", mcp.Required())), func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		select {
		case <-time.After(time.Duration(request.GetFloat("seconds", 0) * float64(time.Second))):
			return text("awake"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	fleet.AddTool(mcp.NewTool("fail"), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("failed on purpose"), nil
	})
	fleet.AddTool(mcp.NewTool("structured", mcp.WithOutputSchema[sum]()), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultStructuredOnly(sum{Sum: 3}), nil
	})
	fleet.AddTool(mcp.NewTool("touch"), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		// The sessions of this SDK take subscriptions and keep none, so everybody hears of every change.
		fleet.SendNotificationToAllClients("notifications/resources/updated", map[string]any{"uri": staticURI})
		return text("touched"), nil
	})
}

func addResources(fleet *server.MCPServer) {
	fleet.AddResource(mcp.NewResource(staticURI, "static", mcp.WithMIMEType("text/plain")), func(_ context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return contents(request.Params.URI, "static text"), nil
	})
	fleet.AddResourceTemplate(mcp.NewResourceTemplate("fleet://item/{id}", "item", mcp.WithTemplateMIMEType("text/plain")), func(_ context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return contents(request.Params.URI, "item "+strings.TrimPrefix(request.Params.URI, "fleet://item/")), nil
	})
	greet := mcp.NewPrompt("greet", mcp.WithArgument("name", mcp.RequiredArgument()))
	fleet.AddPrompt(greet, func(_ context.Context, request mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		greeting := mcp.NewTextContent(fmt.Sprintf("Say hello to %s.", request.Params.Arguments["name"]))
		return mcp.NewGetPromptResult("", []mcp.PromptMessage{mcp.NewPromptMessage(mcp.RoleUser, greeting)}), nil
	})
}

func contents(uri, body string) []mcp.ResourceContents {
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, MIMEType: "text/plain", Text: body}}
}
