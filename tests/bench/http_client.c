/* Fetches a page COUNT times, RATE a second, evenly, each on a new connection to
 * PORT of 127.0.0.1; prints the p50 and p99 of connect to last byte in ms.
 * The wait for the next turn is busy, so that waking up is not measured. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static const char ASK[] =
    "GET /1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

static int fetch(const struct sockaddr_in *to) {
    char data[8192];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ssize_t got, all = 0;
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) ||
        send(fd, ASK, sizeof ASK - 1, 0) != (ssize_t)(sizeof ASK - 1))
        return -1;
    while ((got = recv(fd, data, sizeof data, 0)) > 0) all += got;
    close(fd);
    return got < 0 || all < 612 ? -1 : 0;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    double rate = atof(argv[2]);
    long count = atol(argv[3]);
    double *spent = malloc(count * sizeof *spent);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    double begun = now();
    for (long n = 0; n < count; n++) {
        while (now() < begun + n / rate) { }
        double start = now();
        if (fetch(&to)) { perror("fetch"); return 1; }
        spent[n] = (now() - start) * 1000;
    }
    qsort(spent, count, sizeof *spent, by_size);
    printf("%.6f %.6f\n", spent[count / 2], spent[count * 99 / 100]);
    return 0;
}
