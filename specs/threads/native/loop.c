/* Line 374 of the notes: the busy loop in C, in as many threads as the first argument says.

   Each line of input is a number of seconds. The threads are busy that long; then a line of output
   gives the CPU seconds that they used, and the seconds that passed. By hand:
   cc -O1 -pthread loop.c -o loop && echo 10 | ./loop 4 */

#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int rounds, working; /* begun so far; threads that are not done with the last one */
static double end;          /* of the last one */

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The threads live as long as the program: new ones have worse chances beside busy neighbours. */
static void *work(void *cpu)
{
    volatile int x = 0;
    for (int done = 0;; done++) {
        pthread_mutex_lock(&lock);
        while (rounds == done)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        double start = seconds(CLOCK_THREAD_CPUTIME_ID);
        /* They look at the clock themselves: one that is to stop them may not get a turn. */
        while (seconds(CLOCK_MONOTONIC) < end)
            for (int i = 0; i < 10000; i++)
                x = x ^ 1;
        *(double *)cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
        pthread_mutex_lock(&lock);
        working--;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void run_round(int count, double until)
{
    pthread_mutex_lock(&lock);
    end = until;
    working = count;
    rounds++;
    pthread_cond_broadcast(&changed);
    while (working)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1;
    double *cpu = calloc((size_t)count, sizeof *cpu);
    if (!cpu)
        exit(1);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, &cpu[i]))
            exit(1);
    }
    double duration;
    while (scanf("%lf", &duration) == 1) {
        double start = seconds(CLOCK_MONOTONIC), used = 0;
        run_round(count, start + duration);
        double wall = seconds(CLOCK_MONOTONIC) - start;
        for (int i = 0; i < count; i++)
            used += cpu[i];
        printf("%.6f %.6f\n", used, wall);
        fflush(stdout);
    }
    return 0;
}
