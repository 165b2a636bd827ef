/*
 * Many readers of one event stream, as cheap as they can be: plain sockets, epoll, and a look at each event's number,
 * which is its ticker's price. `bench/many_readers.py` is the same in Python and says what goes in and comes out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 8192, PIECE = 1 << 18, AT_ONCE = 256, CONNECTS = 64 };
static const double QUIET_S = 0.3, CONNECT_S = 90, DRAIN_S = 10;
static const char TICKER[] = "{\"type\":\"ticker\"", PRICE[] = "\"price\":";

typedef struct {
    int fd, rest_size, has_id, answered;
    int64_t number, last, count;
    char *rest; /* the beginning of a line that is not complete yet */
} reader;

typedef struct { int64_t number, at_ns; } sample;

static reader *readers;
static int total_readers, answered, hung_up, done, poller;
static int64_t first = INT64_MAX, last = INT64_MAX, events, repeated, bytes;
static sample *samples;
static size_t sampled, room_for_samples;
static int sample_every;
static int sampling;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now)) die("clock_gettime");
    return now.tv_sec + now.tv_nsec / 1e9;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static double used_by(const char *pids) { /* processor time, user and system, of processes named by comma */
    double sum = 0;
    for (const char *at = pids; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        clockid_t clock;
        if (clock_getcpuclockid(atoi(at), &clock)) die("clock_getcpuclockid");
        sum += seconds(clock);
    }
    return sum;
}

static int64_t number_of(const char *text, size_t size) {
    static size_t usual; /* all tickers are laid out alike */
    if (size < sizeof TICKER || memcmp(text, TICKER, sizeof TICKER - 1)) return -1;
    if (usual + sizeof PRICE > size || memcmp(text + usual, PRICE, sizeof PRICE - 1)) {
        const char *found = memmem(text, size, PRICE, sizeof PRICE - 1);
        if (!found) return -1;
        usual = found - text;
    }
    int64_t number = 0;
    for (size_t at = usual + sizeof PRICE - 1; at < size && text[at] >= '0' && text[at] <= '9'; at++)
        number = number * 10 + text[at] - '0';
    return number;
}

static void take_event(reader *one, int64_t at_ns) {
    if (one->number < first || one->number > last) return;
    if (one->number <= one->last) {
        repeated++;
        return;
    }
    one->last = one->number;
    one->count++;
    events++;
    if (one->number == last) done++;
    if (sampling && (one - readers) % sample_every == 0) {
        if (sampled == room_for_samples) {
            room_for_samples = room_for_samples ? room_for_samples * 2 : 1 << 16;
            if (!(samples = realloc(samples, room_for_samples * sizeof *samples))) die("realloc");
        }
        samples[sampled++] = (sample){one->number, at_ns};
    }
}

static void take_lines(reader *one, const char *at, const char *end, int64_t at_ns) {
    for (const char *stop; (stop = memchr(at, '\n', end - at)); at = stop + 1) {
        size_t size = stop - at;
        if (size == 0 || (size == 1 && *at == '\r')) { /* an event ends */
            if (one->has_id && one->number >= 0) take_event(one, at_ns);
            one->has_id = 0;
            one->number = -1;
        } else if (size > 4 && !memcmp(at, "id: ", 4)) {
            one->has_id = 1;
        } else if (size > 6 && !memcmp(at, "data: ", 6)) {
            one->number = number_of(at + 6, size - 6);
        }
    }
    if ((one->rest_size = end - at) > LINE) {
        fprintf(stderr, "a line of more than %d bytes\n", LINE);
        exit(1);
    }
    if (one->rest_size) {
        if (!one->rest && !(one->rest = malloc(LINE))) die("malloc");
        memcpy(one->rest, at, one->rest_size);
    }
}

static void take(reader *one) {
    static char area[LINE + PIECE];
    ssize_t size = recv(one->fd, area + LINE, PIECE, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        epoll_ctl(poller, EPOLL_CTL_DEL, one->fd, NULL);
        hung_up++;
        return;
    }
    if (!one->answered) {
        if (size < 12 || memcmp(area + LINE, "HTTP/1.1 200", 12)) {
            fprintf(stderr, "refused: %.*s\n", (int)(size < 300 ? size : 300), area + LINE);
            exit(1);
        }
        one->answered = 1;
        answered++;
    }
    bytes += size;
    char *start = area + LINE - one->rest_size;
    if (one->rest_size) memcpy(start, one->rest, one->rest_size);
    take_lines(one, start, area + LINE + size, now_ns());
}

/* Read what there is until `deadline`, or until `enough` says so; returns whether it did. */
static int read_until(double deadline, int (*enough)(int idle)) {
    struct epoll_event ready[AT_ONCE];
    for (double now = seconds(CLOCK_MONOTONIC); now < deadline; now = seconds(CLOCK_MONOTONIC)) {
        double left = deadline - now;
        int most_ms = enough && left > QUIET_S ? (int)(QUIET_S * 1000) : (int)(left * 1000) + 1;
        int found = epoll_wait(poller, ready, AT_ONCE, most_ms);
        int told = 0;
        for (int at = 0; at < found; at++) {
            if (ready[at].data.ptr) take(ready[at].data.ptr);
            else told = 1;
        }
        if (told) return 1;
        if (enough && enough(found == 0)) return 1;
    }
    return 0;
}

static int all_are_in(int idle) { return idle && answered == total_readers; }
static int all_have_the_last(int idle) { (void)idle; return done >= total_readers - hung_up; }

static void join(reader *one, int port, const char *request) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if ((one->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) die("socket");
    if (connect(one->fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    if (send(one->fd, request, strlen(request), 0) < 0) die("send");
    fcntl(one->fd, F_SETFL, O_NONBLOCK);
    one->number = one->last = -1;
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = one};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, one->fd, &wanted)) die("epoll_ctl");
}

int main(int count, char **given) {
    if (count != 6) return 2;
    int port = atoi(given[1]), exact = atoi(given[4]);
    const char *pids = given[5];
    char request[2048], line[4096], file[4000];
    total_readers = atoi(given[3]);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n", given[2]);
    poller = epoll_create1(0);
    if (!(readers = calloc(total_readers, sizeof *readers))) die("calloc");
    for (int nth = 0; nth < total_readers; nth++) {
        join(&readers[nth], port, request);
        if (nth % CONNECTS == 0) read_until(seconds(CLOCK_MONOTONIC) + 0.001, NULL);
    }
    if (!read_until(seconds(CLOCK_MONOTONIC) + CONNECT_S, all_are_in)) {
        fprintf(stderr, "%d of %d readers were answered, or it is never quiet\n", answered, total_readers);
        return 1;
    }
    puts("true");
    fflush(stdout);

    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &wanted)) die("epoll_ctl");
    read_until(seconds(CLOCK_MONOTONIC) + 600, NULL);
    epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    double warm_up_s, window_s;
    if (!fgets(line, sizeof line, stdin)) return 0;
    if (sscanf(line, "%lf %lf %" SCNd64 " %" SCNd64 " %d %3999s", &warm_up_s, &window_s, &first, &last, &sample_every,
               file) != 6) return 2;
    puts("true"); /* only now may they be published */
    fflush(stdout);

    read_until(seconds(CLOCK_MONOTONIC) + warm_up_s, NULL);
    double began = seconds(CLOCK_MONOTONIC), server_s = used_by(pids), own_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    int64_t events_before = events, bytes_before = bytes;
    sampling = 1;
    read_until(began + window_s, NULL);
    sampling = 0;
    double took_s = seconds(CLOCK_MONOTONIC) - began;
    server_s = used_by(pids) - server_s;
    own_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - own_s;
    int64_t in_window = events - events_before, of_bytes = bytes - bytes_before;
    read_until(seconds(CLOCK_MONOTONIC) + DRAIN_S, all_have_the_last);

    int64_t missing = 0;
    for (int nth = 0; nth < total_readers; nth++)
        missing += exact ? last - first + 1 - readers[nth].count : readers[nth].last != last;
    FILE *out = fopen(file, "wb");
    if (!out || fwrite(samples, sizeof *samples, sampled, out) != sampled || fclose(out)) die(file);
    printf("{\"events\":%" PRId64 ",\"bytes\":%" PRId64 ",\"took_s\":%.6f,\"server_s\":%.6f,\"own_s\":%.6f,"
           "\"missing\":%" PRId64 ",\"repeated\":%" PRId64 ",\"hung_up\":%d}\n",
           in_window, of_bytes, took_s, server_s, own_s, missing, repeated, hung_up);
    return 0;
}
