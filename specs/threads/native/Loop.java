import java.lang.management.ManagementFactory;
import java.util.Scanner;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;

/**
 * Line 374 of the notes: the busy loop in Java, in as many threads as the first argument says.
 *
 * <p>Each line of input is a number of seconds. The threads are busy that long; then a line of
 * output gives the CPU seconds that they used, and the seconds that passed. By hand:
 * {@code javac Loop.java && echo 10 | java Loop 4}
 */
class Loop {
    private static CyclicBarrier begin;
    private static CyclicBarrier done;
    private static volatile long end;

    public static void main(String[] arguments) throws Exception {
        int count = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1;
        long[] cpu = startThreads(count);
        Scanner input = new Scanner(System.in);
        while (input.hasNextLine()) {
            double duration = Double.parseDouble(input.nextLine());
            long start = System.nanoTime();
            end = start + (long) (duration * 1e9);
            begin.await();
            done.await();
            long passed = System.nanoTime() - start;
            long used = 0;
            for (long each : cpu) {
                used += each;
            }
            System.out.println(used / 1e9 + " " + passed / 1e9);
        }
    }

    /** They live as long as the program: new ones have worse chances beside busy neighbours. */
    private static long[] startThreads(int count) {
        long[] cpu = new long[count];
        begin = new CyclicBarrier(count + 1);
        done = new CyclicBarrier(count + 1);
        for (int i = 0; i < count; i++) {
            int mine = i;
            Thread thread = new Thread(() -> work(cpu, mine));
            thread.setDaemon(true);
            thread.start();
        }
        return cpu;
    }

    private static void work(long[] cpu, int mine) {
        try {
            while (true) {
                begin.await();
                long start = cpuTime();
                busy();
                cpu[mine] = cpuTime() - start;
                done.await();
            }
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Threads look at the clock themselves: one that is to stop them may not get a turn. */
    private static int busy() {
        int x = 0;
        while (System.nanoTime() - end < 0) {
            for (int i = 0; i < 10_000; i++) {
                x = x ^ 1;
            }
        }
        return x;
    }

    private static long cpuTime() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
