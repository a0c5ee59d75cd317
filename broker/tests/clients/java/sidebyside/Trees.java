package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

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

  /** One line for each place where the trees differ. */
  static List<String> differences(JsonNode kafka, JsonNode ours) {
    List<String> found = new ArrayList<>();
    walk("", kafka, ours, found);
    return found;
  }

  private static void walk(String path, JsonNode kafka, JsonNode ours, List<String> found) {
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
    } else if (kafka.isArray() && ours.isArray() && kafka.size() == ours.size()) {
      for (int index = 0; index < kafka.size(); index++) {
        walk(path + "[" + index + "]", kafka.get(index), ours.get(index), found);
      }
    } else {
      found.add((path.isEmpty() ? "." : path) + ": " + shown(kafka) + " | " + shown(ours));
    }
  }

  static JsonNode text(String value) {
    return JsonNodeFactory.instance.textNode(value);
  }
}
