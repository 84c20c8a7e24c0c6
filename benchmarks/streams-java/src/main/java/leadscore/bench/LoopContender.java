package leadscore.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The work in a loop around Kafka's own clients: what was fetched is one batch. */
public final class LoopContender {
    private static final long COMMIT_MS = 1000;

    private LoopContender() {}

    public static void main(String[] arguments) throws Exception {
        Order order = Order.read();
        Work work = new Work(order, order.batch());
        AtomicReference<Exception> failed = new AtomicReference<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(order);
                KafkaProducer<byte[], byte[]> producer = producer(order)) {
            consumer.subscribe(List.of(order.source()));
            long committed = System.currentTimeMillis();
            while (failed.get() == null) {
                List<Work.Lead> leads = new ArrayList<>(order.batch());
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    leads.add(new Work.Lead(
                            record.partition(), record.offset(), record.timestamp(), record.value()));
                }
                List<Work.Scored> scored = leads.isEmpty() ? List.of() : work.score(leads);
                for (int i = 0; i < scored.size(); i++) {
                    producer.send(
                            new ProducerRecord<>(
                                    order.target(),
                                    leads.get(i).partition(),
                                    scored.get(i).key(),
                                    scored.get(i).value()),
                            (metadata, error) -> {
                                if (error != null) {
                                    failed.set(error);
                                }
                            });
                }
                if (System.currentTimeMillis() - committed > COMMIT_MS) {
                    producer.flush();
                    if (failed.get() == null) {
                        consumer.commitSync();
                    }
                    committed = System.currentTimeMillis();
                }
            }
        }
        throw failed.get();
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Order order) {
        Properties properties = order.connection();
        properties.put("group.id", order.group());
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
        properties.put("max.poll.records", Integer.toString(order.batch()));
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static KafkaProducer<byte[], byte[]> producer(Order order) {
        Properties properties = order.connection();
        properties.put("acks", "all");
        properties.put("linger.ms", Integer.toString(order.lingerMs()));
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
