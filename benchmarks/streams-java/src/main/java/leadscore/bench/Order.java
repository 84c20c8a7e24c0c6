package leadscore.bench;

import java.nio.file.Path;
import java.util.Properties;

/** What a contender is told, by its environment; the same variables as those in Python read. */
record Order(
        String bootstrap,
        String source,
        String target,
        String group,
        Path model,
        String sha256,
        Path leadScored,
        int batch,
        int lingerMs,
        Path folder) {

    static Order read() {
        return new Order(
                given("BENCH_BOOTSTRAP"),
                given("BENCH_SOURCE"),
                given("BENCH_TARGET"),
                given("BENCH_GROUP"),
                Path.of(given("BENCH_MODEL")),
                given("BENCH_MODEL_SHA256"),
                Path.of(given("BENCH_SCORED_SCHEMA")),
                Integer.parseInt(System.getenv().getOrDefault("BENCH_BATCH", "500")),
                Integer.parseInt(System.getenv().getOrDefault("BENCH_LINGER_MS", "5")),
                Path.of(given("BENCH_FOLDER")));
    }

    Properties connection() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        return properties;
    }

    private static String given(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalArgumentException("expected " + name + " to be set: start it by the bench");
        }
        return value;
    }
}
