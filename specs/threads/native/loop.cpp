// Line 374 of the notes: the busy loop in C++, in as many threads as the first argument says.
//
// Each line of input is a number of seconds. The threads are busy that long; then a line of output
// gives the CPU seconds that they used, and the seconds that passed. By hand:
// c++ -O1 -pthread loop.cpp -o loop && echo 10 | ./loop 4

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

using steady = std::chrono::steady_clock;

static std::mutex mutex;
static std::condition_variable changed;
static std::size_t rounds, working; // begun so far; threads that are not done with the last one
static steady::time_point end;      // of the last one

static double cpu_seconds()
{
    timespec now; // the standard library has no clock of a thread's CPU time
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// The threads live as long as the program: new ones have worse chances beside busy neighbours.
static void work(double *cpu)
{
    volatile int x = 0;
    for (std::size_t done = 0;; done++) {
        {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [done] { return rounds != done; });
        }
        double start = cpu_seconds();
        // They look at the clock themselves: one that is to stop them may not get a turn.
        while (steady::now() < end)
            for (int i = 0; i < 10000; i++)
                x = x ^ 1;
        *cpu = cpu_seconds() - start;
        std::lock_guard<std::mutex> lock(mutex);
        working--;
        changed.notify_all();
    }
}

static void run_round(std::size_t count, steady::time_point until)
{
    std::unique_lock<std::mutex> lock(mutex);
    end = until;
    working = count;
    rounds++;
    changed.notify_all();
    changed.wait(lock, [] { return working == 0; });
}

int main(int argc, char **argv)
{
    std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
    std::vector<double> cpu(count);
    for (double &used : cpu)
        std::thread(work, &used).detach();
    double duration;
    while (std::cin >> duration) {
        auto start = steady::now();
        std::chrono::duration<double> seconds(duration);
        run_round(count, start + std::chrono::duration_cast<steady::duration>(seconds));
        std::chrono::duration<double> wall = steady::now() - start;
        double sum = 0;
        for (double used : cpu)
            sum += used;
        std::cout << sum << ' ' << wall.count() << std::endl;
    }
    std::_Exit(0); // the threads are still waiting
}
