/*
 * A bare MCP server of revision 2026-07-28 for measuring what stands in front of it: HTTP/1.1 keep-alive, one thread,
 * epoll. Knows server/discover, tools/list and tools/call; `arguments.size` is the size of the JSON-RPC answer in bytes
 * (with an id of one digit). Usage: mock-upstream PORT
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

enum { REQUEST_MAX = 256 * 1024, RESULT_MAX = 2 * 1024 * 1024, ID_MAX = 128 };

struct connection {
  int fd;
  size_t held; /* bytes of requests not yet answered */
  size_t out, sent;
  char *answer;
  char in[REQUEST_MAX];
};

#define META "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"mock\",\"version\":\"1.0.0\"}}"
#define HINTS "\"resultType\":\"complete\",\"ttlMs\":60000,\"cacheScope\":\"public\"," META
static const char DISCOVER[] =
    "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}," HINTS "}";
static const char TOOLS[] =
    "{\"tools\":[{\"name\":\"echo\",\"description\":\"Answers as many bytes as asked for\",\"inputSchema\":"
    "{\"type\":\"object\",\"properties\":{\"size\":{\"type\":\"integer\"}}}}]," HINTS "}";
static const char RESULT_HEAD[] = "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"";
static const char RESULT_TAIL[] = "\"}]," META "}";
static const char ENVELOPE_HEAD[] = "{\"jsonrpc\":\"2.0\",\"id\":";
static const char ENVELOPE_KEY[] = ",\"result\":";
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

static char *put_call(char *to, const char *body, size_t length) {
  const char *asked = value_of("\"size\":", body, length);
  long size = asked ? strtol(asked, NULL, 10) : 300;
  long fixed = (long)(strlen(ENVELOPE_HEAD) + 1 + strlen(ENVELOPE_KEY) + strlen(RESULT_HEAD) + strlen(RESULT_TAIL) + 1);
  long fill = size > fixed ? size - fixed : 0;
  if (fill > RESULT_MAX - 4096) fill = RESULT_MAX - 4096;
  to = put(to, RESULT_HEAD, strlen(RESULT_HEAD));
  to = put(to, filler, (size_t)fill);
  return put(to, RESULT_TAIL, strlen(RESULT_TAIL));
}

/* Writes the JSON-RPC answer; returns its end. `status` is the HTTP status that goes with it. */
static char *put_answer(char *to, const char *body, size_t length, const char **status) {
  const char *method = value_of("\"method\":", body, length);
  size_t left = method ? (size_t)(body + length - method) : 0;
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
  char *result = put(to, ENVELOPE_KEY, strlen(ENVELOPE_KEY));
  if (left > 12 && !memcmp(method, "\"tools/call\"", 12)) result = put_call(result, body, length);
  else if (left > 12 && !memcmp(method, "\"tools/list\"", 12)) result = put(result, TOOLS, strlen(TOOLS));
  else if (left > 17 && !memcmp(method, "\"server/discover\"", 17)) result = put(result, DISCOVER, strlen(DISCOVER));
  else {
    *status = "404 Not Found";
    return put(to, UNKNOWN, strlen(UNKNOWN));
  }
  *result = '}';
  return result + 1;
}

static void respond(struct connection *peer, const char *head, const char *body, size_t length) {
  static char text[RESULT_MAX];
  const char *status = "405 Method Not Allowed";
  size_t size = 0;
  if (!strncmp(head, "POST ", 5)) size = (size_t)(put_answer(text, body, length, &status) - text);
  peer->answer = realloc(peer->answer, peer->out + size + 256);
  if (!peer->answer) die("realloc");
  peer->out += (size_t)sprintf(peer->answer + peer->out,
                               "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status, size);
  memcpy(peer->answer + peer->out, text, size);
  peer->out += size;
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
    *blank = '\r';
    char *body = blank + 4;
    if (body + length > peer->in + peer->held) break;
    respond(peer, head, body, (size_t)length);
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

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: mock-upstream PORT\n"), 2;
  memset(filler, 'x', sizeof filler);
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
