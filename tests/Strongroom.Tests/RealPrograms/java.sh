# A JVM: several collectors, threads, and a heap that is mostly garbage and partly kept.
# run: tools=java,javac window=64M idle=200ms limit=240
set -e
cat > Work.java <<'JAVA'
import java.util.*;
import java.util.concurrent.*;
public class Work {
    static long digest(Map<Integer, String> m) {
        long h = 17;
        for (int i = 0; i < m.size(); i++) h = h * 31 + m.get(i).hashCode();
        return h;
    }
    public static void main(String[] a) throws Exception {
        int scale = Integer.parseInt(System.getenv().getOrDefault("TARGET_SCALE", "1"));
        Map<Integer, String> kept = new ConcurrentHashMap<>();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> answers = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            final int self = t;
            answers.add(pool.submit(() -> {
                long s = 0;
                for (int i = self; i < 100000 * scale; i += 4) {
                    kept.put(i, "value " + i * 7919L);
                    byte[] garbage = new byte[500 + i % 3000];
                    garbage[i % 500] = (byte) i;
                    s += garbage[i % 500];
                }
                return s;
            }));
        }
        for (Future<Long> f : answers) System.out.println(f.get());
        pool.shutdown();
        long first = digest(kept);
        Thread.sleep(700);
        System.gc();
        System.out.println(first == digest(kept) ? "kept " + first : "LOST");
    }
}
JAVA
javac -J-Xshare:auto Work.java
for collector in -XX:+UseSerialGC -XX:+UseG1GC; do java -Xmx128m $collector Work; done
