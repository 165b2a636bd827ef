/*
 * The least that a server of event streams can do: one `send` for each reader and event, and nothing else.
 * Argument: port. `GET` of anything opens a stream; `POST /publish?id=ID` sends its body to all of them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1 << 16, REQUEST = 1 << 15, AT_ONCE = 256 };
static const char OPEN[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
static const char TAKEN[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

static int readers[MOST], number, poller;
static struct { char *text; int size; } asked[MOST];

static void publish(const char *id, int id_size, const char *body, int size) {
    char event[REQUEST + 64];
    int length = snprintf(event, sizeof event, "id: %.*s\ndata: %.*s\n\n", id_size, id, size, body);
    for (int at = 0; at < number; at++) send(readers[at], event, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void leave(int fd) {
    for (int at = 0; at < number; at++)
        if (readers[at] == fd) readers[at] = readers[--number];
    free(asked[fd].text);
    asked[fd].text = NULL;
    close(fd);
}

/* Answer the first whole request in `text`; returns how long it was, 0 when there is none yet. */
static int answer(int fd, char *text, int size) {
    char *end = memmem(text, size, "\r\n\r\n", 4);
    if (!end) return 0;
    int head = end + 4 - text;
    if (!strncmp(text, "GET ", 4)) {
        readers[number++] = fd;
        send(fd, OPEN, sizeof OPEN - 1, MSG_NOSIGNAL);
        return head;
    }
    char *length = strcasestr(text, "content-length:");
    int body = length && length < end ? atoi(length + 15) : 0;
    if (head + body > size) return 0;
    char *id = strstr(text, "?id=");
    if (id && id < end) publish(id + 4, strcspn(id + 4, " "), text + head, body);
    send(fd, TAKEN, sizeof TAKEN - 1, MSG_NOSIGNAL);
    return head + body;
}

static void hear(int fd) {
    if (!asked[fd].text) asked[fd].text = malloc(REQUEST), asked[fd].size = 0;
    char *text = asked[fd].text;
    int got = recv(fd, text + asked[fd].size, REQUEST - 1 - asked[fd].size, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        leave(fd);
        return;
    }
    asked[fd].size += got;
    text[asked[fd].size] = 0;
    for (int done; asked[fd].size && (done = answer(fd, text, asked[fd].size)); asked[fd].text[asked[fd].size] = 0)
        memmove(text, text + done, asked[fd].size -= done);
    if (!asked[fd].size) { /* a reader says nothing more: its memory is its socket's */
        free(text);
        asked[fd].text = NULL;
    }
}

int main(int count, char **given) {
    if (count != 2) return 2;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(given[1])),
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int yes = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listening, (struct sockaddr *)&here, sizeof here) || listen(listening, 4096)) {
        perror("listen");
        return 1;
    }
    poller = epoll_create1(0);
    struct epoll_event ready[AT_ONCE], wanted = {.events = EPOLLIN, .data.fd = listening};
    epoll_ctl(poller, EPOLL_CTL_ADD, listening, &wanted);
    for (;;) {
        int found = epoll_wait(poller, ready, AT_ONCE, -1);
        for (int at = 0; at < found; at++) {
            if (ready[at].data.fd != listening) {
                hear(ready[at].data.fd);
                continue;
            }
            int fd = accept(listening, NULL, NULL);
            if (fd < 0) continue;
            if (fd >= MOST) {
                close(fd);
                continue;
            }
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            wanted.data.fd = fd;
            epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
        }
    }
}
