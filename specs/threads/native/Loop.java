import java.lang.management.ManagementFactory;
import java.util.Scanner;

/**
 * Line 374 of the notes: the busy loop in Java, in as many threads as the first argument says.
 *
 * <p>Each line of input is a number of seconds. The threads are busy that long; then a line of
 * output gives the CPU seconds that they used, and the seconds that passed. By hand:
 * {@code javac Loop.java && echo 10 | java Loop 4}
 */
class Loop {
    public static void main(String[] arguments) throws InterruptedException {
        int count = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1;
        Scanner input = new Scanner(System.in);
        while (input.hasNextLine()) {
            double duration = Double.parseDouble(input.nextLine());
            long start = System.nanoTime();
            long used = busyThreads(count, duration);
            System.out.println(used / 1e9 + " " + (System.nanoTime() - start) / 1e9);
        }
    }

    private static long busyThreads(int count, double duration) throws InterruptedException {
        long[] cpu = new long[count];
        Thread[] threads = new Thread[count];
        long end = System.nanoTime() + (long) (duration * 1e9);
        for (int i = 0; i < count; i++) {
            int mine = i;
            threads[i] = new Thread(() -> cpu[mine] = busy(end));
            threads[i].start();
        }
        long used = 0;
        for (int i = 0; i < count; i++) {
            threads[i].join();
            used += cpu[i];
        }
        return used;
    }

    /** Threads look at the clock themselves: one that is to stop them may not get a turn. */
    private static long busy(long end) {
        int x = 0;
        while (System.nanoTime() - end < 0) {
            for (int i = 0; i < 10_000; i++) {
                x = x ^ 1;
            }
        }
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
