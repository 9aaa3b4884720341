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
    private static volatile boolean stop;

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
        stop = false;
        for (int i = 0; i < count; i++) {
            int mine = i;
            threads[i] = new Thread(() -> cpu[mine] = busy());
            threads[i].start();
        }
        Thread.sleep((long) (duration * 1000));
        stop = true;
        long used = 0;
        for (int i = 0; i < count; i++) {
            threads[i].join();
            used += cpu[i];
        }
        return used;
    }

    private static long busy() {
        int x = 0;
        while (!stop) {
            x = x ^ 1;
        }
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
