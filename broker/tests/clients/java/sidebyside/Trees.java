package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Parts of trees by path, and where two trees differ. A path: `topics[name=words].partitions[0].leaderId`; `.` is all. */
final class Trees {
  private Trees() {}

  static JsonNode at(JsonNode tree, String path) {
    for (String step : steps(path)) {
      tree = child(tree, step);
    }
    return tree;
  }

  private static JsonNode child(JsonNode tree, String step) {
    if (!step.startsWith("[")) {
      return tree.path(step);
    }
    String inside = step.substring(1, step.length() - 1);
    int equals = inside.indexOf('=');
    if (equals < 0) {
      return tree.path(Integer.parseInt(inside));
    }
    for (JsonNode one : tree) {
      if (one.path(inside.substring(0, equals)).asText().equals(inside.substring(equals + 1))) {
        return one;
      }
    }
    return MissingNode.getInstance();
  }

  private static List<String> steps(String path) {
    List<String> steps = new ArrayList<>();
    // Names in brackets may have dots.
    for (String step : path.split("(?=\\[)|(?<=\\])\\.?|\\.(?![^\\[]*\\])")) {
      if (!step.isEmpty()) {
        steps.add(step);
      }
    }
    return steps;
  }

  /** Puts `value` where the path leads, or takes away what is there. */
  static JsonNode with(JsonNode tree, String path, JsonNode value) {
    List<String> steps = steps(path);
    if (steps.isEmpty()) {
      return value;
    }
    JsonNode parent = tree;
    for (String step : steps.subList(0, steps.size() - 1)) {
      parent = child(parent, step);
    }
    String last = steps.get(steps.size() - 1);
    if (parent instanceof ObjectNode object) {
      object.set(last, value);
    } else if (parent instanceof ArrayNode array) {
      // One that only one broker has leaves no trace in either.
      JsonNode old = child(array, last);
      for (int index = array.size() - 1; index >= 0; index--) {
        if (array.get(index) == old) {
          array.remove(index);
        }
      }
    }
    return tree;
  }

  static String shown(JsonNode node) {
    String text = node.isMissingNode() ? "absent" : node.isTextual() ? node.asText() : node.toString();
    return text.length() > 600 ? text.substring(0, 600) + "…" : text;
  }

  /** A place where two trees differ, and what is there. */
  record Difference(String path, JsonNode kafka, JsonNode ours) {
    String field() {
      return path.substring(path.lastIndexOf('.') + 1).replaceAll("\\[\\d+]$", "");
    }

    /** `KAFKA'S | OURS`, with `*` for whatever there is. */
    boolean isClaimedBy(String claim) {
      String[] parts = claim.split(" \\| ");
      return isClaimed(parts[0], kafka) && isClaimed(parts[1], ours);
    }

    private static boolean isClaimed(String claim, JsonNode value) {
      String[] fixed = claim.split("\\*", -1);
      String pattern = Arrays.stream(fixed).map(Pattern::quote).collect(Collectors.joining(".*"));
      return Pattern.compile(pattern, Pattern.DOTALL).matcher(Trees.shown(value)).matches();
    }

    @Override
    public String toString() {
      return (path.isEmpty() ? "." : path) + ": " + shown(kafka) + " | " + shown(ours);
    }
  }

  static List<Difference> differences(JsonNode kafka, JsonNode ours) {
    List<Difference> found = new ArrayList<>();
    walk("", kafka, ours, found);
    return found;
  }

  private static void walk(String path, JsonNode kafka, JsonNode ours, List<Difference> found) {
    if (kafka.equals(ours)) {
      return;
    }
    if (kafka.isObject() && ours.isObject()) {
      Set<String> names = new LinkedHashSet<>();
      kafka.fieldNames().forEachRemaining(names::add);
      ours.fieldNames().forEachRemaining(names::add);
      for (String name : names) {
        walk(path.isEmpty() ? name : path + "." + name, kafka.path(name), ours.path(name), found);
      }
    } else if (kafka.isArray() && ours.isArray()) {
      for (int index = 0; index < Math.max(kafka.size(), ours.size()); index++) {
        walk(path + "[" + index + "]", kafka.path(index), ours.path(index), found);
      }
    } else {
      found.add(new Difference(path, kafka, ours));
    }
  }

  static JsonNode text(String value) {
    return JsonNodeFactory.instance.textNode(value);
  }
}
