// Line 374 of the notes: the busy loop in C++, in as many threads as the first argument says.
//
// Each line of input is a number of seconds. The threads are busy that long; then a line of output
// gives the CPU seconds that they used, and the seconds that passed. By hand:
// c++ -O1 -pthread loop.cpp -o loop && echo 10 | ./loop 4

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

static double cpu_seconds()
{
    timespec now; // the standard library has no clock of a thread's CPU time
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

static void busy(Clock::time_point end, double &cpu)
{
    volatile int x = 0;
    // The threads look at the clock themselves: one that is to stop them may not get a turn.
    while (Clock::now() < end)
        for (int i = 0; i < 10'000; i++)
            x = x ^ 1;
    cpu = cpu_seconds();
}

static double busy_threads(std::size_t count, double duration)
{
    std::vector<double> cpu(count);
    std::vector<std::thread> threads;
    std::chrono::duration<double> busy_for(duration);
    auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(busy_for);
    for (double &used : cpu)
        threads.emplace_back(busy, end, std::ref(used));
    double used = 0;
    for (std::size_t i = 0; i < count; i++) {
        threads[i].join();
        used += cpu[i];
    }
    return used;
}

int main(int argc, char **argv)
{
    std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
    double duration;
    while (std::cin >> duration) {
        auto start = Clock::now();
        double used = busy_threads(count, duration);
        std::chrono::duration<double> wall = Clock::now() - start;
        std::cout << used << ' ' << wall.count() << std::endl;
    }
}
