package leadscore.bench;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** From events to scored events: Avro in, one call of the model a batch, Avro out. */
final class Work {
    /** A lead's record: where it comes from, when it was written, and its bytes. */
    record Lead(int partition, long offset, long timestamp, byte[] value) {}

    /** A record to send. */
    record Scored(byte[] key, byte[] value) {}

    private static final int HEADER_BYTES = 10;
    private static final double MIN_COVERAGE = 0.6;

    private final Order order;
    private final Model model;
    private final Features features;
    private final List<String> names;
    private final GenericDatumReader<GenericRecord> reader;
    private final GenericDatumWriter<GenericRecord> writer;
    private final Schema scored;
    private final byte[] header;
    private final GenericRecord calibration;
    private final double high;
    private final double medium;
    private final double label;
    private final float[] rows;
    private final int leadId;
    private final int createdAt;
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;
    private GenericRecord reused;

    Work(Order order, int mostRows) throws OrtException, IOException {
        this.order = order;
        model = new Model(order, mostRows);
        names = model.fieldNames();
        Schema lead = new Schema.Parser().parse(withoutLogicalTypes(model.metadata.get("contract")));
        features = new Features(model.metadata.get("spec"), lead);
        leadId = lead.getField("lead_id").pos();
        createdAt = lead.getField("created_at").pos();
        GenericData data = new GenericData();
        data.setFastReaderEnabled(true);
        reader = new GenericDatumReader<>(lead, lead, data);
        scored = new Schema.Parser().parse(Files.readString(order.leadScored()));
        writer = new GenericDatumWriter<>(scored);
        long fingerprint = SchemaNormalization.parsingFingerprint64(scored);
        header = ByteBuffer.allocate(HEADER_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0xC3)
                .put((byte) 0x01)
                .putLong(fingerprint)
                .array();
        JsonNode thresholds = model.metadata.get("thresholds");
        high = thresholds.get("high").asDouble();
        medium = thresholds.get("medium").asDouble();
        label = thresholds.get("label").asDouble();
        JsonNode given = model.metadata.get("calibration");
        calibration = new GenericData.Record(scored.getField("calibration").schema());
        calibration.put("method", given.get("method").asText());
        calibration.put("slope", given.get("slope").asDouble());
        calibration.put("intercept", given.get("intercept").asDouble());
        rows = new float[mostRows * features.width];
    }

    /** Score leads, at most as many as was said in the beginning. */
    List<Scored> score(List<Lead> leads) throws OrtException, IOException {
        int count = leads.size();
        byte[][] ids = new byte[count][];
        long[] created = new long[count];
        int[] present = new int[count];
        for (int i = 0; i < count; i++) {
            byte[] value = leads.get(i).value();
            decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
            reused = reader.read(reused, decoder);
            ids[i] = reused.get(leadId).toString().getBytes(StandardCharsets.UTF_8);
            created[i] = (Long) reused.get(createdAt);
            present[i] = features.write(reused, rows, i * features.width);
        }
        Model.Prediction prediction = model.predict(rows, count);
        List<Scored> events = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            events.add(new Scored(ids[i], event(leads.get(i), ids[i], created[i], present[i], prediction, i)));
        }
        return events;
    }

    private byte[] event(Lead lead, byte[] id, long created, int present, Model.Prediction prediction, int row)
            throws IOException {
        double score = prediction.probability()[row];
        long now = System.currentTimeMillis();
        String identity = order.sha256().substring(0, 16) + "-" + lead.partition() + "-" + lead.offset();
        double coverage = (double) present / names.size();
        GenericRecord event = new GenericData.Record(scored);
        event.put("event_id", identity);
        event.put("lead_id", new String(id, StandardCharsets.UTF_8));
        event.put("request_id", identity);
        event.put("created_at", created);
        event.put("scored_at", now);
        event.put("latency_ms", Math.max(0, now - lead.timestamp()));
        event.put("score", score);
        event.put("category", score >= high ? "High" : score >= medium ? "Medium" : "Low");
        event.put("label", score > label ? "engaged" : "not_engaged");
        event.put("confidence", coverage * Math.abs(2 * score - 1));
        event.put("feature_coverage", coverage);
        event.put("low_coverage", coverage < MIN_COVERAGE);
        event.put("reasons", reasons(prediction, row));
        event.put("model_id", "benchmark");
        event.put("model_version", "1");
        event.put("model_sha256", order.sha256());
        event.put("engine", "onnx");
        event.put("calibration", calibration);
        event.put("schema_version", "v1");
        event.put("contract_version", 1);
        GenericRecord source = new GenericData.Record(scored.getField("source").schema());
        source.put("topic", order.source());
        source.put("partition", lead.partition());
        source.put("offset", lead.offset());
        event.put("source", source);
        ByteArrayOutputStream body = new ByteArrayOutputStream(512);
        body.write(header);
        encoder = EncoderFactory.get().binaryEncoder(body, encoder);
        writer.write(event, encoder);
        encoder.flush();
        return body.toByteArray();
    }

    private List<GenericRecord> reasons(Model.Prediction prediction, int row) {
        if (prediction.reasonField() == null) {
            return List.of();
        }
        Schema reason = scored.getField("reasons").schema().getElementType();
        List<GenericRecord> found = new ArrayList<>();
        for (int i = 0; i < prediction.reasonField()[row].length; i++) {
            float value = prediction.reasonValue()[row][i];
            if (value != 0) {
                GenericRecord one = new GenericData.Record(reason);
                one.put("feature", names.get((int) prediction.reasonField()[row][i]));
                one.put("value", "");
                one.put("contribution", (double) value);
                found.add(one);
            }
        }
        return found;
    }

    /** Time stamps stay the numbers that they are on the wire. */
    private static String withoutLogicalTypes(JsonNode schema) {
        return schema.toString().replaceAll("\"logicalType\":\"[a-z-]+\",?", "").replace(",}", "}");
    }
}
