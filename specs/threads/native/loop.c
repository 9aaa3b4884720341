/* Line 374 of the notes: the busy loop in C, in as many threads as the first argument says.

   Each line of input is a number of seconds. The threads are busy that long; then a line of output
   gives the CPU seconds that they used, and the seconds that passed. By hand:
   cc -O1 -pthread loop.c -o loop && echo 10 | ./loop 4 */

#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double end;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *busy(void *cpu)
{
    volatile int x = 0;
    /* The threads look at the clock themselves: one that is to stop them may not get a turn. */
    while (seconds(CLOCK_MONOTONIC) < end)
        for (int i = 0; i < 10000; i++)
            x = x ^ 1;
    *(double *)cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

static double busy_threads(int count, double duration)
{
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    double *cpu = calloc((size_t)count, sizeof *cpu);
    if (!threads || !cpu)
        exit(1);
    end = seconds(CLOCK_MONOTONIC) + duration;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, busy, &cpu[i]))
            exit(1);
    double used = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        used += cpu[i];
    }
    free(threads);
    free(cpu);
    return used;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1;
    double duration;
    while (scanf("%lf", &duration) == 1) {
        double start = seconds(CLOCK_MONOTONIC);
        double used = busy_threads(count, duration);
        printf("%.6f %.6f\n", used, seconds(CLOCK_MONOTONIC) - start);
        fflush(stdout);
    }
    return 0;
}
