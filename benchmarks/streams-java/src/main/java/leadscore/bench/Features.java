package leadscore.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;

/** The model's feature spec, read from its metadata: from a lead to a row of the matrix. */
final class Features {
    private static final Set<String> MISSING = Set.of("", "nan", "null", "none", "n/a", "#n/a");

    /** Writes one field's columns. */
    private interface Column {
        void write(Object value, float[] rows, int at);
    }

    private record Field(String name, int position, int width, Column column) {}

    final int width;
    private final List<Field> fields = new ArrayList<>();

    /** Of a spec, for leads of a schema. */
    Features(JsonNode spec, org.apache.avro.Schema lead) {
        for (JsonNode field : spec.get("fields")) {
            String name = field.get("name").asText();
            fields.add(new Field(name, lead.getField(name).pos(), columns(field), column(field)));
        }
        width = width(spec);
    }

    static int width(JsonNode spec) {
        int width = 0;
        for (JsonNode field : spec.get("fields")) {
            width += columns(field);
        }
        return width;
    }

    /** Write a lead's row; returns how many of its fields are there. */
    int write(GenericRecord lead, float[] rows, int at) {
        int present = 0;
        for (Field field : fields) {
            Object value = lead.get(field.position);
            if (value == null) {
                Arrays.fill(rows, at, at + field.width, Float.NaN);
            } else {
                field.column.write(value, rows, at);
                present++;
            }
            at += field.width;
        }
        return present;
    }

    private static int columns(JsonNode field) {
        return switch (field.get("kind").asText()) {
            case "number" -> 1;
            case "text" -> 2 + field.get("keywords").size();
            case "category" -> isTarget(field) ? 1 : field.get("levels").size();
            default -> throw new IllegalArgumentException("no such kind in this work: " + field.get("kind"));
        };
    }

    private static boolean isTarget(JsonNode field) {
        return field.get("encoding").asText().equals("target");
    }

    private static Column column(JsonNode field) {
        return switch (field.get("kind").asText()) {
            case "number" -> (value, rows, at) -> rows[at] = ((Double) value).floatValue();
            case "text" -> text(field);
            default -> isTarget(field) ? target(field) : oneHot(field);
        };
    }

    private static Column text(JsonNode field) {
        List<String> keywords = new ArrayList<>();
        field.get("keywords").forEach(keyword -> keywords.add(keyword.asText()));
        return (value, rows, at) -> {
            String text = value.toString();
            String folded = fold(text);
            rows[at] = text.codePointCount(0, text.length());
            rows[at + 1] = words(folded);
            for (int i = 0; i < keywords.size(); i++) {
                rows[at + 2 + i] = folded.contains(keywords.get(i)) ? 1f : 0f;
            }
        };
    }

    private static Column target(JsonNode field) {
        Map<String, Integer> levels = levels(field);
        float[] values = new float[levels.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) field.get("values").get(i).asDouble();
        }
        float prior = (float) field.get("prior").asDouble();
        return (value, rows, at) -> {
            String level = level(value.toString());
            Integer code = levels.get(level);
            rows[at] = code != null ? values[code] : MISSING.contains(level) ? Float.NaN : prior;
        };
    }

    private static Column oneHot(JsonNode field) {
        Map<String, Integer> levels = levels(field);
        int width = levels.size();
        return (value, rows, at) -> {
            String level = level(value.toString());
            Integer code = levels.get(level);
            Arrays.fill(rows, at, at + width, code == null && MISSING.contains(level) ? Float.NaN : 0f);
            if (code != null) {
                rows[at + code] = 1f;
            }
        };
    }

    private static Map<String, Integer> levels(JsonNode field) {
        Map<String, Integer> levels = new HashMap<>();
        field.get("levels").forEach(level -> levels.put(level.asText(), levels.size()));
        return levels;
    }

    /** White space folded, case folded; the common case, one blank between words, copies nothing. */
    private static String level(String value) {
        String folded = fold(value);
        for (int i = 0; i < folded.length(); i++) {
            if (Character.isWhitespace(folded.charAt(i))
                    && (folded.charAt(i) != ' '
                            || i == 0
                            || i == folded.length() - 1
                            || Character.isWhitespace(folded.charAt(i + 1)))) {
                return String.join(" ", folded.strip().split("\\s+"));
            }
        }
        return folded;
    }

    /** Case folding of what this work's leads are made of; full folding is not in the JDK. */
    private static String fold(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    private static int words(String text) {
        int words = 0;
        boolean inWord = false;
        for (int i = 0; i < text.length(); i++) {
            boolean isBlank = Character.isWhitespace(text.charAt(i));
            words += !isBlank && !inWord ? 1 : 0;
            inWord = !isBlank;
        }
        return words;
    }
}
