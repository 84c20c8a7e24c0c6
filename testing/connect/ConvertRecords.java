import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Scanner;
import java.util.TreeMap;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Converts records as a worker of Kafka Connect does for a sink connector: converters, then
 * transformations, by the connector's own configuration.
 *
 * <p>Arguments: the configuration (a properties file) and a topic. Input: a line for each record,
 * key and value in Base64. Output: a line of JSON for each: key, value, and the type of each field
 * of the value's schema, or null without a schema.
 */
public final class ConvertRecords {
  private static final String TOPIC_FIELD = "connect";

  public static void main(String[] arguments) throws Exception {
    Map<String, String> config = new HashMap<>();
    Properties read = new Properties();
    try (var file = Files.newBufferedReader(Path.of(arguments[0]))) {
      read.load(file);
    }
    read.forEach((name, value) -> config.put((String) name, (String) value));
    String topic = arguments[1];
    Converter keys = converter(config, "key.converter", true);
    Converter values = converter(config, "value.converter", false);
    List<Transformation<SinkRecord>> transformations = transformations(config);
    JsonConverter json = new JsonConverter();
    json.configure(Map.of("schemas.enable", "false"), false);
    Scanner lines = new Scanner(System.in);
    while (lines.hasNextLine()) {
      String[] parts = lines.nextLine().split(" ");
      SchemaAndValue key = keys.toConnectData(topic, decoded(parts[0]));
      SchemaAndValue value = values.toConnectData(topic, decoded(parts[1]));
      SinkRecord record =
          new SinkRecord(topic, 0, key.schema(), key.value(), value.schema(), value.value(), 0);
      for (Transformation<SinkRecord> each : transformations) {
        record = each.apply(record);
      }
      System.out.println(
          "{\"key\":"
              + text(json.fromConnectData(TOPIC_FIELD, record.keySchema(), record.key()))
              + ",\"value\":"
              + text(json.fromConnectData(TOPIC_FIELD, record.valueSchema(), record.value()))
              + ",\"types\":"
              + text(json.fromConnectData(TOPIC_FIELD, null, types(record.valueSchema())))
              + "}");
    }
  }

  private static Converter converter(Map<String, String> config, String name, boolean isKey)
      throws ReflectiveOperationException {
    Converter made = (Converter) made(config.get(name));
    made.configure(within(config, name + "."), isKey);
    return made;
  }

  private static List<Transformation<SinkRecord>> transformations(Map<String, String> config)
      throws ReflectiveOperationException {
    List<Transformation<SinkRecord>> found = new ArrayList<>();
    for (String name : config.getOrDefault("transforms", "").split(",")) {
      if (!name.isBlank()) {
        String prefix = "transforms." + name.strip() + ".";
        @SuppressWarnings("unchecked")
        var made = (Transformation<SinkRecord>) made(config.get(prefix + "type"));
        made.configure(within(config, prefix));
        found.add(made);
      }
    }
    return found;
  }

  private static Object made(String type) throws ReflectiveOperationException {
    return Class.forName(type).getDeclaredConstructor().newInstance();
  }

  private static Map<String, String> within(Map<String, String> config, String prefix) {
    Map<String, String> found = new HashMap<>();
    config.forEach(
        (name, value) -> {
          if (name.startsWith(prefix)) {
            found.put(name.substring(prefix.length()), value);
          }
        });
    return found;
  }

  private static Map<String, String> types(Schema schema) {
    if (schema == null) {
      return null;
    }
    Map<String, String> found = new TreeMap<>();
    for (Field field : schema.fields()) {
      String logical = field.schema().name();
      found.put(field.name(), logical == null ? field.schema().type().getName() : logical);
    }
    return found;
  }

  private static byte[] decoded(String part) {
    return part.equals("-") ? null : Base64.getDecoder().decode(part);
  }

  private static String text(byte[] json) {
    return json == null ? "null" : new String(json, StandardCharsets.UTF_8);
  }
}
