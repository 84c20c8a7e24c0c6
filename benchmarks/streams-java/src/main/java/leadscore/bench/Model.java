package leadscore.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The model in ONNX Runtime, with what it says of itself. */
final class Model {
    /** Scores of a batch; the reasons are null where the model gives none. */
    record Prediction(float[] probability, long[][] reasonField, float[][] reasonValue) {}

    final JsonNode metadata;
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final Set<String> outputs;
    private final int width;
    private final ByteBuffer memory;

    Model(Order order, int mostRows) throws OrtException, IOException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        options.setInterOpNumThreads(1);
        session = environment.createSession(Files.readAllBytes(order.model()), options);
        String text = session.getMetadata().getCustomMetadata().get("leadscore");
        metadata = new ObjectMapper().readTree(text);
        boolean hasReasons = session.getOutputNames().contains("reason_field");
        outputs = hasReasons ? Set.of("probability", "reason_field", "reason_value") : Set.of("probability");
        width = Features.width(metadata.get("spec"));
        memory = ByteBuffer.allocateDirect(mostRows * width * Float.BYTES).order(ByteOrder.nativeOrder());
    }

    /** Score rows that follow each other in one array. */
    Prediction predict(float[] rows, int count) throws OrtException {
        FloatBuffer features = memory.asFloatBuffer();
        features.put(rows, 0, count * width).flip();
        try (OnnxTensor input = OnnxTensor.createTensor(environment, features, new long[] {count, width});
                OrtSession.Result result = session.run(Map.of("features", input), outputs)) {
            float[] probability = new float[count];
            ((OnnxTensor) result.get("probability").orElseThrow()).getFloatBuffer().get(probability);
            if (outputs.size() == 1) {
                return new Prediction(probability, null, null);
            }
            return new Prediction(
                    probability,
                    (long[][]) result.get("reason_field").orElseThrow().getValue(),
                    (float[][]) result.get("reason_value").orElseThrow().getValue());
        }
    }

    List<String> fieldNames() {
        return metadata.get("spec").get("fields").findValuesAsText("name");
    }
}
