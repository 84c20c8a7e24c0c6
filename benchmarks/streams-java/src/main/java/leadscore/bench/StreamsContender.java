package leadscore.bench;

import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/** The work on Kafka Streams, event by event, one stream thread, at least once. */
public final class StreamsContender {
    private StreamsContender() {}

    private static final class Scorer extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private final Work work;

        Scorer(Work work) {
            this.work = work;
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            RecordMetadata at = context().recordMetadata().orElseThrow();
            try {
                List<Work.Scored> scored =
                        work.score(List.of(new Work.Lead(at.partition(), at.offset(), record.timestamp(), record.value())));
                context().forward(record.withKey(scored.get(0).key()).withValue(scored.get(0).value()));
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Order order = Order.read();
        Work work = new Work(order, 1);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(order.source(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new Scorer(work))
                .to(order.target(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        Properties properties = order.connection();
        properties.put("application.id", order.group());
        properties.put("state.dir", order.folder().resolve("streams").toString());
        properties.put("auto.offset.reset", "earliest");
        properties.put("num.stream.threads", "1");
        properties.put("commit.interval.ms", "1000");
        properties.put("producer.linger.ms", Integer.toString(order.lingerMs()));
        properties.put("producer.acks", "all");
        CountDownLatch ended = new CountDownLatch(1);
        try (KafkaStreams streams = new KafkaStreams(builder.build(), properties)) {
            streams.setStateListener((now, before) -> {
                if (now == KafkaStreams.State.ERROR) {
                    ended.countDown();
                }
            });
            streams.start();
            ended.await();
        }
        System.exit(1);
    }
}
