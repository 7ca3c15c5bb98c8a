// The feature server of the fleet on the official Go SDK: stdio, or Streamable HTTP with `--http PORT`.
// `-modfile=../go-sdk-older/go.mod -tags older` builds it on the older release.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const staticURI = "fleet://static"

// pace parts notifications from the answer: the TypeScript SDK v1 forgets the listener of a call before it hands on
// what it read together with the answer, and mcp-go drops over HTTP what is not yet written when the answer is.
const pace = 50 * time.Millisecond

type none struct{}

func main() {
	port := flag.Int("http", 0, "port of Streamable HTTP on 127.0.0.1; without it stdio")
	stateless := flag.Bool("stateless", false, "HTTP without sessions")
	flag.Parse()
	server := newServer()
	if *port == 0 {
		if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
			log.Fatal(err)
		}
		return
	}
	serverOf := func(*http.Request) *mcp.Server { return server }
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.NewStreamableHTTPHandler(serverOf, &mcp.StreamableHTTPOptions{Stateless: *stateless}))
	log.Fatal(http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", *port), mux))
}

func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "fleet-go-sdk", Version: "1.0.0"}, &mcp.ServerOptions{
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler:  complete,
	})
	addTools(server)
	addQuestions(server)
	addResources(server)
	return server
}

func text(format string, values ...any) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprintf(format, values...)}}}
}

// tool registers a tool whose answer is text.
func tool[Input any](server *mcp.Server, name string, run func(context.Context, *mcp.CallToolRequest, Input) (*mcp.CallToolResult, error)) {
	mcp.AddTool(server, &mcp.Tool{Name: name, Description: name}, func(ctx context.Context, request *mcp.CallToolRequest, input Input) (*mcp.CallToolResult, any, error) {
		result, err := run(ctx, request, input)
		return result, nil, err
	})
}

type sumInput struct {
	A int `json:"a"`
	B int `json:"b"`
}

type slowInput struct {
	Seconds float64 `json:"seconds"`
}

type sumOutput struct {
	Sum int `json:"sum"`
}

func addTools(server *mcp.Server) {
	tool(server, "add", func(_ context.Context, _ *mcp.CallToolRequest, input sumInput) (*mcp.CallToolResult, error) {
		return text("%d", input.A+input.B), nil
	})
	tool(server, "progress", func(ctx context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		if token := request.Params.GetProgressToken(); token != nil {
			for step := 1; step <= 3; step++ {
				notice := &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(step), Total: 3, Message: fmt.Sprintf("step %d", step)}
				if err := request.Session.NotifyProgress(ctx, notice); err != nil {
					return nil, err
				}
				time.Sleep(pace)
			}
		}
		return text("done"), nil
	})
	tool(server, "log", func(ctx context.Context, request *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		for line := 1; line <= 4; line++ {
			notice := &mcp.LoggingMessageParams{Level: "info", Logger: "fleet", Data: fmt.Sprintf("line %d", line)}
			if err := request.Session.Log(ctx, notice); err != nil {
				return nil, err
			}
			time.Sleep(pace)
		}
		return text("logged"), nil
	})
	tool(server, "grow", func(context.Context, *mcp.CallToolRequest, none) (*mcp.CallToolResult, error) {
		tool(server, "grown", func(context.Context, *mcp.CallToolRequest, none) (*mcp.CallToolResult, error) {
			return text("grown"), nil
		})
		return text("grew"), nil
	})
	tool(server, "slow", func(ctx context.Context, _ *mcp.CallToolRequest, input slowInput) (*mcp.CallToolResult, error) {
		select {
		case <-time.After(time.Duration(input.Seconds * float64(time.Second))):
			return text("awake"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	tool(server, "fail", func(context.Context, *mcp.CallToolRequest, none) (*mcp.CallToolResult, error) {
		return nil, errors.New("failed on purpose")
	})
	mcp.AddTool(server, &mcp.Tool{Name: "structured", Description: "structured"}, func(_ context.Context, _ *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, sumOutput, error) {
		return nil, sumOutput{Sum: 3}, nil
	})
	tool(server, "touch", func(ctx context.Context, _ *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, error) {
		return text("touched"), server.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: staticURI})
	})
}

func addResources(server *mcp.Server) {
	server.AddResource(&mcp.Resource{Name: "static", URI: staticURI, MIMEType: "text/plain"}, func(_ context.Context, request *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return contents(request.Params.URI, "static text"), nil
	})
	server.AddResourceTemplate(&mcp.ResourceTemplate{Name: "item", URITemplate: "fleet://item/{id}", MIMEType: "text/plain"}, func(_ context.Context, request *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return contents(request.Params.URI, "item "+strings.TrimPrefix(request.Params.URI, "fleet://item/")), nil
	})
	greet := &mcp.Prompt{Name: "greet", Arguments: []*mcp.PromptArgument{{Name: "name", Required: true}}}
	server.AddPrompt(greet, func(_ context.Context, request *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		greeting := &mcp.TextContent{Text: fmt.Sprintf("Say hello to %s.", request.Params.Arguments["name"])}
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{{Role: "user", Content: greeting}}}, nil
	})
}

func contents(uri, body string) *mcp.ReadResourceResult {
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: uri, MIMEType: "text/plain", Text: body}}}
}

func complete(_ context.Context, request *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
	values := []string{}
	for _, name := range []string{"alice", "albert", "bob"} {
		if strings.HasPrefix(name, request.Params.Argument.Value) {
			values = append(values, name)
		}
	}
	return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: values, Total: len(values)}}, nil
}
