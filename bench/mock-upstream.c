/*
 * A bare MCP server for measuring what stands in front of it: HTTP/1.1 keep-alive, one thread, epoll; or lines on
 * stdin and stdout. `arguments.size` of a tools/call is the size of the JSON-RPC answer in bytes (with an id of one
 * digit). Usage: mock-upstream PORT, or mock-upstream stdio. What it speaks depends on the path:
 *
 *   /mcp               revision 2026-07-28; one tool, echo
 *   /sse               the same; a tools/call is answered with a stream of one event, chunked
 *   /legacy            revisions with a handshake; every request after it must name its session
 *   /tools/COUNT/KEY   as /mcp, with COUNT tools: pKEY_tool_00000 … and echo as the last
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 2 * 1024 * 1024, RESULT_MAX = 4 * 1024 * 1024, ID_MAX = 128, TOOLS_MAX = 10000 };
struct flavour { int legacy, stream; long tools, key; };

struct connection {
  int fd;
  size_t held; /* bytes of requests not yet answered */
  size_t out, sent;
  char *answer;
  char in[REQUEST_MAX];
};

#define META "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"mock\",\"version\":\"1.0.0\"}}"
#define HINTS "\"resultType\":\"complete\",\"ttlMs\":3600000,\"cacheScope\":\"public\"," META
static const char DISCOVER[] =
    "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}," HINTS "}";
static const char INITIALIZED[] =
    "{\"protocolVersion\":\"%.10s\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"mock\",\"version\":\"1.0.0\"}}";
static const char TOOL[] =
    "%s{\"name\":\"%s\",\"description\":\"Answers as many bytes as asked for (%ld)\",\"inputSchema\":"
    "{\"type\":\"object\",\"properties\":{\"size\":{\"type\":\"integer\"},\"text\":{\"type\":\"string\"}}}}";
static const char *const RESULT_HEAD[] = {"{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"",
                                          "{\"content\":[{\"type\":\"text\",\"text\":\""};
static const char *const RESULT_TAIL[] = {"\"}]," META "}", "\"}]}"};
static const char ENVELOPE_HEAD[] = "{\"jsonrpc\":\"2.0\",\"id\":";
static const char ENVELOPE_KEY[] = ",\"result\":";
static const char EVENT[] = "event: message\ndata: ";
static const char UNKNOWN[] = ",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}";

static char filler[RESULT_MAX];

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* Where the value of `"key":` begins, or NULL. */
static const char *value_of(const char *key, const char *body, size_t length) {
  const char *at = memmem(body, length, key, strlen(key));
  if (!at) return NULL;
  at += strlen(key);
  while (at < body + length && *at == ' ') at++;
  return at;
}

static char *put(char *to, const char *text, size_t length) {
  memcpy(to, text, length);
  return to + length;
}

static char *put_call(char *to, const struct flavour *as, const char *body, size_t length) {
  const char *asked = value_of("\"size\":", body, length);
  long size = asked ? strtol(asked, NULL, 10) : 300;
  size_t head = strlen(RESULT_HEAD[as->legacy]), tail = strlen(RESULT_TAIL[as->legacy]);
  long fixed = (long)(strlen(ENVELOPE_HEAD) + 1 + strlen(ENVELOPE_KEY) + head + tail + 1);
  long fill = size > fixed ? size - fixed : 0;
  if (fill > RESULT_MAX - 4096) fill = RESULT_MAX - 4096;
  to = put(to, RESULT_HEAD[as->legacy], head);
  to = put(to, filler, (size_t)fill);
  return put(to, RESULT_TAIL[as->legacy], tail);
}

static char *put_tools(char *to, const struct flavour *as) {
  to = put(to, "{\"tools\":[", 10);
  for (long at = 0; at < as->tools; at++) {
    char name[64] = "echo";
    if (at < as->tools - 1) snprintf(name, sizeof name, "p%ld_tool_%05ld", as->key, at);
    to += sprintf(to, TOOL, at ? "," : "", name, as->key);
  }
  return as->legacy ? put(to, "]}", 2) : put(to, "]," HINTS "}", strlen(HINTS) + 3);
}

/* The result of a method, or NULL when this server does not know it. */
static char *put_result(char *to, const struct flavour *as, const char *body, size_t length) {
  const char *method = value_of("\"method\":", body, length);
  size_t left = method ? (size_t)(body + length - method) : 0;
  if (left > 12 && !memcmp(method, "\"tools/call\"", 12)) return put_call(to, as, body, length);
  if (left > 12 && !memcmp(method, "\"tools/list\"", 12)) return put_tools(to, as);
  if (as->legacy && left > 12 && !memcmp(method, "\"initialize\"", 12)) {
    const char *version = value_of("\"protocolVersion\":\"", body, length);
    return to + sprintf(to, INITIALIZED, version ? version : "2025-11-25");
  }
  if (as->legacy && left > 6 && !memcmp(method, "\"ping\"", 6)) return put(to, "{}", 2);
  if (!as->legacy && left > 17 && !memcmp(method, "\"server/discover\"", 17))
    return put(to, DISCOVER, strlen(DISCOVER));
  return NULL;
}

/* Writes the JSON-RPC answer; returns its end. `status` is the HTTP status that goes with it. */
static char *put_answer(char *to, const struct flavour *as, const char *body, size_t length, const char **status) {
  const char *id = value_of("\"id\":", body, length);
  size_t id_length = 0;
  if (id && *id == '"') {
    const char *quote = memchr(id + 1, '"', (size_t)(body + length - id - 1));
    id_length = quote ? (size_t)(quote - id) + 1 : 0;
  } else if (id) {
    id_length = strspn(id, "-0123456789");
  }
  *status = id_length ? "200 OK" : "202 Accepted";
  if (!id_length || id_length > ID_MAX) return to;
  to = put(to, ENVELOPE_HEAD, strlen(ENVELOPE_HEAD));
  to = put(to, id, id_length);
  char *result = put_result(put(to, ENVELOPE_KEY, strlen(ENVELOPE_KEY)), as, body, length);
  if (!result) {
    if (!as->legacy) *status = "404 Not Found";
    return put(to, UNKNOWN, strlen(UNKNOWN));
  }
  *result = '}';
  return result + 1;
}

/* What is spoken at the path of a request line. */
static struct flavour flavour_of(const char *path) {
  struct flavour as = {.tools = 1};
  as.legacy = !strncmp(path, "/legacy", 7);
  as.stream = !strncmp(path, "/sse", 4);
  if (!strncmp(path, "/tools/", 7)) {
    char *rest;
    as.tools = strtol(path + 7, &rest, 10);
    as.key = *rest == '/' ? strtol(rest + 1, NULL, 10) : 0;
    if (as.tools < 1 || as.tools > TOOLS_MAX) as.tools = 1;
  }
  return as;
}

static char text[RESULT_MAX];

/* `head` ends with a NUL. */
static void respond(struct connection *peer, const char *head, const char *body, size_t length) {
  static long sessions;
  const char *status = "405 Method Not Allowed";
  char more[64] = "";
  size_t size = 0;
  struct flavour as = {0};
  if (!strncmp(head, "POST ", 5)) {
    as = flavour_of(head + 5);
    int opens = as.legacy && memmem(body, length < 400 ? length : 400, "\"initialize\"", 12) != NULL;
    if (opens) snprintf(more, sizeof more, "Mcp-Session-Id: mock-%08ld\r\n", ++sessions);
    if (as.legacy && !opens && !strcasestr(head, "\r\nmcp-session-id:")) status = "400 Bad Request";
    else size = (size_t)(put_answer(text, &as, body, length, &status) - text);
  } else if (!strncmp(head, "DELETE ", 7)) {
    status = "200 OK";
  }
  peer->answer = realloc(peer->answer, peer->out + size + 512);
  if (!peer->answer) die("realloc");
  char *to = peer->answer + peer->out;
  if (as.stream && size && memmem(body, length < 400 ? length : 400, "\"tools/call\"", 12)) {
    to += sprintf(to, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s",
                  size + strlen(EVENT) + 2, EVENT);
    to = put(put(to, text, size), "\n\n\r\n0\r\n\r\n", 9);
  } else {
    to += sprintf(to, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n", status, more, size);
    to = put(to, text, size);
  }
  peer->out = (size_t)(to - peer->answer);
}

/* Answers every whole request that was read. Returns 0 when the peer sent what this server does not understand. */
static int consume(struct connection *peer) {
  size_t at = 0;
  for (;;) {
    char *head = peer->in + at;
    char *blank = memmem(head, peer->held - at, "\r\n\r\n", 4);
    if (!blank) break;
    *blank = 0;
    char *header = strcasestr(head, "\r\ncontent-length:");
    long length = header ? strtol(header + 17, NULL, 10) : 0;
    if ((!header && strcasestr(head, "\r\ntransfer-encoding:")) || length < 0 || length > REQUEST_MAX - 8192) return 0;
    char *body = blank + 4;
    int whole = body + length <= peer->in + peer->held;
    if (whole) respond(peer, head, body, (size_t)length);
    *blank = '\r';
    if (!whole) break;
    at = (size_t)(body + length - peer->in);
  }
  memmove(peer->in, peer->in + at, peer->held - at);
  peer->held -= at;
  return peer->held < REQUEST_MAX;
}

/* Returns 0 when the connection is over. */
static int flush_answers(int poll, struct connection *peer) {
  while (peer->sent < peer->out) {
    ssize_t wrote = send(peer->fd, peer->answer + peer->sent, peer->out - peer->sent, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EAGAIN) break;
    if (wrote < 0) return 0;
    peer->sent += (size_t)wrote;
  }
  int pending = peer->sent < peer->out;
  if (!pending) peer->out = peer->sent = 0;
  struct epoll_event want = {.events = EPOLLIN | (pending ? EPOLLOUT : 0), .data.ptr = peer};
  return !pending || epoll_ctl(poll, EPOLL_CTL_MOD, peer->fd, &want) == 0;
}

static int serve(int poll, struct connection *peer, unsigned events) {
  if (events & EPOLLOUT) {
    if (!flush_answers(poll, peer)) return 0;
    struct epoll_event want = {.events = EPOLLIN | (peer->out ? EPOLLOUT : 0), .data.ptr = peer};
    epoll_ctl(poll, EPOLL_CTL_MOD, peer->fd, &want);
  }
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return 1;
  ssize_t got = recv(peer->fd, peer->in + peer->held, REQUEST_MAX - peer->held, 0);
  if (got < 0 && errno == EAGAIN) return 1;
  if (got <= 0) return 0;
  peer->held += (size_t)got;
  return consume(peer) && flush_answers(poll, peer);
}

static void welcome(int poll, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct connection *peer = calloc(1, sizeof *peer);
  if (!peer) die("calloc");
  peer->fd = fd;
  struct epoll_event want = {.events = EPOLLIN, .data.ptr = peer};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &want);
}

/* One message a line. What was read at once is answered at once. */
static int speak_lines(void) {
  static char in[REQUEST_MAX], out[RESULT_MAX];
  struct flavour as = {.tools = 1};
  size_t held = 0;
  for (;;) {
    ssize_t got = read(0, in + held, sizeof in - held);
    if (got <= 0) return got < 0;
    held += (size_t)got;
    char *line = in, *end, *to = out;
    while ((end = memchr(line, '\n', (size_t)(in + held - line)))) {
      const char *status;
      size_t size = (size_t)(put_answer(text, &as, line, (size_t)(end - line), &status) - text);
      if (size && to + size + 1 > out + sizeof out) {
        if (write(1, out, (size_t)(to - out)) < 0) return 1;
        to = out;
      }
      if (size) to = put(put(to, text, size), "\n", 1);
      line = end + 1;
    }
    held -= (size_t)(line - in);
    memmove(in, line, held);
    for (char *at = out; at < to;) {
      ssize_t wrote = write(1, at, (size_t)(to - at));
      if (wrote < 0) return 1;
      at += wrote;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: mock-upstream PORT | stdio\n"), 2;
  memset(filler, 'x', sizeof filler);
  if (!strcmp(argv[1], "stdio")) return speak_lines();
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024)) die("listen");
  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event want = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &want);
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, -1);
    for (int at = 0; at < ready; at++) {
      struct connection *peer = events[at].data.ptr;
      if (!peer) welcome(poll, listener);
      else if (!serve(poll, peer, events[at].events)) {
        close(peer->fd);
        free(peer->answer);
        free(peer);
      }
    }
  }
}
