package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Takes out of one broker's answers what may differ between any two brokers: ports, the cluster's id, drawn ids, the time.
 *
 * <p>Ids become numbers in the order in which they are first seen, so that two that must be the same still must.
 */
final class Names {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String ZERO_ID = "AAAAAAAAAAAAAAAAAAAAAA";
  private static final long NOW_MS = 90_000;
  private static final Pattern LONG_ID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

  private static final Pattern SHORT_ID = Pattern.compile("(?<=(TopicId|Cluster ID): )\\S+");

  private final int port;
  private final Map<String, Integer> ids = new HashMap<>();

  Names(int port) {
    this.port = port;
  }

  /** A copy to compare; lists of structures in one order, since brokers keep them in hash maps. */
  JsonNode normal(String name, JsonNode node) {
    if (node instanceof ObjectNode object) {
      ObjectNode copy = JSON.objectNode();
      object.properties().forEach(entry -> copy.set(entry.getKey(), normal(entry.getKey(), entry.getValue())));
      return copy;
    } else if (node instanceof ArrayNode array) {
      List<JsonNode> all = new ArrayList<>();
      array.forEach(all::add);
      if (!name.equals("records")) {
        all.sort(Comparator.comparing(one -> masked(one)));
      }
      ArrayNode copy = JSON.arrayNode();
      all.forEach(one -> copy.add(normal(name, one)));
      return copy;
    } else if (node.isTextual()) {
      return JSON.textNode(text(name, node.asText()));
    } else if (node.isNumber()) {
      return number(name, node);
    }
    return node;
  }

  private JsonNode number(String name, JsonNode node) {
    long value = node.asLong();
    if (name.equals("port") && value == port) {
      return JSON.textNode("<port>");
    } else if (name.equals("producerId") && value >= 0) {
      return JSON.textNode("<producer " + seen("producer " + value) + ">");
    } else if (name.equals("sessionId") && value != 0) {
      return JSON.textNode("<session " + seen("session " + value) + ">");
    } else if (name.equals("usableBytes") || name.equals("totalBytes")) {
      return JSON.textNode(value > 0 ? "<bytes>" : "none");
    } else if (Math.abs(value - System.currentTimeMillis()) < NOW_MS) {
      return JSON.textNode("<now>");
    }
    return node;
  }

  private String text(String name, String value) {
    if (name.equals("clusterId") && !value.isEmpty()) {
      return "<cluster>";
    } else if (name.equals("logDir")) {
      return "<directory>";
    } else if (name.equals("errorMessage") || name.equals("batchIndexErrorMessage")) {
      return value.isEmpty() ? "" : "<words>";
    } else if (name.endsWith("opicId") && !value.equals(ZERO_ID)) {
      return "<id " + seen(value) + ">";
    }
    if (name.equals("lines")) {
      String line = value.strip().replaceAll("\\s+", " ").replace(String.valueOf(port), "<port>");
      line = line.replaceAll("\"logDir\":\"[^\"]*\"", "<directory>").replaceAll("\"(usable|total)Bytes\":[0-9]+", "<bytes>");
      return SHORT_ID.matcher(LONG_ID.matcher(line).replaceAll("<id>")).replaceAll("<id>");
    }
    return LONG_ID.matcher(value).replaceAll(found -> "<id " + seen(found.group()) + ">");
  }

  /** Before another script, which then counts from 1. */
  void forget() {
    ids.clear();
  }

  private int seen(String id) {
    return ids.computeIfAbsent(id, fresh -> ids.size() + 1);
  }

  /** What a list is sorted by: its text without what differs by nature. */
  private static String masked(JsonNode node) {
    String text = LONG_ID.matcher(node.toString()).replaceAll("");
    text = text.replaceAll("\"[A-Za-z]*rrorMessage\":(null|\"([^\"\\\\]|\\\\.)*\")", "");
    return text.replaceAll("\"(topicId|producerId|port|clusterId)\":[^,}]*", "");
  }
}
